//! The arguments of the verbs about keys that encrypt.

use clap::{Args, Subcommand, ValueEnum};

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
