//! The span of a request that is sampled.

use super::access_log;
use super::trace::RequestTrace;
use crate::call::Reply;
use crate::kernel::Kernel;
use crate::spans::Answered;
use coffer_dialect::ApiError;
use http::Method;
use http::request::Parts;
use std::sync::Arc;

/// Begins the span, if requests are traced and this one is sampled.
pub(super) fn begin(kernel: &Kernel, parts: &Parts, trace: &mut RequestTrace) {
    if let Some(tracer) = kernel.tracer() {
        let random = &*kernel.services.random;
        trace.span = tracer.begin(&parts.headers, &trace.request_id, random);
    }
}

/// Ends it: the request has its result, and it is recorded.
pub(super) fn end(
    kernel: &Kernel,
    trace: &mut RequestTrace,
    parts: &Parts,
    result: &Result<Reply, ApiError>,
) {
    let Some(mut span) = trace.span.take() else { return };
    let Some(tracer) = kernel.tracer() else { return };
    span.end_step("record");
    let definition = trace.route.and_then(|number| kernel.routes.definition(number));
    let answered = Answered {
        request_id: Arc::clone(&trace.request_id),
        method: known(&parts.method),
        operation: definition.map(|definition| definition.name),
        route: definition.map(|definition| definition.path),
        status: access_log::status_of(result),
        reason: result.as_ref().err().map(|error| error.reason().code),
    };
    tracer.end(*span, trace.started, answered);
}

/// The verb, if it is one that is known: others are a caller's own text.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
