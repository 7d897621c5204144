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
    #[arg(long, value_parser = ["done", "replayed", "refused", "failed"])]
    #[arg(hide_possible_values = true)]
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
pub(super) fn moment(text: &str) -> Result<i64, String> {
    if let Ok(unix) = text.parse() {
        return Ok(unix);
    }
    duration::seconds(text).map(duration::ago)
}
