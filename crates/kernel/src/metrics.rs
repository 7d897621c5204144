//! `GET /metrics` on a listener of the admin API, for admin keys of operators and auditors. A
//! listener for metrics alone answers without a key (`edge/health.rs`).

use crate::call::{Audited, Reply};
use crate::definition::{Access, Definition};
use crate::handler::{Handler, Parsed};
use crate::operation::{Arguments, RequestScope};
use crate::services::Services;
use coffer_dialect::ApiError;

/// The operation.
pub(crate) struct ReadMetrics;

impl ReadMetrics {
    pub(crate) const DEFINITION: Definition = Definition {
        content_type: coffer_metrics::CONTENT_TYPE,
        ..Definition::get("admin.metrics.retrieve", "/metrics", Access::AUDITED)
    };
}

impl Handler for ReadMetrics {
    fn definition(&self) -> &'static Definition {
        &Self::DEFINITION
    }

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(Parsed, RequestScope), ApiError> {
        arguments.params.only(&[])?;
        Ok((Parsed::Metrics, RequestScope::Backend))
    }
}

/// Carries it out.
///
/// # Errors
/// A 503 before anything is measured.
pub(crate) fn read(services: &Services, audited: &mut Audited) -> Result<Reply, ApiError> {
    // It comes every few seconds and shows nothing of anybody.
    audited.is_unrecorded = true;
    let metrics = services.metrics.get().map(|metrics| metrics.collect().into_bytes());
    metrics.map(Reply::metrics).ok_or_else(|| ApiError::unavailable("nothing is measured yet"))
}
