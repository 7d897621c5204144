<<<<<<< HEAD
//! The arguments of the verbs that read entries of the audit from a server.

use crate::cli::duration;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum AuditRead {
    /// Show the newest entries of the audit, and with --follow those that come.
    Tail {
        #[command(flatten)]
        filters: AuditFilters,
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
        #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
        lines: u32,
        /// Go on, and show what comes, until it is interrupted.
        #[arg(short, long)]
        follow: bool,
    },
    /// Look for entries of the audit by what is in them, the newest first.
    Search {
        #[command(flatten)]
        filters: AuditFilters,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_name = "N")]
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
}

/// What entries must have.
#[derive(Args)]
pub struct AuditFilters {
    /// Only those of this account.
    #[arg(long)]
    pub account: Option<String>,
    /// Only those of this app.
    #[arg(long)]
    pub app: Option<String>,
    /// Only what this key did.
    #[arg(long, value_name = "KEY_ID")]
    pub key: Option<String>,
    /// Only this operation, such as apps.secrets.find.
    #[arg(long)]
    pub operation: Option<String>,
    /// Only those that came out so: done, replayed, refused or failed.
    #[arg(long, value_parser = ["done", "replayed", "refused", "failed"], hide_possible_values = true)]
    pub outcome: Option<String>,
    /// Only that of this request: req_…
    #[arg(long)]
    pub request: Option<String>,
    /// Only what was done to this object.
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// Not before this time, in Unix seconds, or so long ago: 30d, 12h, 90m, 45s.
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    pub since: Option<i64>,
    /// Not after this time, likewise.
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true)]
    pub until: Option<i64>,
}

#[derive(Subcommand)]
pub enum Explain {
    /// The history of a secret: who set and deleted it, who read it, and when last.
    Secret {
        /// Its name.
        name: String,
        /// The account that it is kept for.
        #[arg(long)]
        account: String,
        /// In the scope of this user, instead of the account's.
        #[arg(long)]
        user: Option<String>,
    },
}

/// What is to be explained: a request by its id, or something else by a verb of its own.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct ExplainArgs {
    /// The request's id: req_…
    #[arg(required = true)]
    pub request: Option<String>,
    /// The name that the request asked for; the audit has only a digest of it.
    #[arg(long)]
    pub name: Option<String>,
    #[command(subcommand)]
    pub other: Option<Explain>,
}

/// A time in Unix seconds, or how long it is ago.
fn moment(text: &str) -> Result<i64, String> {
    if let Ok(unix) = text.parse() {
        return Ok(unix);
    }
    duration::seconds(text).map(duration::ago)
=======
//! What `coffer audit` does.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// All but `prune` read the store itself, also while a server runs. What needs the log's key
/// derives it with the root key, unless --key gives it.
#[derive(Subcommand)]
pub enum AuditRead {
    /// Check that no entry was altered, deleted, inserted or moved, and say which was.
    Verify(VerifyArgs),
    /// Print the log's newest checkpoint: its size and root, signed.
    Checkpoint,
    /// Print the key that checks the log's signatures.
    Key,
    /// Prove to others that an entry is in the log, or that the log continues an older one.
    Prove(ProveArgs),
    /// Print all entries of the log: with --format jsonl, the default, a line of JSON for each,
    /// which can be verified elsewhere; with --format csv for a spreadsheet.
    Export(ExportArgs),
    /// Let old entries go. Their hashes stay, so that the rest can still be verified.
    Prune {
        /// The checkpoint whose entries go: its size, or the file that has it.
        #[arg(long, value_name = "CHECKPOINT")]
        before: String,
        /// Do not ask; needed where there is no terminal.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
pub struct VerifyArgs {
    /// Verify this export instead of the store.
    #[arg(long, value_name = "FILE")]
    pub offline: Option<PathBuf>,
    /// The key that signs the log, as `coffer audit key` prints it; else it is derived with the
    /// root key.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A file with checkpoints that were anchored elsewhere: the log must have them all.
    /// Repeatable.
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    pub anchored: Vec<PathBuf>,
}

#[derive(Args)]
pub struct ProveArgs {
    /// The entry's number, or its id: aud_…
    #[arg(required_unless_present = "consistency", conflicts_with = "consistency")]
    pub entry: Option<String>,
    /// Prove that the log begins with that of this checkpoint: its size, or the file that has it.
    #[arg(long, value_name = "OLD")]
    pub consistency: Option<String>,
}

#[derive(Args)]
pub struct ExportArgs {
    /// Only entries with numbers above this one.
    #[arg(long, value_name = "N", default_value = "0")]
    pub after: u64,
>>>>>>> audit-proof
}
