//! People who sign in elsewhere, at an identity provider: the keys that stand for them here.

use crate::peer::Peer;
use crate::principal::{AdminRole, BoxFuture};
use crate::reasons;
use coffer_base::Redacted;
use coffer_dialect::{ApiError, Reason};
use std::sync::Arc;

/// Somebody whom an identity provider vouches for, and who has a role here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// Who they are, as the audit and their keys say it: see [`Person::id_of`].
    pub id: String,
    /// What they are called on pages. It decides nothing.
    pub name: String,
    /// The provider, by its issuer.
    pub issuer: String,
    /// What they may do.
    pub role: AdminRole,
}

impl Person {
    /// Whom the provider `issuer` calls `subject`: both, with a `#` between, which no issuer has.
    /// Another provider may call somebody else the same, and only both together are one person's
    /// for good (OpenID Connect Core 1.0, section 5.7).
    pub fn id_of(issuer: &str, subject: &str) -> String {
        format!("{issuer}#{subject}")
    }
}

/// Somebody signs out.
#[derive(Clone, Copy, Debug)]
pub struct SignOut<'a> {
    /// Who it is: [`Person::id`].
    pub person: &'a str,
    /// The keys of their sessions that have ended, first that of the session which signs out.
    pub keys: &'a [Arc<str>],
    /// Whether all other keys of theirs end too, on all servers.
    pub everywhere: bool,
    /// Where they are.
    pub peer: Peer,
}

/// Makes and revokes the admin keys of people who sign in. Identity implements it.
pub trait SignIns: Send + Sync + 'static {
    /// Makes an admin key for the person, which ends by itself after so many seconds; whatever is
    /// done with it is recorded with the person's id.
    ///
    /// # Errors
    /// If it cannot be stored.
    fn begin<'a>(
        &'a self,
        person: &'a Person,
        seconds: i64,
        peer: Peer,
    ) -> BoxFuture<'a, Result<Redacted<String>, ApiError>>;

    /// Revokes keys of the person: those that are named, and all others if that is asked for.
    ///
    /// # Errors
    /// If the store cannot be read or written. Those that are named are refused on this server
    /// nevertheless, and a job stores it; of the others it may know none.
    fn end<'a>(&'a self, out: SignOut<'a>) -> BoxFuture<'a, Result<(), ApiError>>;
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
