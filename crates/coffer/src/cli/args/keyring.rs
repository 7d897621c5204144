//! The arguments of the verbs about keys that encrypt.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum KeyringVerb {
    /// Show which keys there are, and how far a rotation has come.
    Status,
    /// Make new keys, seal all records under them, and destroy the old ones.
    ///
    /// The server does it beside its requests. Once old keys are destroyed, no backup of the data
    /// from before opens any more, unless a backup of the keys from before is kept with it.
    Rotate(RotateArgs),
    /// Destroy old keys that were kept, once no record is sealed under them.
    Destroy {
        #[command(flatten)]
        wait: WaitArgs,
        /// Do not ask before keys are destroyed; needed where there is no terminal.
        #[arg(long)]
        yes: bool,
    },
    /// The root of trust: what keeps the key that wraps all others.
    #[command(subcommand)]
    Root(RootVerb),
    /// Print the master keys for a file that opens the store if its root is lost.
    ///
    /// The file is of use only with the passphrase, and with the key store.
    Export(Wrapping),
    /// Open a key store whose root is lost with an exported file, under a new root.
    ///
    /// Roots from before open nothing any more. Servers must be restarted with the new one.
    Import {
        /// The exported file.
        file: PathBuf,
        #[command(flatten)]
        wrapping: Wrapping,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Args)]
pub struct RotateArgs {
    /// Which keys: master, tenant, or all.
    pub keys: RotatedKeys,
    /// Only those of this app's tenants.
    #[arg(long)]
    pub app: Option<String>,
    /// Only those of this account's tenants.
    #[arg(long)]
    pub account: Option<String>,
    /// Leave the old keys, until `coffer keyring destroy`.
    #[arg(long)]
    pub keep: bool,
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// Whether to wait for the end.
#[derive(Args)]
pub struct WaitArgs {
    /// Wait for the end, and show how far it has come.
    #[arg(long)]
    pub wait: bool,
}

/// Keys to be rotated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum RotatedKeys {
    /// The master key, which wraps the tenants' keys.
    Master,
    /// The tenants' keys, which seal records.
    Tenant,
    /// Both.
    All,
}

impl RotatedKeys {
    /// The word for them.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Tenant => "tenant",
            Self::All => "all",
        }
    }
}

#[derive(Subcommand)]
pub enum RootVerb {
    /// Show which roots open the keys, without asking any.
    Status,
    /// Let another root open the keys too: the first half of a move, while servers run.
    ///
    /// Keys and data stay as they are: the master keys are wrapped once more. Then give the new
    /// root to every server, restart one after the other, and run `finish` with the new root.
    Migrate(Target),
    /// Let only the new root, which is configured now, open the keys: the second half.
    Finish,
    /// Take a move back that is not finished.
    Cancel,
    /// Seal the root key anew under the newest version of its key (transit: rewrap).
    Renew,
}

/// A root to move to.
#[derive(Args)]
pub struct Target {
    /// The new root, as the setting root names it.
    #[arg(long, value_name = "ROOT", default_value = "key")]
    pub to: String,
    /// Where a new root key goes, for key; else keys/STORE.root in the configuration directory.
    #[arg(long, value_name = "PATH")]
    pub to_key: Option<PathBuf>,
    /// File with its passphrase, PIN or token; asked for on a terminal without it.
    #[arg(long, value_name = "PATH")]
    pub to_secret: Option<PathBuf>,
}

/// What wraps an exported keyring.
#[derive(Args)]
pub struct Wrapping {
    /// What wraps the keys in the file.
    #[arg(long, value_name = "WHAT", default_value = "passphrase", value_parser = ["passphrase"])]
    pub wrapped_by: String,
    /// File with the passphrase; asked for on a terminal without it.
    #[arg(long, value_name = "PATH")]
    pub passphrase: Option<PathBuf>,
}
