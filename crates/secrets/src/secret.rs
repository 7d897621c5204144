//! What a secret is: its scope, its name, its payload, and where each is bound to the others.

use crate::limits;
use coffer_base::{Redacted, Timestamp};
use coffer_kernel::RequestScope;
use coffer_keyring::{AssociatedData, Digest, TenantKeys};

/// Who shares a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    /// All users of the account.
    Account,
    /// One user of the account; any text that is not empty.
    User(String),
}

impl Scope {
    /// The word for it in `scope[type]`, in digests and in associated data.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::User(_) => "user",
        }
    }

    /// The user whose own the scope is; `None` for the account's.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Account => None,
            Self::User(user) => Some(user),
        }
    }

    /// How far into the tenant's data a request for this scope reaches, by which ephemeral keys are
    /// checked.
    pub(crate) fn request_scope(&self) -> RequestScope {
        match self {
            Self::Account => RequestScope::Account,
            Self::User(user) => RequestScope::User(user.clone()),
        }
    }

    /// What the scope's rows are found by: a digest under the tenant's lookup key, of a fixed
    /// length however long the user's id is.
    pub(crate) fn digest(&self, keys: &TenantKeys) -> Digest {
        keys.digest("secret-scope", &[self.kind().as_bytes(), self.user_bytes()])
    }

    /// The user as digests and associated data have it: nothing for the account, which the kind
    /// already tells from a user.
    fn user_bytes(&self) -> &[u8] {
        self.user().unwrap_or_default().as_bytes()
    }
}

/// What identifies a secret: its scope and its name. Names are opaque: compared byte by byte, and
/// never paths.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Locator {
    pub(crate) scope: Scope,
    /// What the app calls it: any text of 1 to
    /// [`SECRET_NAME_CHARACTERS`](crate::limits::SECRET_NAME_CHARACTERS) characters.
    pub(crate) name: String,
}

impl Locator {
    /// What the row is found by: a digest under the tenant's lookup key, of a fixed length however
    /// long the name is.
    pub(crate) fn digest(&self, keys: &TenantKeys) -> Digest {
        let scope = &self.scope;
        keys.digest(
            "secret-name",
            &[scope.kind().as_bytes(), scope.user_bytes(), self.name.as_bytes()],
        )
    }

    /// Everything that the payload's envelope is bound to: moved to another row, or with another
    /// expiry beside it, it does not open. The id is not bound: a replaced secret keeps its id,
    /// and sealing comes before the transaction that reads it.
    pub(crate) fn associated_data(
        &self,
        keys: &TenantKeys,
        expires_at: Option<Timestamp>,
    ) -> AssociatedData {
        keys.associated_data("secret")
            .text(self.scope.kind())
            .text(self.scope.user().unwrap_or_default())
            .text(&self.name)
            .optional_int(expires_at.map(Timestamp::unix))
    }
}

/// A secret as a caller sees it.
#[derive(Debug)]
pub(crate) struct Secret {
    /// `appsecret_…`; a secret keeps it when its value is replaced.
    pub(crate) id: String,
    pub(crate) locator: Locator,
    pub(crate) created: Timestamp,
    pub(crate) expires_at: Option<Timestamp>,
    /// Only if the caller asked for it.
    pub(crate) payload: Option<Redacted<String>>,
    /// How often it was set.
    pub(crate) version: i64,
}

/// A number of a secret as callers see it: with a part of the secret's id, so that it is no number
/// of another secret that had the same name before or has it afterwards.
pub(crate) fn numbered(number: i64, id: &str) -> String {
    let random = id.rsplit('_').next().unwrap_or_default();
    let part = random.get(..limits::VERSION_ID_CHARACTERS).unwrap_or(random);
    format!("{number}-{part}")
}

/// Whether a secret with this expiry is still there at `now`: from the second of its expiry on it
/// is not, whether or not its row is deleted yet.
pub(crate) fn is_live(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_none_or(|at| now < at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_exact_to_the_second() {
        let at = |second| Timestamp::from_unix(second);
        assert!(is_live(None, at(i64::MAX)));
        assert!(is_live(Some(at(10)), at(9)));
        assert!(!is_live(Some(at(10)), at(10)));
    }
}
