//! Accounts, apps, installs and keys as they are stored.

use coffer_base::{AccountId, AppId, Mode, Timestamp};
use coffer_kernel::AccountAccess;

/// Whoever installs apps, or develops them.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) seq: i64,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
}

/// An app, made by one account.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) seq: i64,
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) secrets_per_scope: Option<i64>,
    pub(crate) created: Timestamp,
}

/// An app on an account.
#[derive(Clone, Debug)]
pub(crate) struct Install {
    pub(crate) app: AppId,
    pub(crate) account: AccountId,
    pub(crate) id: String,
    pub(crate) seq: i64,
    pub(crate) active: bool,
    pub(crate) created: Timestamp,
}

/// What a key is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Secret,
    Restricted,
    Ephemeral,
    Admin,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Secret, Self::Restricted, Self::Ephemeral, Self::Admin];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Restricted => "restricted",
            Self::Ephemeral => "ephemeral",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A key, without its token.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey {
    pub(crate) id: String,
    pub(crate) seq: i64,
    pub(crate) kind: Kind,
    pub(crate) mode: Option<Mode>,
    pub(crate) app: Option<AppId>,
    /// Of an ephemeral key: the account and the user that it is for.
    pub(crate) bound: Option<Bound>,
    /// `None` where they are not restricted.
    pub(crate) permissions: Option<Vec<String>>,
    /// The key that made an ephemeral key.
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    /// The token with its middle starred out.
    pub(crate) shown: String,
    pub(crate) created: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) revoked_at: Option<Timestamp>,
    pub(crate) last_used: Option<Timestamp>,
}

/// What an ephemeral key is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) account: AccountId,
    pub(crate) user: String,
    pub(crate) account_access: AccountAccess,
}

impl ApiKey {
    /// Whether the key is over: revoked, or expired.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|at| at <= now)
    }
}
