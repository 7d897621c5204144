//! The Secret Store: apps keep credentials for the accounts that installed them, shared by an
//! account or private to one user, with an expiry (`docs/wire/secret-store.md`).
//!
//! A family: it declares operations and owns its tables. It knows the kernel, keys and the unit
//! of work, and neither HTTP, nor a database driver, nor any other family.

mod jobs;
pub mod limits;
mod opening;
mod operations;
mod secret;
mod store;
mod wire;

pub use jobs::expire::ExpireSecrets;
pub use opening::open_all;
pub use store::{ERASE, MIGRATIONS};

use coffer_kernel::Routes;
use operations::{delete::Delete, find::Find, list::List, set::Set};

/// The name of the quota that an app can have of its own: secrets in one scope.
pub const SECRETS_PER_SCOPE: &str = "secrets_per_scope";

/// What an operator can set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Secrets in one scope, 1 to [`coffer_base::limit::SECRETS_PER_SCOPE_CEILING`], unless the
    /// app has a quota of its own.
    pub secrets_per_scope: u32,
    /// Whether delete answers with the whole secret and `deleted: true`, as the SDKs' types say,
    /// instead of the three documented keys (secret store §7, decision 1).
    pub delete_returns_secret: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { secrets_per_scope: limits::SECRETS_PER_SCOPE, delete_returns_secret: false }
    }
}

/// Adds the four operations to the routes.
pub fn register(routes: &mut Routes, settings: Settings) {
    routes
        .write(Set { secrets_per_scope: settings.secrets_per_scope })
        .read(List)
        .read(Find)
        .write(Delete { returns_secret: settings.delete_returns_secret });
}
