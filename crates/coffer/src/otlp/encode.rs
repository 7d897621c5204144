//! OTLP's JSON (opentelemetry-proto 1.x): ids in hexadecimal, times and whole numbers of 64 bits as
//! texts.

mod logs;
mod metrics;
mod spans;

pub(super) use logs::line;
pub(super) use metrics::metrics;
pub(super) use spans::spans;

use super::settings::Signal;
use serde_json::{Value, json};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Two clocks at one moment: much of what is sent has monotonic times, and the format has the time
/// of day.
#[derive(Clone, Copy)]
pub(super) struct Clocks {
    monotonic: Instant,
    /// In nanoseconds since 1970.
    wall: u128,
}

impl Clocks {
    #[allow(
        clippy::disallowed_methods,
        reason = "what is shown of a trace, a figure or a line is when it was by the machine's \
                  clock; nothing else goes by it"
    )]
    pub(super) fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self { monotonic: Instant::now(), wall }
    }

    /// When it was, in nanoseconds since 1970.
    fn nanoseconds(self, at: Instant) -> String {
        let ago = self.monotonic.saturating_duration_since(at).as_nanos();
        self.wall.saturating_sub(ago).to_string()
    }
}

/// The body of a request that exports `records` of a signal, each as its JSON.
pub(super) fn request(
    signal: Signal,
    resource: &[(String, String)],
    records: &[impl AsRef<str>],
) -> String {
    let (resources, scopes, list) = match signal {
        Signal::Traces => ("resourceSpans", "scopeSpans", "spans"),
        Signal::Metrics => ("resourceMetrics", "scopeMetrics", "metrics"),
        Signal::Logs => ("resourceLogs", "scopeLogs", "logRecords"),
    };
    let resource: Vec<Value> =
        resource.iter().map(|(name, value)| attribute(name, value)).collect();
    let resource = json!({ "attributes": resource });
    let scope = json!({ "name": "coffer", "version": crate::VERSION });
    let records: Vec<&str> = records.iter().map(AsRef::as_ref).collect();
    let records = records.join(",");
    format!(
        "{{\"{resources}\":[{{\"resource\":{resource},\
         \"{scopes}\":[{{\"scope\":{scope},\"{list}\":[{records}]}}]}}]}}"
    )
}

/// A name with a text.
fn attribute(name: &str, value: &str) -> Value {
    attribute_of(name, json!({ "stringValue": value }))
}

/// A name with a value of any type.
fn attribute_of(name: &str, value: Value) -> Value {
    json!({ "key": name, "value": value })
}

/// A whole number as a value.
fn whole(number: impl ToString) -> Value {
    json!({ "intValue": number.to_string() })
}
