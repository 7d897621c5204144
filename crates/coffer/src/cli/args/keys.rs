//! The arguments of `coffer keys`.

use super::{IdArg, ListArgs, duration};
use clap::{Args, Subcommand};
use coffer_base::Mode;
use coffer_kernel::AdminRole;

#[derive(Subcommand)]
pub enum Keys {
    /// Make a key. It is shown once.
    Create(CreateKeyArgs),
    /// List keys, newest first; revoked and expired ones too.
    List {
        #[command(flatten)]
        listing: ListArgs,
        /// Only those of this app.
        #[arg(long)]
        app: Option<String>,
    },
    /// Show one key, without its token.
    Show(IdArg),
    /// Make a key like another one, which then ends soon. The new key is shown once.
    Roll(RollArgs),
    /// Revoke a key at once and for good, and the ephemeral keys that it made.
    Revoke(IdArg),
    /// Let no keys of apps be made or rolled any more, also after a restart.
    Lock,
    /// Let keys of apps be made again: on the host, with the root key. A server that has its store
    /// in files must be stopped.
    Unlock,
}

#[derive(Args)]
pub struct CreateKeyArgs {
    /// The app that it belongs to.
    #[arg(long, required_unless_present = "admin", conflicts_with = "admin")]
    pub app: Option<String>,
    /// Test or live.
    #[arg(long, required_unless_present = "admin", conflicts_with = "admin")]
    #[arg(value_parser = Mode::ALL.map(Mode::as_str))]
    pub mode: Option<String>,
    /// Restrict it to this; can be given several times.
    #[arg(long, value_name = "PERMISSION", conflicts_with = "admin")]
    pub permission: Vec<String>,
    /// Make an admin key instead.
    #[arg(long)]
    pub admin: bool,
    /// What the admin key may do: everything, only read, or make, roll and revoke keys of apps.
    #[arg(long, requires = "admin", value_parser = AdminRole::ALL.map(AdminRole::as_str))]
    pub role: Option<String>,
    /// A name for people.
    #[arg(long)]
    pub name: Option<String>,
    /// When it ends: 90d, 12h, 90m, 45s.
    #[arg(long, value_name = "TIME", value_parser = duration::seconds)]
    pub expires_in: Option<i64>,
    /// It does not end by itself, whatever the server's setting for new keys is.
    #[arg(long, conflicts_with = "expires_in")]
    pub never_expires: bool,
    /// A network that it may be used from, such as 10.0.0.0/8; can be given several times.
    #[arg(long, value_name = "NETWORK")]
    pub network: Vec<String>,
    /// How often it may be used.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: Option<u32>,
}

#[derive(Args)]
pub struct RollArgs {
    /// The key's id.
    pub id: String,
    /// How long it goes on: 24h if nothing is said, 7d at most, or now to end it at once.
    #[arg(long, value_name = "TIME", value_parser = seconds_or_now)]
    pub expires_in: Option<i64>,
}

/// A duration, or none at all.
fn seconds_or_now(text: &str) -> Result<i64, String> {
    if text == "now" { Ok(0) } else { duration::seconds(text) }
}
