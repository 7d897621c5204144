//! What the edge hands to an operation, and what it gets back.

use crate::conditions::Conditions;
use crate::definition::JSON;
use crate::peer::Peer;
use crate::principal::Principal;
use coffer_audit::{Scope, Target};
use coffer_base::AccountId;
use coffer_dialect::{ApiError, ApiVersion, Params};
use std::sync::Arc;

/// A request that was authenticated, with its parameters decoded.
pub(crate) struct Call {
    pub(crate) request_id: Arc<str>,
    pub(crate) principal: Arc<Principal>,
    /// The account that the request names, of an operation that decides itself about it.
    pub(crate) named_account: Option<AccountId>,
    /// Where it comes from.
    pub(crate) peer: Peer,
    pub(crate) version: ApiVersion,
    pub(crate) params: Params,
    /// The path's open segments.
    pub(crate) path: Vec<String>,
    /// As the caller wrote it; of POST requests only.
    pub(crate) idempotency_key: Option<String>,
    /// What the change depends on.
    pub(crate) conditions: Conditions,
}

/// What goes back to the caller.
pub(crate) struct Reply {
    /// The HTTP status of a stored refusal; `None` is success.
    pub(crate) status: Option<u16>,
    /// The body, which is JSON of all operations but one.
    pub(crate) body: Vec<u8>,
    /// What it is.
    pub(crate) content_type: &'static str,
    /// The id of the first request, if this is its stored response.
    pub(crate) replay_of: Option<String>,
    /// Which version of its object it shows.
    pub(crate) version: Option<String>,
}

impl Reply {
    /// A success that was made now.
    pub(crate) const fn fresh(body: Vec<u8>, version: Option<String>) -> Self {
        Self { status: None, body, content_type: JSON, replay_of: None, version }
    }

    /// Metrics in Prometheus' format.
    pub(crate) fn metrics(body: Vec<u8>) -> Self {
        Self { content_type: coffer_metrics::CONTENT_TYPE, ..Self::fresh(body, None) }
    }
}

/// What came of a call, and what the audit says of it.
pub(crate) struct Handled {
    pub(crate) result: Result<Reply, ApiError>,
    pub(crate) audited: Audited,
}

/// How far a request came.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Reached {
    /// To no operation.
    #[default]
    Nothing,
    /// To one that reads.
    Read,
    /// To one that changes something.
    Change,
}

/// What the audit says of a call, beside who called and what came of it.
#[derive(Clone, Default, Debug)]
pub(crate) struct Audited {
    pub(crate) target: Target,
    /// How many objects it was about, if it is not one.
    pub(crate) amount: Option<i64>,
    /// What else there is to say, in words of the program.
    pub(crate) detail: Option<String>,
    /// Whether it need not be recorded.
    pub(crate) is_unrecorded: bool,
}

impl Audited {
    /// Of a call that reaches into this scope.
    pub(crate) fn of(scope: Option<Scope>) -> Self {
        Self { target: Target { scope, ..Target::default() }, ..Self::default() }
    }
}
