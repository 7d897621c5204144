//! What `coffer backup` copies.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Backup {
    /// Copy the data to a new file. Without the keys it can be opened by nobody.
    Create {
        /// The new file.
        file: PathBuf,
    },
    /// Copy the wrapped keys to a new file. Without the root key they open nothing.
    Keys {
        /// The new file.
        file: PathBuf,
    },
}
