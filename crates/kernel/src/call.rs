//! What the edge hands to an operation, and what it gets back.

use crate::peer::Peer;
use crate::principal::Principal;
use coffer_dialect::{ApiVersion, Params};
use std::sync::Arc;

/// A request that was authenticated, with its parameters decoded.
pub(crate) struct Call {
    pub(crate) request_id: Arc<str>,
    pub(crate) principal: Arc<Principal>,
    /// Where it comes from.
    pub(crate) peer: Peer,
    pub(crate) version: ApiVersion,
    pub(crate) params: Params,
    /// The path's open segments.
    pub(crate) path: Vec<String>,
    /// As the caller wrote it; of POST requests only.
    pub(crate) idempotency_key: Option<String>,
}

/// What goes back to the caller.
pub(crate) struct Reply {
    /// The HTTP status of a stored refusal; `None` is success.
    pub(crate) status: Option<u16>,
    /// The rendered JSON.
    pub(crate) body: Vec<u8>,
    /// The id of the first request, if this is its stored response.
    pub(crate) replay_of: Option<String>,
}

impl Reply {
    /// A success that was made now.
    pub(crate) const fn fresh(body: Vec<u8>) -> Self {
        Self { status: None, body, replay_of: None }
    }
}
