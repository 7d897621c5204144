//! Owners of data: tenants, and the owners of ledgers and events.

use crate::id::{AccountId, AppId};
use std::fmt;

/// Test and live data are kept apart; the API key of a request decides which it sees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mode {
    /// Test data, `livemode: false`.
    Test,
    /// Live data, `livemode: true`.
    Live,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Test, Self::Live];

    /// Its name in API keys and in the admin API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }

    /// The mode with the name `word`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }

    /// The value of `livemode` on the wire.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// Its code in a stored row: 0 for test, 1 for live.
    pub const fn code(self) -> i64 {
        match self {
            Self::Test => 0,
            Self::Live => 1,
        }
    }

    /// The mode with this code in a stored row.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.code() == code)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The owner of every stored row: an app's data about one account, in one mode.
///
/// Every row and every lookup begins with it, and every key that seals something belongs to
/// exactly one; nothing in the program addresses data without one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tenant {
    /// Test or live.
    pub mode: Mode,
    /// The app whose data it is.
    pub app: AppId,
    /// The account that the data is about, in its generation ([`AccountId::in_generation`]): a
    /// purge begins a new one. For callers, [`AccountId::name`] names it.
    pub account: AccountId,
}

impl Tenant {
    /// The program's own tenant, which owns what belongs to no app: the stored responses of the
    /// admin API.
    ///
    /// Its ids hold an underscore after the prefix, which no generated id does.
    pub fn system() -> Self {
        Self {
            mode: Mode::Live,
            app: AppId::reserved("app_coffer_system"),
            account: AccountId::reserved("acct_coffer_system"),
        }
    }
}

/// The owner of a ledger and of events: one account of one platform, in one mode.
///
/// A platform is the account that develops the key's app. All its apps share what belongs to an
/// owner, since they see one balance; what belongs to a [`Tenant`] belongs to one app.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Owner {
    /// Test or live.
    pub mode: Mode,
    /// The account that developed the app.
    pub platform: AccountId,
    /// The account that the rows are about: a connected one, or the platform itself.
    pub account: AccountId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_round_trip() {
        for mode in Mode::ALL {
            assert_eq!(Mode::parse(mode.as_str()), Some(mode));
            assert_eq!(Mode::from_code(mode.code()), Some(mode));
        }
        assert_eq!(Mode::from_code(2), None);
    }
}
