//! The arguments of `coffer secrets`.

use super::{ListArgs, ScopeArgs};
use crate::cli::duration;
use crate::cli::secret_text::Form;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Secrets {
    /// Set a secret. Its value comes from --from-file, standard input, or a prompt.
    ///
    /// The value of a file is the file as it is. From standard input and from the prompt, one
    /// newline at the end does not belong to the value. A value is never an argument: every
    /// process of the machine can read arguments.
    Set {
        /// The secret's name.
        name: String,
        #[command(flatten)]
        scope: ScopeArgs,
        /// When it ends: 30d, 12h, 90m, 45s.
        #[arg(long, value_name = "TIME", value_parser = duration::seconds)]
        expires_in: Option<i64>,
        /// The file with the value, which is kept as it is.
        #[arg(long, value_name = "PATH")]
        from_file: Option<PathBuf>,
    },
    /// Show a secret, without its value unless that is asked for.
    Get {
        /// The secret's name.
        name: String,
        #[command(flatten)]
        scope: ScopeArgs,
        /// Print the value.
        #[arg(long)]
        reveal: bool,
    },
    /// List the secrets of a scope, without their values.
    List {
        #[command(flatten)]
        scope: ScopeArgs,
        #[command(flatten)]
        listing: ListArgs,
    },
    /// Delete a secret.
    Delete {
        /// The secret's name.
        name: String,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Set what a file of NAME=value lines, JSON, YAML or CSV has.
    ///
    /// What is there already with the same value is left alone, so an import that was interrupted
    /// is run again and goes on. If one secret cannot be set, those before it are put back.
    #[command(after_help = "Examples:
  coffer secrets import .env --dry-run
  coffer secrets import prod.yaml --account acct_1
  sops -d prod.enc.json | coffer secrets import - --as json")]
    Import(ImportArgs),
    /// Print the secrets of a scope with their values, or write them to a file.
    #[command(after_help = "Examples:
  coffer secrets export --to backup.env
  coffer secrets export --as json --reveal | jq -r .token")]
    Export(ExportArgs),
    /// Copy secrets to another user's scope, or to another account that has the app installed.
    #[command(after_help = "Examples:
  coffer secrets copy --to-account acct_2
  coffer secrets copy token --user usr_1 --to-user usr_2 --dry-run")]
    Copy(CopyArgs),
    /// List the secrets of a scope that end soon, the first to end first.
    Expiring(ExpiringArgs),
    /// Change a value in an editor. It is in memory meanwhile, and on no disk.
    Edit {
        /// The secret's name.
        name: String,
        #[command(flatten)]
        scope: ScopeArgs,
    },
    /// Show who set and deleted a secret, who read it, and when last; with an admin key.
    History {
        /// The secret's name.
        name: String,
        /// The account.
        #[arg(long)]
        account: String,
        /// The user, if it is in a user's scope.
        #[arg(long)]
        user: Option<String>,
    },
}

#[derive(Args)]
pub struct ImportArgs {
    /// The file, or - for standard input.
    pub file: PathBuf,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// What is in it, if its name does not say: dotenv, json, yaml or csv.
    #[arg(long = "as", value_enum, value_name = "FORM", hide_possible_values = true)]
    pub form: Option<Form>,
    /// Only show what would change, without values.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// dotenv, json, yaml or csv; else what the name of --to ends with, or dotenv.
    #[arg(long = "as", value_enum, value_name = "FORM", hide_possible_values = true)]
    pub form: Option<Form>,
    /// A new file, which only its owner can read.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Print the values on a terminal, too.
    #[arg(long)]
    pub reveal: bool,
}

#[derive(Args)]
pub struct CopyArgs {
    /// Only these; else all of the scope.
    pub names: Vec<String>,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// The account that they go to; else the same.
    #[arg(long, value_name = "ACCOUNT")]
    pub to_account: Option<String>,
    /// The user whose scope they go to; else the account's.
    #[arg(long, value_name = "USER")]
    pub to_user: Option<String>,
    /// Only show what would change, without values.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct ExpiringArgs {
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// How far ahead: 30d, 12h, 90m.
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = duration::seconds)]
    pub within: i64,
}
