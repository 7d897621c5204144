//! Metrics and logs of OpenTelemetry: metrics are those of `/metrics`, every line goes out, no
//! secret does, and a receiver that fails costs nothing else.

use coffer_testkit::{Client, Export, OtlpReceiver, Process, TestServer, coffer_binary, home};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A server whose metrics go to the receiver when its job runs, and its runs are the test's.
fn measured(receiver: &OtlpReceiver) -> TestServer {
    let endpoint = receiver.endpoint();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "x-token=abc"),
        ("OTEL_SERVICE_NAME", "vault"),
    ];
    TestServer::builder().otlp(&variables).without_background_jobs().start()
}

/// A text or a whole number that belongs to a name.
fn attribute(of: &Value, name: &str) -> Option<String> {
    let mut attributes = of["attributes"].as_array().unwrap().iter();
    let value = &attributes.find(|attribute| attribute["key"] == name)?["value"];
    let text = value["stringValue"].as_str().or(value["intValue"].as_str());
    Some(text.unwrap_or_else(|| panic!("{name} in {of}")).to_owned())
}

/// A number, whether it is written as one or as a text.
fn number(value: &Value) -> f64 {
    let text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_f64().or_else(text).unwrap_or_else(|| panic!("no number: {value}"))
}

/// A point's name in Prometheus' format.
fn series(name: &str, point: &Value, bound: Option<&str>) -> String {
    let attributes = point["attributes"].as_array().unwrap().iter();
    let labels = attributes.map(|attribute| {
        let value = attribute["value"]["stringValue"].as_str().unwrap();
        format!("{}=\"{value}\"", attribute["key"].as_str().unwrap())
    });
    let labels: Vec<_> = labels.chain(bound.map(|bound| format!("le=\"{bound}\""))).collect();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

/// All figures of an export, as Prometheus would name them.
fn figures(export: &Export) -> BTreeMap<String, f64> {
    let mut all = BTreeMap::new();
    for metric in export.metrics() {
        let name = metric["name"].as_str().unwrap();
        for data in ["sum", "gauge"] {
            for point in metric[data]["dataPoints"].as_array().into_iter().flatten() {
                let value = if point["asInt"].is_null() { "asDouble" } else { "asInt" };
                all.insert(series(name, point, None), number(&point[value]));
            }
        }
        for point in metric["histogram"]["dataPoints"].as_array().into_iter().flatten() {
            let bounds = point["explicitBounds"].as_array().unwrap().iter().map(number);
            let bounds = bounds.map(|bound| bound.to_string()).chain(["+Inf".to_owned()]);
            let mut total = 0.0;
            for (bound, count) in bounds.zip(point["bucketCounts"].as_array().unwrap()) {
                total += number(count);
                all.insert(series(&format!("{name}_bucket"), point, Some(&bound)), total);
            }
            all.insert(series(&format!("{name}_sum"), point, None), number(&point["sum"]));
            all.insert(series(&format!("{name}_count"), point, None), number(&point["count"]));
        }
    }
    all
}

/// Whether a figure stays as it is between two looks at it.
fn stays(series: &str) -> bool {
    let begins = ["coffer_request", "coffer_refusals", "coffer_job_", "coffer_build_info"];
    let is_of_look = series.contains("metrics");
    begins.iter().any(|begin| series.starts_with(begin)) && !is_of_look
}

#[test]
fn what_the_page_of_metrics_shows_goes_out() {
    let receiver = OtlpReceiver::start("200 OK");
    let server = measured(&receiver);
    let app = server.app();
    app.client().set("name_of_secret", "value_of_secret").ok();
    app.client().find("name_of_secret").ok();
    server.run_job("metrics");
    let scrape = server.scrape();
    server.run_job("export_metrics");
    let export = receiver.next();
    assert_eq!(export.path(), "/v1/metrics");
    for header in ["x-token: abc", "content-type: application/json"] {
        assert!(export.head.to_ascii_lowercase().contains(header), "{}", export.head);
    }
    let resource = &export.body["resourceMetrics"][0]["resource"];
    assert_eq!(attribute(resource, "service.name").as_deref(), Some("vault"));
    let all = figures(&export);
    let metrics = export.metrics();
    let names: Vec<_> = metrics.iter().map(|metric| metric["name"].as_str().unwrap()).collect();
    assert!(scrape.names().is_subset(&names.into_iter().collect()), "{all:?}");
    let page = scrape.text().lines().filter(|line| !line.starts_with('#'));
    for (series, _) in page.filter_map(|line| line.rsplit_once(' ')) {
        let sent = *all.get(series).unwrap_or_else(|| panic!("no {series} in {all:?}"));
        assert!(!stays(series) || sent == scrape.value(series), "{series}: {sent}");
    }
    let text = export.body.to_string();
    let admin = server.admin();
    for secret in ["name_of_secret", "value_of_secret", &*app.test_key, admin.key(), &*app.id] {
        assert!(!text.contains(secret), "{secret}");
    }
    let exported = "coffer_otlp_records_total{signal=\"metrics\",outcome=\"exported\"}";
    assert_eq!(server.scrape().value(exported), 1.0);
}

#[test]
fn sums_say_since_when_they_count_and_that_stays() {
    let receiver = OtlpReceiver::start("200 OK");
    let server = measured(&receiver);
    let times = || {
        server.run_job("export_metrics");
        let metrics = receiver.next().metrics();
        let sums = metrics.iter().filter(|metric| metric["sum"].is_object());
        let points = sums.flat_map(|sum| sum["sum"]["dataPoints"].as_array().unwrap());
        let times = points
            .map(|point| ["startTimeUnixNano", "timeUnixNano"].map(|time| number(&point[time])));
        let times: Vec<_> = times.collect();
        assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
        times[0]
    };
    let ([started, first], [again, second]) = (times(), times());
    assert_eq!(started, again);
    assert!(started <= first && first <= second);
}

#[test]
fn a_receiver_of_metrics_that_fails_is_counted_and_nothing_else_is_lost() {
    let receiver = OtlpReceiver::start("503 Service Unavailable");
    let server = measured(&receiver);
    let client = server.app().client();
    client.set("a", "b").ok();
    server.run_job("export_metrics");
    client.find("a").ok();
    server.run_job("export_metrics");
    let failed = "coffer_otlp_records_total{signal=\"metrics\",outcome=\"failed\"}";
    assert_eq!(server.scrape().value(failed), 2.0);
    assert_eq!(receiver.rest().len(), 2);
}

/// An installation for the binary.
struct Program {
    binary: PathBuf,
    home: tempfile::TempDir,
    live_key: String,
}

impl Program {
    /// `None` without a binary.
    fn new() -> Option<Self> {
        let Some(binary) = coffer_binary() else {
            println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
            return None;
        };
        let home = home();
        let mut program = Self { binary, home, live_key: String::new() };
        let made = program.coffer(&["init", "--app", "app", "--format", "json"]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        program.live_key = made["live_key"].as_str().unwrap().to_owned();
        Some(program)
    }

    fn coffer(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).env_clear().current_dir(self.home.path());
        command.env("COFFER_DATA_DIR", self.home.path().join("data"));
        command.env("XDG_CONFIG_HOME", self.home.path());
        command
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// Serves, and logs all requests.
    fn serve(&self, endpoint: &str, more: &[(&str, &str)]) -> Process {
        let words = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];
        let mut command = self.coffer(&[&words[..], &["--log-requests", "all"]].concat());
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        command.envs(more.iter().copied());
        Process::start(command, &self.log()).unwrap()
    }

    fn client(&self, server: &Process) -> Client {
        server.anonymous().with_key(&self.live_key)
    }
}

/// The lines of a log in JSON.
fn logged(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Lines that were sent and not looked at. What was under way when the server stopped is sent
/// again: then a line is there twice, to the nanosecond.
fn lines_of(receiver: &OtlpReceiver) -> Vec<Value> {
    let exports = receiver.rest().into_iter().filter(|export| export.path() == "/v1/logs");
    let mut lines = Vec::new();
    for line in exports.flat_map(|export| export.lines()) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn message(line: &Value) -> &str {
    line["message"].as_str().or(line["body"]["stringValue"].as_str()).unwrap()
}

/// How often standard error has each message, up to the last before the server stops.
fn messages(written: &[Value]) -> BTreeMap<&str, usize> {
    let mut all = BTreeMap::new();
    let before = written.iter().map(message).take_while(|text| !text.starts_with("stopping"));
    before.for_each(|text| *all.entry(text).or_default() += 1);
    all
}

/// What is said of a receiver that fails.
const NOT_TAKEN: &str = "what goes out by OTLP is not taken";

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn every_line_of_the_log_goes_out_with_its_fields_and_no_secret() {
    let Some(program) = Program::new() else { return };
    let receiver = OtlpReceiver::start("200 OK");
    let server = program.serve(&receiver.endpoint(), &[("OTEL_METRICS_EXPORTER", "none")]);
    let client = program.client(&server);
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let traced = client.with_header("traceparent", &parent);
    let answer = traced.set("name_of_secret", "value_of_secret");
    answer.ok();
    client.with_key("sk_live_coffer_0123456789abcdefghijklmnopqrstuv").list().refused(401);
    server.stop();
    let lines = lines_of(&receiver);
    let find = |text: &str| lines.iter().find(|line| message(line) == text).unwrap();
    let (serving, answered) = (find("serving"), find("answered"));
    assert_eq!((&serving["severityText"], &serving["severityNumber"]), (&"INFO".into(), &9.into()));
    let id = answer.header("request-id").map(str::to_owned);
    assert_eq!(attribute(answered, "request_id"), id);
    assert_eq!(attribute(answered, "status").as_deref(), Some("200"));
    assert_eq!(answered["traceId"], TRACE);
    assert_eq!(answered["spanId"].as_str().unwrap().len(), 16);
    // What is on standard error was sent: lines of two threads in whichever order.
    let written = logged(&program.log());
    for (text, count) in messages(&written) {
        let sent = lines.iter().filter(|line| message(line) == text).count();
        assert_eq!(sent, count, "{text} in {lines:?}");
    }
    let of_request = written.iter().find(|line| line["message"] == "answered").unwrap();
    assert_eq!((&of_request["trace"], &of_request["span"]), (&TRACE.into(), &answered["spanId"]));
    let text = Value::from(lines.clone()).to_string();
    for secret in ["value_of_secret", "name_of_secret", &*program.live_key, "sk_live_coffer_01"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn a_receiver_of_logs_that_fails_is_said_once_and_lines_wait_for_it() {
    let Some(program) = Program::new() else { return };
    let receiver = OtlpReceiver::start("503 Service Unavailable");
    let off = [("OTEL_METRICS_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "none")];
    let server = program.serve(&receiver.endpoint(), &off);
    let client = program.client(&server);
    // Tried more than once, each time with the lines that were there before.
    let first = receiver.next().lines();
    client.set("a", "b").ok();
    for _ in 0..2 {
        let again = receiver.next().lines();
        assert_eq!(again[..first.len()], first);
    }
    client.find("a").ok();
    receiver.answer("200 OK");
    server.stop();
    let (sent, written) = (lines_of(&receiver), logged(&program.log()));
    for (text, count) in messages(&written) {
        let arrived = sent.iter().filter(|line| message(line) == text).count();
        assert_eq!(arrived, count, "{text} in {sent:?}");
    }
    for said in [NOT_TAKEN, "what goes out by OTLP is taken again"] {
        assert_eq!(written.iter().filter(|line| message(line) == said).count(), 1, "{written:?}");
    }
}

/// A receiver that does not want the lines has none of them again.
#[test]
fn lines_that_are_refused_are_lost() {
    let Some(program) = Program::new() else { return };
    let receiver = OtlpReceiver::start("400 Bad Request");
    let off = [("OTEL_METRICS_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "none")];
    let server = program.serve(&receiver.endpoint(), &off);
    let first = receiver.next().lines();
    program.client(&server).set("a", "b").ok();
    let second = receiver.next().lines();
    assert!(second.iter().all(|line| !first.contains(line)), "{second:?}");
    server.stop();
}

#[test]
fn a_receiver_that_is_not_there_stops_nothing() {
    let Some(program) = Program::new() else { return };
    // Nobody listens on the port of a connection that somebody else has, nor can begin to.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let nobody = taken.local_addr().unwrap();
    let server = program.serve(&format!("http://{nobody}"), &[]);
    let client = program.client(&server);
    client.set("a", "b").ok();
    client.find("a").ok();
    server.stop();
    let said = |line: &&Value| message(line) == NOT_TAKEN;
    let mut signals: Vec<_> = logged(&program.log())
        .iter()
        .filter(said)
        .map(|line| line["signal"].as_str().unwrap().to_owned())
        .collect();
    signals.sort();
    let log = std::fs::read_to_string(program.log()).unwrap();
    assert_eq!(signals, ["logs", "metrics", "traces"], "{log}");
}

#[test]
fn a_server_with_a_setting_that_cannot_be_does_not_start() {
    let Some(program) = Program::new() else { return };
    for (name, value, what) in [
        ("OTEL_METRIC_EXPORT_INTERVAL", "1", "between 1000 and 3600000"),
        ("OTEL_LOGS_EXPORTER", "console", "otlp and none are"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc", "http/json is"),
    ] {
        let mut command = program.coffer(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318").env(name, value);
        let ended = command.output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains(name) && said.contains(what), "{said}");
    }
}
