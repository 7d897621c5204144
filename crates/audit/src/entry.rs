//! One entry of the audit, as it is written.

use crate::canonical::COLUMNS;
use crate::limits;
use coffer_base::{Tenant, Timestamp};
use coffer_keyring::Digest;
use coffer_storage::Value;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Who did what to which object, when, in answer to which request, and what came of it. It holds no
/// value that a tenant keeps, no key, and no parameter as it was sent.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When it happened, by the machine's clock.
    pub at: Timestamp,
    /// The request's id (`req_…`), as in the response and in the server's log; `None` for what the
    /// program does by itself.
    pub request: Option<Arc<str>>,
    /// Who did it.
    pub actor: Actor,
    /// The owner of the data; [`Tenant::system`] for what belongs to no account.
    pub tenant: Tenant,
    /// The operation's name, such as `apps.secrets.create`, or the name of what the program did,
    /// such as `program.secrets.expire`.
    pub operation: &'static str,
    /// What it was done to.
    pub target: Target,
    /// What came of it.
    pub outcome: Outcome,
    /// How many things the entry speaks of, if it is not one.
    pub amount: Option<i64>,
    /// What else there is to say, in words of the program and never of a caller: at most
    /// [`crate::limits::DETAIL_CHARACTERS`] characters are kept.
    pub detail: Option<String>,
}

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// What kind of key it was, if any.
    pub kind: ActorKind,
    /// The id of the key; of a key that nobody has, a digest of it ([`Actor::unknown`]).
    pub id: Option<Arc<str>>,
    /// The user that an ephemeral key is bound to, or the person for whom an identity provider has
    /// vouched.
    pub user: Option<Arc<str>>,
    /// Where the request came from.
    pub peer: Option<PeerAddress>,
}

/// What kind of key was presented.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ActorKind {
    /// An app's own key.
    App,
    /// A restricted key of an app.
    Restricted,
    /// A key for one user of one account.
    Ephemeral,
    /// An operator's key.
    Admin,
    /// A key that is not in force or that nobody has, or none.
    Unknown,
    /// None: the program did it by itself.
    Program,
    /// None: somebody at the command line, beside a server or without one.
    Operator,
}

/// The other end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerAddress {
    /// A socket in the file system.
    Unix,
    /// An address.
    Ip(IpAddr),
}

/// What something was done to, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The id of the object.
    pub subject: Option<String>,
    /// The scope of a secret.
    pub scope: Option<Scope>,
    /// A digest of the name under the tenant's key: gone for good with that key.
    pub name_fingerprint: Option<Digest>,
    /// The name itself, where the operator wants names to be readable: at most
    /// [`crate::limits::NAME_CHARACTERS`] characters are kept.
    pub name: Option<String>,
    /// A keyed digest of the value that was written, if one was.
    pub fingerprint: Option<Digest>,
}

/// The scope of a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// What the account's users share.
    Account,
    /// One user's own.
    User(String),
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It had been done before, under the same idempotency key; the stored response was sent.
    Replayed,
    /// It was refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why: a code that stays the same, of which there is a sentence for the operator.
        reason: &'static str,
    },
    /// It failed; for a change it may be unknown whether it was made.
    Failed {
        /// The HTTP status, if it was in answer to a request.
        status: Option<u16>,
        /// Why, as for a refusal.
        reason: &'static str,
    },
}

impl Entry {
    /// An entry of something that the program did by itself for a tenant, without a request.
    pub fn of_program(operation: &'static str, tenant: Tenant, at: Timestamp) -> Self {
        Self {
            at,
            request: None,
            actor: Actor { kind: ActorKind::Program, id: None, user: None, peer: None },
            tenant,
            operation,
            target: Target::default(),
            outcome: Outcome::Done,
            amount: None,
            detail: None,
        }
    }
}

impl Actor {
    /// Somebody who presented a key that is not in force: all that is kept of the key is `digest`,
    /// under a key of the store.
    pub fn unknown(digest: Option<Digest>, peer: PeerAddress) -> Self {
        let id = digest.map(|digest| Arc::from(format!("fp_{digest}")));
        Self { kind: ActorKind::Unknown, id, user: None, peer: Some(peer) }
    }
}

impl ActorKind {
    /// Its word in a row.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Restricted => "restricted",
            Self::Ephemeral => "ephemeral",
            Self::Admin => "admin",
            Self::Unknown => "unknown",
            Self::Program => "program",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix => f.write_str("unix"),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => f.write_str("account"),
            Self::User(user) => write!(f, "user:{user}"),
        }
    }
}

impl Outcome {
    /// Its word in a row.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Replayed => "replayed",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }

    const fn status(&self) -> Option<u16> {
        match self {
            Self::Done | Self::Replayed => None,
            Self::Refused { status, .. } => Some(*status),
            Self::Failed { status, .. } => *status,
        }
    }

    const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Done | Self::Replayed => None,
            Self::Refused { reason, .. } | Self::Failed { reason, .. } => Some(*reason),
        }
    }
}

/// The columns that differ between the entries of reads even if one caller makes them all: time,
/// request, account, subject, scope, digest of the name, and name. They are counted from 0 in
/// [`crate::canonical::COLUMNS`].
pub(crate) const OWN: [usize; 7] = [1, 3, 10, 12, 13, 14, 15];

impl Entry {
    /// The row's columns, in the order of [`crate::canonical::COLUMNS`].
    pub(crate) fn values(&self, server: &str) -> [Value; COLUMNS.len()] {
        let Self { actor, tenant, target, outcome, .. } = self;
        let [at, request, account, subject, scope, name_fingerprint, name] = self.own_values();
        [
            Value::from(crate::canonical::FORMAT),
            at,
            Value::from(server),
            request,
            Value::from(actor.kind.as_str()),
            Value::from(actor.id.as_deref()),
            Value::from(actor.user.as_deref()),
            Value::from(actor.peer.map(|peer| peer.to_string())),
            Value::from(tenant.mode),
            Value::from(&tenant.app),
            account,
            Value::from(self.operation),
            subject,
            scope,
            name_fingerprint,
            name,
            target.fingerprint.as_ref().map_or(Value::Null, digest),
            Value::from(outcome.as_str()),
            Value::from(outcome.status().map(i64::from)),
            Value::from(outcome.reason()),
            Value::from(self.amount),
            Value::from(self.detail.as_deref().map(|it| clipped(it, limits::DETAIL_CHARACTERS))),
        ]
    }

    /// The columns that are [`OWN`], in that order.
    pub(crate) fn own_values(&self) -> [Value; OWN.len()] {
        let target = &self.target;
        [
            Value::from(self.at),
            Value::from(self.request.as_deref()),
            Value::from(&self.tenant.account),
            Value::from(target.subject.as_deref()),
            Value::from(target.scope.as_ref().map(Scope::to_string)),
            target.name_fingerprint.as_ref().map_or(Value::Null, digest),
            Value::from(target.name.as_deref().map(|name| clipped(name, limits::NAME_CHARACTERS))),
        ]
    }

    /// Whether the columns that are not [`OWN`] are the same in both.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.operation == other.operation
            && self.outcome == other.outcome
            && self.actor == other.actor
            && (self.tenant.mode, &self.tenant.app) == (other.tenant.mode, &other.tenant.app)
            && self.target.fingerprint == other.target.fingerprint
            && (self.amount, &self.detail) == (other.amount, &other.detail)
    }
}

fn digest(digest: &Digest) -> Value {
    Value::from(digest.as_bytes())
}

/// The first characters of a text.
fn clipped(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters);
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}
