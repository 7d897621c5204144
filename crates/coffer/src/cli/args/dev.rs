//! The arguments of `coffer dev`.

use crate::config::LISTEN;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Args, Default)]
pub struct DevArgs {
    /// Port on this machine; 0 lets the system choose a free one.
    #[arg(long, value_name = "PORT", conflicts_with = LISTEN.name)]
    pub port: Option<u16>,
    /// Write this file once the server serves: lines NAME=VALUE as --print-env prints them. It is
    /// removed at the start and at the end.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Keep the data in a directory of this run, which is gone at the end, unless one is named.
    #[arg(long)]
    pub temporary: bool,
    /// Print the variables that clients need, NAME=VALUE for a shell, instead of the banner.
    #[arg(long)]
    pub print_env: bool,
    /// End once the process that has started this one has ended.
    #[arg(long)]
    pub exit_with_parent: bool,
    /// Make what this TOML file has, in a new store: accounts, keys, installs, secrets, plans,
    /// charges.
    #[arg(long, value_name = "FILE")]
    pub seed: Option<PathBuf>,
    /// Run this command while the server serves, with the variables that clients need; end with
    /// it, and with its exit code.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

impl DevArgs {
    /// Whether a store of its own is made, which is gone at the end, unless a directory is named.
    pub const fn is_throwaway(&self) -> bool {
        self.temporary || self.seed.is_some() || !self.command.is_empty()
    }
}
