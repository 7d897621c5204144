//! The arguments of backups and drills.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Backup {
    /// Copy data and keys, also while a server runs.
    ///
    /// Both are copied from states that belong together, and each goes to a file of its own: keep
    /// the keys apart from the data, and for shorter.
    Create(CreateArgs),
    /// Restore backups into a place of their own, open every record there, and remove it.
    ///
    /// Without arguments, the newest backup in the configured directories. Where the stores are
    /// PostgreSQL databases, those that the configuration names are verified as they are, such as
    /// ones that were restored from a base backup. Ends with 1 if anything is wrong.
    Verify(VerifyBackupArgs),
    /// Put backups in the place of a store.
    ///
    /// No server may run there, and nothing may be there, unless --move-aside is given.
    Restore(RestoreArgs),
    /// Show what the server does by schedule, and what came of it last.
    Schedule,
}

#[derive(Args)]
pub struct CreateArgs {
    /// Where the data goes: a directory, a new file, or - for standard output. Into a directory,
    /// the keys go too, unless they have one of their own. Without it, the configured directories.
    #[arg(long, value_name = "PLACE")]
    pub to: Option<PathBuf>,
    /// Where the keys go.
    #[arg(long, value_name = "PLACE")]
    pub keys_to: Option<PathBuf>,
    /// A command of the shell that takes a backup from its standard input. It is run for the keys
    /// and for the data, with the name of each in COFFER_BACKUP_NAME.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["to", "keys_to"])]
    pub pipe: Option<String>,
    /// In a directory, keep so many of the newest, and remove the others.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// In a directory, remove those that are older than so many days.
    #[arg(long, value_name = "DAYS")]
    pub keep_days: Option<u32>,
    /// Where a copy lies while it is written to a pipe; else beside the databases.
    #[arg(long, value_name = "DIRECTORY")]
    pub scratch: Option<PathBuf>,
}

#[derive(Args)]
pub struct VerifyBackupArgs {
    /// Backups, or directories whose newest one is meant; - is standard input.
    #[arg(value_name = "BACKUP")]
    pub from: Vec<PathBuf>,
    /// Where they are restored to for the time being; else the system's directory for that.
    #[arg(long, value_name = "DIRECTORY")]
    pub scratch: Option<PathBuf>,
}

#[derive(Args)]
pub struct RestoreArgs {
    /// Backups, or directories whose newest one is meant; - is standard input.
    #[arg(value_name = "BACKUP", required = true)]
    pub from: Vec<PathBuf>,
    /// Keep what is there under another name, instead of refusing.
    #[arg(long)]
    pub move_aside: bool,
}

#[derive(Args)]
pub struct DrillArgs {
    /// A directory of backups; repeatable. Without it, the configured ones.
    #[arg(long, value_name = "DIRECTORY")]
    pub from: Vec<PathBuf>,
    /// For PostgreSQL: a command of the shell that restores the databases below COFFER_DRILL_DIR,
    /// starts them, prints the addresses of data and keys, and ends them when its input ends.
    #[arg(long, value_name = "COMMAND")]
    pub with: Option<String>,
    /// A file of `coffer keyring export`, which opens what is restored in the place of the root of
    /// trust: to see that it would, if that were lost.
    #[arg(long, value_name = "FILE", conflicts_with = "with")]
    pub keyring: Option<PathBuf>,
    /// File with the passphrase of --keyring; asked for on a terminal without it.
    #[arg(long, value_name = "PATH", requires = "keyring")]
    pub passphrase: Option<PathBuf>,
    /// Where it is restored to for the time being; else the system's directory for that.
    #[arg(long, value_name = "DIRECTORY")]
    pub scratch: Option<PathBuf>,
}
