//! OTLP's JSON (opentelemetry-proto 1.x): ids in hexadecimal, times in nanoseconds as texts.

use coffer_kernel::{Span, hexadecimal};
use serde_json::{Value, json};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Spans of requests that the server answers, and of what it does for them.
const KIND_INTERNAL: u8 = 1;
const KIND_SERVER: u8 = 2;

/// The status of a span that failed.
const STATUS_ERROR: u8 = 2;

/// The lowest HTTP status that is the server's failure.
const SERVER_ERROR: u16 = 500;

/// Two clocks at one moment: spans have monotonic times, and the format has the time of day.
#[derive(Clone, Copy)]
struct Clocks {
    monotonic: Instant,
    wall: u128,
}

impl Clocks {
    #[allow(
        clippy::disallowed_methods,
        reason = "what is shown of a trace is when it was by the machine's clock; nothing else \
                  goes by it"
    )]
    fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self { monotonic: Instant::now(), wall }
    }

    fn nanoseconds(self, at: Instant) -> String {
        let ago = self.monotonic.saturating_duration_since(at).as_nanos();
        self.wall.saturating_sub(ago).to_string()
    }
}

/// The body of a request that exports `spans`.
pub(super) fn request(spans: &[Span], resource: &[(String, String)]) -> Vec<u8> {
    let clocks = Clocks::now();
    let spans: Vec<Value> = spans.iter().flat_map(|span| spans_of(span, clocks)).collect();
    let resource: Vec<Value> =
        resource.iter().map(|(name, value)| attribute(name, value)).collect();
    let scope = json!({ "name": "coffer", "version": crate::VERSION });
    let request = json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{ "scope": scope, "spans": spans }],
        }],
    });
    request.to_string().into_bytes()
}

fn attribute(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
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
        json!({
            "key": "http.response.status_code",
            "value": { "intValue": span.status.to_string() },
        }),
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
