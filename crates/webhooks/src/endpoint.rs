//! What an endpoint, and an attempt to deliver to it, are.

use crate::event_type::EventTypes;
use coffer_base::{Owner, Timestamp};
use coffer_dialect::Metadata;

/// A webhook endpoint as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Whose it is.
    pub(crate) owner: Owner,
    /// Its place in its owner's list.
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    /// The app whose key has made it, or has rolled its secret last: its keys have sealed that.
    pub(crate) app: String,
    /// The account of those keys, in its generation.
    pub(crate) tenant: String,
    /// The same of the secret before, if it may still be in force.
    pub(crate) old_tenant: Option<String>,
    /// Whether it gets the events of the platform's connected accounts, and not of its own.
    pub(crate) connect: bool,
    pub(crate) application: Option<String>,
    pub(crate) url: String,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) events: EventTypes,
    /// The version that the caller named.
    pub(crate) api_version: Option<String>,
    /// The version that deliveries are rendered in.
    pub(crate) version: String,
    pub(crate) enabled: bool,
    /// The server that sends to it, where there are several.
    pub(crate) holder: String,
}

impl Endpoint {
    /// Whether it gets events of a type of this owner.
    pub(crate) fn gets(&self, owner: &Owner, kind: &str) -> bool {
        let is_own = self.owner == *owner;
        let is_connected = self.owner.mode == owner.mode
            && self.owner.platform == owner.platform
            && self.owner.account == self.owner.platform
            && owner.account != owner.platform;
        let reached = if self.connect { is_connected } else { is_own };
        reached && self.events.include(kind)
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Waiting,
    Succeeded,
    Failed,
}

impl Status {
    pub(crate) const fn of_code(code: i64) -> Self {
        match code {
            0 => Self::Waiting,
            1 => Self::Succeeded,
            _ => Self::Failed,
        }
    }

    /// The word on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// An attempt to deliver one event to one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) endpoint: String,
    pub(crate) seq: i64,
    pub(crate) event: String,
    /// The event's type.
    pub(crate) kind: String,
    /// Whose event it is.
    pub(crate) owner: Owner,
    /// 1 for the first.
    pub(crate) number: i64,
    /// Whether it was asked for by hand, and is not made again.
    pub(crate) once: bool,
    pub(crate) status: Status,
    /// When it is to be made; a time in the past for at once.
    pub(crate) due: Timestamp,
    /// When the event happened.
    pub(crate) happened: Timestamp,
    /// When it was made, or written if it was not made yet.
    pub(crate) at: Timestamp,
    pub(crate) http_status: Option<i64>,
    pub(crate) error: Option<String>,
    pub(crate) milliseconds: Option<i64>,
    /// When the next attempt is made, if this one failed and there is one.
    pub(crate) next: Option<Timestamp>,
}

/// What the id of an attempt begins with.
const ATTEMPT_PREFIX: &str = "wha_";

impl Attempt {
    /// Its id: its place among the attempts of an endpoint.
    pub(crate) fn id(&self) -> String {
        format!("{ATTEMPT_PREFIX}{:016x}", self.seq)
    }

    /// The place that an id names.
    pub(crate) fn seq_of(id: &str) -> Option<i64> {
        let digits = id.strip_prefix(ATTEMPT_PREFIX).filter(|digits| digits.len() == 16)?;
        i64::from_str_radix(digits, 16).ok()
    }
}
