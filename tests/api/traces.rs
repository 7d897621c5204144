//! Traces of OpenTelemetry: the caller's context goes on, every span has the request's id, and no
//! secret leaves.

use coffer_testkit::{OtlpReceiver, TestServer};
use serde_json::Value;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn server(receiver: &OtlpReceiver, more: &[(&str, &str)]) -> TestServer {
    let endpoint = receiver.endpoint();
    let variables = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())], more].concat();
    TestServer::builder().otlp(&variables).without_background_jobs().start()
}

/// A text attribute of a span.
fn attribute<'a>(span: &'a Value, name: &str) -> &'a str {
    let mut attributes = span["attributes"].as_array().unwrap().iter();
    let found = attributes.find(|attribute| attribute["key"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {span}"));
    found["value"]["stringValue"].as_str().or(found["value"]["intValue"].as_str()).unwrap()
}

/// The spans of the request with this id.
fn of_request(spans: &[Value], id: &str) -> Vec<Value> {
    let of = |span: &&Value| attribute(span, "coffer.request_id") == id;
    spans.iter().filter(of).cloned().collect()
}

#[test]
fn a_callers_trace_goes_on_and_every_span_has_the_requests_id() {
    let receiver = OtlpReceiver::start("200 OK");
    let more = [
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-token=abc"),
        ("OTEL_SERVICE_NAME", "vault"),
    ];
    let server = server(&receiver, &more);
    let client = server.app().client();
    let traced = |flags| client.with_header("traceparent", &format!("00-{TRACE}-{SPAN}-{flags}"));
    client.set("a", "b").ok();
    traced("00").set("a", "c").ok();
    let answer = traced("01").set("token", "value_of_secret");
    answer.ok();
    server.run_job("traces");
    let export = receiver.next();
    assert!(export.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", export.head);
    for header in ["x-token: abc", "content-type: application/json"] {
        assert!(export.head.to_ascii_lowercase().contains(header), "{}", export.head);
    }
    let resource = &export.body["resourceSpans"][0]["resource"];
    assert_eq!(attribute(resource, "service.name"), "vault");
    let spans = export.spans();
    let id = answer.header("request-id").unwrap();
    assert_eq!(of_request(&spans, id), spans, "no other request was sampled");
    let names: Vec<_> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    let expected = ["POST /v1/apps/secrets", "authenticate", "receive", "carry out", "record"];
    assert_eq!(names, expected);
    let (root, steps) = spans.split_first().unwrap();
    assert_eq!((&root["traceId"], &root["parentSpanId"]), (&TRACE.into(), &SPAN.into()));
    assert_eq!(root["kind"], 2);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/apps/secrets"),
        ("http.response.status_code", "200"),
        ("coffer.operation", "apps.secrets.create"),
    ] {
        assert_eq!(attribute(root, name), value);
    }
    let time = |span: &Value, end: &str| span[end].as_str().unwrap().parse::<u128>().unwrap();
    let mut began = time(root, "startTimeUnixNano");
    for step in steps {
        assert_eq!((&step["traceId"], &step["parentSpanId"]), (&TRACE.into(), &root["spanId"]));
        assert_eq!(time(step, "startTimeUnixNano"), began);
        began = time(step, "endTimeUnixNano");
        assert!(began <= time(root, "endTimeUnixNano"));
    }
    assert!(receiver.rest().is_empty());
    let exported = "coffer_trace_spans_total{outcome=\"exported\"}";
    assert_eq!(server.scrape().value(exported), 1.0);
}

#[test]
fn spans_hold_no_secret_and_no_name_and_say_why_a_request_was_refused() {
    let receiver = OtlpReceiver::start("200 OK");
    let server = server(&receiver, &[]);
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("name_of_secret", "value_of_secret").ok();
    client.find("name_of_secret").ok();
    let refused = client.with_key("sk_test_coffer_0123456789abcdefghijklmnopqrstuv").list();
    refused.refused(401);
    let unknown = client.get("/v1/nothing/value_of_secret", &[]);
    unknown.refused(404);
    server.run_job("traces");
    let export = receiver.next();
    let (spans, text) = (export.spans(), export.body.to_string());
    let why = |id: Option<&str>| {
        attribute(&of_request(&spans, id.unwrap())[0], "coffer.reason").to_owned()
    };
    assert_eq!(why(refused.header("request-id")), "key.unknown");
    assert_eq!(why(unknown.header("request-id")), "url.unknown");
    let admin = server.admin();
    for secret in
        [&*app.test_key, admin.key(), "value_of_secret", "name_of_secret", &*account, &*app.id]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(!text.contains("sk_test_coffer_0123456789"), "{text}");
}

#[test]
fn a_receiver_that_fails_costs_spans_and_nothing_else() {
    let receiver = OtlpReceiver::start("503 Service Unavailable");
    let server = server(&receiver, &[]);
    let client = server.app().client();
    client.set("a", "b").ok();
    server.run_job("traces");
    client.find("a").ok();
    server.run_job("traces");
    let failed = "coffer_trace_spans_total{outcome=\"failed\"}";
    assert!(server.scrape().value(failed) >= 2.0);
    assert!(receiver.rest().len() >= 2);
}
