//! Sampled requests, and their steps.

use super::{Clocks, attribute, attribute_of, whole};
use coffer_kernel::{Span, hexadecimal};
use serde_json::{Value, json};

/// Spans of requests that the server answers, and of what it does for them.
const KIND_INTERNAL: u8 = 1;
const KIND_SERVER: u8 = 2;

/// The status of a span that failed.
const STATUS_ERROR: u8 = 2;

/// The lowest HTTP status that is the server's failure.
const SERVER_ERROR: u16 = 500;

/// The spans of sampled requests, each as its JSON.
pub(in crate::otlp) fn spans(spans: &[Span]) -> Vec<String> {
    let clocks = Clocks::now();
    let all = spans.iter().flat_map(|span| spans_of(span, clocks));
    all.map(|span| span.to_string()).collect()
}

/// A request's own span, and one for each of its steps.
fn spans_of(span: &Span, clocks: Clocks) -> Vec<Value> {
    let mut all = vec![of_request(span, clocks)];
    let mut began = span.started;
    for (number, (name, ended)) in (1u8..).zip(&span.steps) {
        all.push(json!({
            "traceId": hexadecimal(&span.trace),
            "spanId": hexadecimal(&step_id(span.span, number)),
            "parentSpanId": hexadecimal(&span.span),
            "name": name,
            "kind": KIND_INTERNAL,
            "startTimeUnixNano": clocks.nanoseconds(began),
            "endTimeUnixNano": clocks.nanoseconds(*ended),
            "attributes": [attribute("coffer.request_id", &span.request_id)],
        }));
        began = *ended;
    }
    all
}

/// The id of a request's step: another for each.
fn step_id(span: [u8; 8], number: u8) -> [u8; 8] {
    let [first, rest @ ..] = span;
    let [a, b, c, d, e, f, g] = rest;
    [first.wrapping_add(number), a, b, c, d, e, f, g]
}

fn of_request(span: &Span, clocks: Clocks) -> Value {
    let mut attributes = vec![
        attribute("coffer.request_id", &span.request_id),
        attribute("http.request.method", span.method),
        attribute_of("http.response.status_code", whole(span.status)),
    ];
    let texts = [
        ("coffer.operation", span.operation),
        ("http.route", span.route),
        ("coffer.reason", span.reason),
        ("error.type", span.reason.filter(|_| span.status >= SERVER_ERROR)),
    ];
    let given = texts.into_iter().filter_map(|(name, value)| Some(attribute(name, value?)));
    attributes.extend(given);
    let name = span
        .route
        .map_or_else(|| span.method.to_owned(), |route| format!("{} {route}", span.method));
    let is_failed = span.status >= SERVER_ERROR;
    let status = if is_failed { json!({ "code": STATUS_ERROR }) } else { json!({}) };
    let mut rendered = json!({
        "traceId": hexadecimal(&span.trace),
        "spanId": hexadecimal(&span.span),
        "name": name,
        "kind": KIND_SERVER,
        "startTimeUnixNano": clocks.nanoseconds(span.started),
        "endTimeUnixNano": clocks.nanoseconds(span.ended),
        "attributes": attributes,
        "status": status,
    });
    if let (Some(parent), Some(fields)) = (span.parent, rendered.as_object_mut()) {
        fields.insert("parentSpanId".to_owned(), hexadecimal(&parent).into());
    }
    rendered
}
