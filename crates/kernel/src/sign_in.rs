//! People who sign in elsewhere, at an identity provider: the keys that stand for them here.

use crate::peer::Peer;
use crate::principal::{AdminRole, BoxFuture};
use crate::reasons;
use coffer_base::Redacted;
use coffer_dialect::{ApiError, Reason};

/// Somebody whom an identity provider vouches for, and who has a role here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// What the provider calls them for good, and nobody else: what the audit says.
    pub subject: String,
    /// What they are called on pages. It decides nothing.
    pub name: String,
    /// The provider, by its issuer.
    pub issuer: String,
    /// What they may do.
    pub role: AdminRole,
}

/// Makes and revokes the admin keys of people who sign in. Identity implements it.
pub trait SignIns: Send + Sync + 'static {
    /// Makes an admin key for the person, which ends by itself after so many seconds; whatever is
    /// done with it is recorded with the person's subject.
    ///
    /// # Errors
    /// If it cannot be stored.
    fn begin<'a>(
        &'a self,
        person: &'a Person,
        seconds: i64,
        peer: Peer,
    ) -> BoxFuture<'a, Result<Redacted<String>, ApiError>>;

    /// Revokes the key `key` of the person, or all of theirs on all servers if none is named.
    ///
    /// # Errors
    /// If the store cannot be read. A revocation that cannot be stored is in force nevertheless.
    fn end<'a>(
        &'a self,
        subject: &'a str,
        key: Option<&'a str>,
        peer: Peer,
    ) -> BoxFuture<'a, Result<(), ApiError>>;
}

/// Why somebody was not let in who came back from an identity provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignInRefusal {
    /// The sign-in was not begun in that browser, is too old, or was ended before.
    Unknown,
    /// The provider refused, or what it answered was not believed.
    Answer,
    /// The person has no role here.
    NoRole,
}

impl SignInRefusal {
    pub(crate) const fn reason(self) -> &'static Reason {
        match self {
            Self::Unknown => &reasons::SIGN_IN_UNKNOWN,
            Self::Answer => &reasons::SIGN_IN_ANSWER,
            Self::NoRole => &reasons::SIGN_IN_ROLE,
        }
    }
}
