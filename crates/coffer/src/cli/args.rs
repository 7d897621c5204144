//! The verbs and their arguments.

mod audit;
mod audit_read;
mod backup;
mod clock;
mod dev;
mod flags;
mod health;
mod keyring;
mod keys;
mod ledger;
mod listen;
mod reserves;
mod run;
mod secrets;
mod stripe;

pub use audit::{Audit, ExportArgs, ProveArgs, VerifyArgs};
pub use audit_read::{AuditFilters, AuditRead, Explain, ExplainArgs};
pub use backup::{Backup, CreateArgs, DrillArgs, RestoreArgs, VerifyBackupArgs};
pub use clock::{ClockVerb, Schedule};
pub use dev::DevArgs;
pub use health::HealthArgs;
pub use keyring::{KeyringVerb, RootVerb, RotateArgs, Target, Wrapping};
pub use keys::{CreateKeyArgs, Keys, RollArgs};
pub use ledger::{ImportArgs as LedgerImportArgs, Ledger, PullArgs, ReconcileArgs, StripeAccess};
pub use listen::ListenArgs;
pub use reserves::{ReportArgs, Reserves, SimulateArgs, Story, StoryArgs, WhichArgs};
pub use run::{LoginArgs, RunArgs};
pub use secrets::{CopyArgs, ExpiringArgs, ExportArgs as ExportSecretsArgs, ImportArgs, Secrets};
pub use stripe::{Elsewhere, StripeArgs};

use super::duration;
use super::exit::CODES;
use super::output::Format;
use clap::{Args, Command, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// A self-hosted server that speaks Stripe's Secret Store and Reserves.
#[derive(Parser)]
#[command(name = "coffer", version = coffer::VERSION)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// How results are printed: table for people, or json, one document for programs. `audit
    /// export` prints jsonl or csv.
    #[arg(long, global = true, value_enum, default_value = "table", value_name = "FORMAT")]
    #[arg(hide_possible_values = true)]
    pub format: Format,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Arguments of `coffer doctor`.
#[derive(Args)]
pub struct DoctorArgs {
    /// Save what can be read of damaged stores into a new directory, and change nothing else.
    #[arg(long, value_name = "DIRECTORY")]
    pub repair: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Serve on this machine for development: nothing to configure, any test key works.
    ///
    /// `coffer dev -- COMMAND` serves as long as the command runs, on a free port and from a new
    /// store, unless a port or a directory is named.
    Dev(DevArgs),
    /// Make a store, its root key and the first admin key.
    Init(InitArgs),
    /// Serve the API, the admin API and the background jobs.
    Serve(ServeArgs),
    /// Ask a running server what it is doing.
    Status,
    /// Ask a running server whether it is well, for health checks: ends with 0 or 1, needs no key.
    Health(HealthArgs),
    /// Check the data directory, the keys and the machine, without a server.
    Doctor(DoctorArgs),
    /// Make an admin key without a server, when the last one was lost.
    #[command(subcommand)]
    AdminKey(AdminKey),
    /// Accounts: whose secrets are kept.
    #[command(subcommand)]
    Accounts(Accounts),
    /// Apps: who keeps secrets.
    #[command(subcommand)]
    Apps(Apps),
    /// Users of accounts, whose secrets apps keep.
    #[command(subcommand)]
    Users(Users),
    /// Receipts of what was erased.
    #[command(subcommand)]
    Erasures(Erasures),
    /// Installs: which app is on which account.
    #[command(subcommand)]
    Installs(Installs),
    /// Keys of apps, and admin keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Keys that encrypt: which there are, new ones in their place, and what keeps their root.
    #[command(subcommand)]
    Keyring(KeyringVerb),
    /// Stop in an emergency: all servers drop the keys at once, and answer no request for data.
    ///
    /// A restart does not end it: servers start without the tenants' keys until `coffer unseal`.
    Seal,
    /// End an emergency stop: the servers read the root key again, and go on.
    Unseal,
    /// The server's clock, and whether it believes it.
    #[command(subcommand)]
    Clock(ClockVerb),
    /// The scheduler's watermarks.
    #[command(subcommand)]
    Schedule(Schedule),
    /// Say why a request got what it got, and what to do; or show the history of a secret.
    Explain(ExplainArgs),
    /// Secrets, with an app's key.
    #[command(subcommand)]
    Secrets(Secrets),
    /// Run a command with secrets in its environment, or in a file that only it can read.
    Run(RunArgs),
    /// Keep a server's address and a key for it in a profile, for all verbs that ask a server.
    Login(LoginArgs),
    /// Take a profile away.
    Logout,
    /// List the profiles.
    Profiles,
    /// Follow an app's events and send them to a program on this machine, signed as webhooks are.
    Listen(ListenArgs),
    /// The ledgers beneath Reserves: feed them, compare them, check them.
    #[command(subcommand)]
    Ledger(Ledger),
    /// Reserves: exposure and coverage, the story of a hold, what a plan would have done.
    #[command(subcommand)]
    Reserves(Reserves),
    /// Change the schema of a PostgreSQL database, in two halves.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Move a store from files to PostgreSQL, or back, and check what arrived.
    MigrateStore(MigrateStoreArgs),
    /// Copy data and keys, also while a server runs; verify and restore copies.
    #[command(subcommand)]
    Backup(Backup),
    /// The audit: read it, look into it, verify it, prove it, print it.
    #[command(subcommand)]
    Audit(Audit),
    /// Restore the newest backup into a place of its own, verify it, and say what came of it.
    Drill(DrillArgs),
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Bring an app's secrets over from Stripe.
    #[command(subcommand)]
    Import(Elsewhere),
    /// Compare an app's secrets with those at Stripe.
    #[command(subcommand)]
    Compare(Elsewhere),
    /// Write the manual: a page for each verb.
    Man {
        /// The directory for the pages, such as /usr/local/share/man/man1.
        directory: PathBuf,
    },
    /// Print the description of the API as OpenAPI 3.1, as servers answer it at /openapi.json.
    Openapi,
    /// Print a shell's completions, which know names of secrets, accounts and profiles.
    #[command(after_help = "Examples:
  coffer completions bash > /etc/bash_completion.d/coffer
  coffer completions zsh > \"${fpath[1]}/_coffer\"
  coffer completions fish > ~/.config/fish/completions/coffer.fish")]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Args)]
pub struct ServeArgs {
    /// Serve stores that are older than the head file says, or than the key store knows of the
    /// audit, once: somebody has put them back on purpose. Or stores whose head file is gone: then
    /// it is made anew. The audit log records it.
    #[arg(long)]
    pub accept_rollback: bool,
}

#[derive(Args)]
pub struct InitArgs {
    /// Also make an account and an app of this name, with a test key and a live key.
    #[arg(long, value_name = "NAME", value_parser = display_name)]
    pub app: Option<String>,
}

#[derive(Subcommand)]
pub enum AdminKey {
    /// Make an admin key. The server must be stopped; the root key is needed.
    Create,
}

#[derive(Subcommand)]
pub enum Accounts {
    /// Make an account.
    Create {
        /// A name for people.
        #[arg(long)]
        name: Option<String>,
        /// The id, if it has one elsewhere already: acct_…
        #[arg(long)]
        id: Option<String>,
    },
    /// List accounts, newest first.
    List(ListArgs),
    /// Show one account.
    Show(IdArg),
    /// Erase an account, its apps, and everything that any app keeps for it, for good.
    Delete(DeleteArgs),
    /// The same, with a receipt that says which copies of the keys must go, too.
    Purge(DeleteArgs),
}

#[derive(Subcommand)]
pub enum Users {
    /// Erase what all apps keep for one user of an account, with a receipt.
    Purge {
        /// The account.
        #[arg(long)]
        account: String,
        /// The user, as the apps call it.
        #[arg(long)]
        user: String,
        /// Do not ask before it is erased; needed where there is no terminal.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Subcommand)]
pub enum Erasures {
    /// List receipts, newest first.
    List(ListArgs),
    /// Show one receipt.
    Show(IdArg),
}

#[derive(Subcommand)]
pub enum Apps {
    /// Make an app of an account.
    Create {
        /// The account of its developer.
        #[arg(long)]
        account: String,
        /// A name for people.
        #[arg(long)]
        name: Option<String>,
        /// The id, if it has one elsewhere already: app_…
        #[arg(long)]
        id: Option<String>,
        /// A number of its own, such as secrets_per_scope=20; else the server's. Repeatable.
        #[arg(long = "quota", value_name = "NAME=NUMBER", value_parser = quota)]
        quotas: Vec<(String, String)>,
    },
    /// List apps, newest first.
    List {
        #[command(flatten)]
        listing: ListArgs,
        /// Only those of this account.
        #[arg(long)]
        account: Option<String>,
    },
    /// Show one app.
    Show(IdArg),
    /// Erase an app, its keys, and everything that it keeps for anybody, for good.
    Delete(DeleteArgs),
}

#[derive(Subcommand)]
pub enum Installs {
    /// Install an app on an account, or let it in again after an uninstall.
    Create {
        /// The app.
        #[arg(long)]
        app: String,
        /// The account.
        #[arg(long)]
        account: String,
    },
    /// List installs, newest first.
    List {
        #[command(flatten)]
        listing: ListArgs,
        /// Only those of this app.
        #[arg(long)]
        app: Option<String>,
        /// Only those on this account.
        #[arg(long)]
        account: Option<String>,
    },
    /// Show one install.
    Show(IdArg),
    /// Uninstall: the secrets stay, and the app cannot reach them.
    Delete {
        #[command(flatten)]
        args: DeleteArgs,
        /// Erase the secrets too, for good.
        #[arg(long)]
        purge: bool,
    },
}

/// Servers of both stores must be stopped. If it is interrupted, run it again, and it continues.
/// The target must be empty; the source stays as it is.
#[derive(Args)]
pub struct MigrateStoreArgs {
    /// Where the store is: sqlite:DIR, or postgres://… of the data.
    #[arg(long, value_name = "STORE")]
    pub from: String,
    /// Where its keys are: postgres://…, or sqlite:DIR if not in the directory of the data.
    #[arg(long, value_name = "STORE")]
    pub from_keys: Option<String>,
    /// Where it goes.
    #[arg(long, value_name = "STORE")]
    pub to: String,
    /// Where its keys go, likewise.
    #[arg(long, value_name = "STORE")]
    pub to_keys: Option<String>,
}

#[derive(Subcommand)]
pub enum Migrate {
    /// Add what this version needs, with servers of the version before still running.
    Up,
    /// Take away what only older versions needed, once none of their servers runs any more.
    Finish,
    /// Spread the data over the servers of a Citus cluster, with no coffer server running.
    ///
    /// Rows of one account go to one server. Run again, it goes on where it was interrupted, and
    /// changes nothing that is done.
    Distribute {
        /// Only print the statements that it would run.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Subcommand)]
pub enum ConfigVerb {
    /// Check flags, environment and file.
    Check,
    /// Show every setting and where it came from.
    Print,
}

/// The scope of a secret.
#[derive(Args)]
pub struct ScopeArgs {
    /// The scope of this user, instead of the account's.
    #[arg(long)]
    pub user: Option<String>,
    /// The account that has the app installed; else the app's own.
    #[arg(long)]
    pub account: Option<String>,
}

/// Arguments of every list.
#[derive(Args)]
pub struct ListArgs {
    /// At most so many; else all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
}

/// The object that a verb is about.
#[derive(Args)]
pub struct IdArg {
    /// Its id.
    pub id: String,
}

/// The object to delete.
#[derive(Args)]
pub struct DeleteArgs {
    /// Its id.
    pub id: String,
    /// Do not ask before something is erased; needed where there is no terminal.
    #[arg(long)]
    pub yes: bool,
}

fn display_name(text: &str) -> Result<String, String> {
    let longest = coffer_identity::limits::DISPLAY_NAME_CHARACTERS;
    if text.is_empty() || text.chars().count() > longest {
        return Err(format!("a name has 1 to {longest} characters"));
    }
    Ok(text.to_owned())
}

/// A quota as it is written; the server knows which there are.
fn quota(text: &str) -> Result<(String, String), String> {
    let (name, number) = text.split_once('=').ok_or("write it as NAME=NUMBER")?;
    Ok((name.to_owned(), number.to_owned()))
}

/// The whole command line.
pub fn command() -> Command {
    let mut codes = String::from("Exit codes:\n");
    for (_, code, meaning) in CODES {
        codes.push_str(&format!("  {code:>3}  {meaning}\n"));
    }
    flags::with_all(Cli::command().after_long_help(codes))
}

#[cfg(test)]
mod tests {
    use super::flags::FLAGS;
    use super::*;
    use crate::config;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_flag_is_some_verbs() {
        let flags = config::ALL.iter().filter(|setting| setting.flag.is_some());
        for setting in flags {
            let mut used = FLAGS.iter().flat_map(|(_, groups)| groups.iter());
            let is_used =
                used.any(|group| group.settings().iter().any(|used| used.name == setting.name));
            assert!(is_used, "{}", setting.name);
        }
    }
}
