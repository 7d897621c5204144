//! What `coffer audit` does.

use super::audit_read::AuditRead;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// All but `tail`, `search` and `prune` read the store itself, also while a server runs. What needs
/// the log's key derives it with the root key, unless --key gives it.
#[derive(Subcommand)]
pub enum Audit {
    /// Reading entries from a server.
    #[command(flatten)]
    Read(AuditRead),
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
        /// Also what a receiver of the audit does not have yet, and will never get then.
        #[arg(long)]
        unshipped: bool,
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
}
