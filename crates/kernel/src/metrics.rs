//! `GET /metrics` on a listener of the admin API, for admin keys of operators and auditors. A
//! listener for metrics alone answers without a key (`edge/health.rs`).

use crate::call::{Audited, Call, Handled, Reply};
use crate::definition::{Access, Definition};
use crate::handler::Handler;
use crate::principal::BoxFuture;
use crate::services::Services;
use coffer_dialect::{ApiError, Params};

/// The operation.
pub(crate) struct ReadMetrics;

impl ReadMetrics {
    pub(crate) const DEFINITION: Definition = Definition {
        content_type: coffer_metrics::CONTENT_TYPE,
        ..Definition::get("admin.metrics.retrieve", "/metrics", Access::AUDITED)
    };
}

impl Handler for ReadMetrics {
    fn definition(&self) -> &Definition {
        &Self::DEFINITION
    }

    fn try_parse(&self, params: &Params, _path: &[String]) -> Result<(), ApiError> {
        params.only(&[]).map(drop)
    }

    fn handle<'a>(&'a self, services: &'a Services, call: Call) -> BoxFuture<'a, Handled> {
        let result = call.params.only(&[]).and_then(|_| match services.metrics.get() {
            Some(metrics) => Ok(Reply::metrics(metrics.collect().into_bytes())),
            None => Err(ApiError::unavailable("nothing is measured yet")),
        });
        // It comes every few seconds and shows nothing of anybody.
        let audited = Audited { is_unrecorded: true, ..Audited::default() };
        Box::pin(std::future::ready(Handled { result, audited }))
    }
}
