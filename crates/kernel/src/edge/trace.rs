//! What is known of a request so far.

use crate::call::{Audited, Reached};
use crate::peer::Peer;
use crate::principal::Principal;
use crate::spans::OpenSpan;
use coffer_dialect::ApiVersion;
use std::sync::Arc;
use std::time::Instant;

/// What is known of a request so far: for the response's headers, the counters and the log, which
/// a request that is refused has as well. Each step fills in what it finds out.
pub(super) struct RequestTrace {
    /// The request's id, known from the start.
    pub(super) request_id: Arc<str>,
    /// Where the request comes from.
    pub(super) peer: Peer,
    /// When its head had arrived.
    pub(super) started: Instant,
    /// The number of the operation among all of them; `None` until the request is routed.
    pub(super) route: Option<usize>,
    /// Who is calling; `None` until the key is found good.
    pub(super) principal: Option<Arc<Principal>>,
    /// The version of the response; `None` until the header is parsed, and then
    /// [`ApiVersion::LATEST`] counts.
    pub(super) version: Option<ApiVersion>,
    /// Whether the body had its time already, so that no more of it is read.
    pub(super) body_read: bool,
    /// Whether the answer is held back, since so many keys are refused.
    pub(super) is_held_back: bool,
    /// Whether its response is to get lost, as it asked for.
    pub(super) is_dropped: bool,
    /// How far it came.
    pub(super) reached: Reached,
    /// What the audit says of it.
    pub(super) audited: Audited,
    /// Its span, if it is sampled.
    pub(super) span: Option<Box<OpenSpan>>,
}

impl RequestTrace {
    /// The trace of a request of which nothing is known but its id.
    pub(super) fn new(request_id: Arc<str>, peer: Peer, started: Instant) -> Self {
        Self {
            request_id,
            peer,
            started,
            route: None,
            principal: None,
            version: None,
            body_read: false,
            is_held_back: false,
            is_dropped: false,
            reached: Reached::Nothing,
            audited: Audited::default(),
            span: None,
        }
    }

    /// A step of the request has ended.
    pub(super) fn end_step(&mut self, name: &'static str) {
        if let Some(span) = &mut self.span {
            span.end_step(name);
        }
    }
}
