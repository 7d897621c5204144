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
    pub(crate) quotas: Quotas,
    pub(crate) created: Timestamp,
}

/// The numbers that an operator has set for one app, by name. Their meaning is known to the
/// families that ask for them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Quotas(Vec<(String, i64)>);

impl Quotas {
    /// Sets a quota, or takes it back.
    pub(crate) fn set(&mut self, name: &str, value: Option<i64>) {
        self.0.retain(|(of, _)| of != name);
        if let Some(value) = value {
            self.0.push((name.to_owned(), value));
        }
    }

    /// The app's own value, if it has one.
    pub(crate) fn get(&self, name: &str) -> Option<i64> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| *value)
    }

    /// All that are set.
    pub(crate) fn all(&self) -> &[(String, i64)] {
        &self.0
    }

    /// As one column: `name=value`, separated by blanks.
    pub(crate) fn encode(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ")
    }

    /// From that column; `None` if it holds anything else.
    pub(crate) fn decode(column: &str) -> Option<Self> {
        let pairs = column.split(' ').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        pairs.collect::<Option<_>>().map(Self)
    }
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
