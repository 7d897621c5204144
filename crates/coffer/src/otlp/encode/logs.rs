//! Lines of the log.

use super::{Clocks, attribute, attribute_of, whole};
use serde_json::{Value, json};
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Digits of a trace's id, and of a span's.
const TRACE_DIGITS: usize = 32;
const SPAN_DIGITS: usize = 16;

/// The flags of a trace that is sampled: no line names another.
const SAMPLED: u8 = 1;

/// A line that is logged now: its level, its message, and its fields as attributes. The fields
/// `trace` and `span` are the record's own.
pub(in crate::otlp) fn line(event: &Event<'_>) -> String {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let Fields { message, trace, span, attributes } = fields;
    let now = Clocks::now().wall.to_string();
    let level = event.metadata().level();
    let mut record = json!({
        "timeUnixNano": now,
        "observedTimeUnixNano": now,
        "severityNumber": severity(*level),
        "severityText": level.as_str(),
        "body": { "stringValue": message },
        "attributes": attributes,
    });
    if let (Some(trace), Some(record)) = (trace, record.as_object_mut()) {
        record.insert("traceId".to_owned(), trace.into());
        record.insert("flags".to_owned(), SAMPLED.into());
        if let Some(span) = span {
            record.insert("spanId".to_owned(), span.into());
        }
    }
    record.to_string()
}

/// The lowest number of each level's range.
fn severity(level: Level) -> u8 {
    match level {
        Level::TRACE => 1,
        Level::DEBUG => 5,
        Level::INFO => 9,
        Level::WARN => 13,
        Level::ERROR => 17,
    }
}

/// What a line says.
#[derive(Default)]
struct Fields {
    message: String,
    trace: Option<String>,
    span: Option<String>,
    attributes: Vec<Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        self.attributes.push(attribute_of(field.name(), value));
    }

    fn add_text(&mut self, field: &Field, text: &str) {
        match field.name() {
            "message" => text.clone_into(&mut self.message),
            "trace" if is_id(text, TRACE_DIGITS) => self.trace = Some(text.to_owned()),
            "span" if is_id(text, SPAN_DIGITS) => self.span = Some(text.to_owned()),
            name => self.attributes.push(attribute(name, text)),
        }
    }
}

/// Whether a text is an id of so many digits.
fn is_id(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, json!({ "doubleValue": value }));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, whole(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            // The format has no larger ones.
            Err(_) => self.add_text(field, &value.to_string()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, json!({ "boolValue": value }));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add_text(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::Subscriber;
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<Value>>>);

    impl<S: Subscriber> Layer<S> for Written {
        fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
            self.0.lock().unwrap().push(serde_json::from_str(&line(event)).unwrap());
        }
    }

    fn written(log: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let subscriber = tracing_subscriber::registry().with(written.clone());
        tracing::subscriber::with_default(subscriber, log);
        let lines = written.0.lock().unwrap();
        lines.clone()
    }

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn a_line_has_its_level_its_message_and_its_fields() {
        let peer = std::net::Ipv4Addr::LOCALHOST;
        let absent = None::<&str>;
        let lines = written(|| {
            tracing::info!(%peer, status = 200_u16, tls = true, share = 0.5, absent, "answered");
            tracing::error!(bytes = u64::MAX, "it has \"{}\"", 2);
            tracing::warn!("w");
            tracing::debug!("d");
            tracing::trace!("t");
        });
        let levels: Vec<_> = lines
            .iter()
            .map(|line| (line["severityNumber"].clone(), line["severityText"].clone()))
            .collect();
        let expected = [(9, "INFO"), (17, "ERROR"), (13, "WARN"), (5, "DEBUG"), (1, "TRACE")];
        assert_eq!(levels, expected.map(|(number, text)| (number.into(), text.into())));
        assert_eq!(lines[0]["body"], json!({ "stringValue": "answered" }));
        assert_eq!(lines[1]["body"], json!({ "stringValue": "it has \"2\"" }));
        let attributes = json!([
            attribute("peer", "127.0.0.1"),
            attribute_of("status", json!({ "intValue": "200" })),
            attribute_of("tls", json!({ "boolValue": true })),
            attribute_of("share", json!({ "doubleValue": 0.5 })),
        ]);
        assert_eq!(lines[0]["attributes"], attributes);
        let most = json!([attribute("bytes", &u64::MAX.to_string())]);
        assert_eq!(lines[1]["attributes"], most);
        assert_eq!(lines[0]["timeUnixNano"], lines[0]["observedTimeUnixNano"]);
        assert_eq!(lines[0].get("traceId"), None);
    }

    #[test]
    fn the_line_of_a_sampled_request_belongs_to_its_trace() {
        let lines = written(|| {
            tracing::info!(trace = TRACE, span = SPAN, status = 200_u16, "answered");
            tracing::info!(trace = "none", span = SPAN, "other");
        });
        assert_eq!((&lines[0]["traceId"], &lines[0]["spanId"]), (&TRACE.into(), &SPAN.into()));
        assert_eq!(lines[0]["flags"], 1);
        assert_eq!(lines[0]["attributes"].as_array().unwrap().len(), 1);
        assert_eq!((lines[1].get("traceId"), lines[1].get("spanId")), (None, None));
    }
}
