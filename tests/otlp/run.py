"""What the server exports of traces, metrics and logs, read by OpenTelemetry's own definitions.

The package opentelemetry-proto has them; a field that they do not know, or one of another type, is
an error. The binary is in COFFER_BIN.
"""

import base64
import json
import os
import queue
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

# How long anything may take, in seconds, on a machine that is busy with other work.
PATIENCE = 120
# How many bytes an id has (W3C Trace Context).
IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
# What has arrived, by where it was sent, and what it is read as.
EXPORTS = {path: queue.Queue() for path in ("/v1/traces", "/v1/metrics", "/v1/logs")}
REQUESTS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest,
            "/v1/logs": ExportLogsServiceRequest}


class Receiver(BaseHTTPRequestHandler):
    """Takes whatever is exported."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        EXPORTS[self.path].put((self.headers["content-type"], body))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        """Says nothing."""


def with_binary_ids(value):
    """The JSON of OTLP as that of protocol buffers: only ids differ, which are hexadecimal."""
    if isinstance(value, list):
        return [with_binary_ids(each) for each in value]
    if not isinstance(value, dict):
        return value
    for name in IDS.keys() & value.keys():
        digits = value[name]
        assert re.fullmatch(f"[0-9a-f]{{{2 * IDS[name]}}}", digits), f"{name}: {digits}"
        value[name] = base64.b64encode(bytes.fromhex(digits)).decode()
    return {name: with_binary_ids(each) for name, each in value.items()}


def exported(path):
    """The next export to a path, as OpenTelemetry reads it."""
    kind, body = EXPORTS[path].get(timeout=PATIENCE)
    assert kind == "application/json", kind
    whole = json.dumps(with_binary_ids(json.loads(body)))
    return Parse(whole, REQUESTS[path](), ignore_unknown_fields=False)


def records(path, scopes, name):
    """The next records that are sent to a path."""
    resources, = exported(path).ListFields()[0][1]
    assert attributes(resources.resource.attributes)["service.name"] == "vault"
    scope, = getattr(resources, scopes)
    return getattr(scope, name)


def attributes(pairs):
    """Attributes by name."""
    found = {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
    assert len(found) == len(pairs), "a name twice"
    return found


def check(spans, request, status):
    """The spans of one request: a root and its steps, in its time."""
    own = [span for span in spans
           if attributes(span.attributes)["coffer.request_id"] == request]
    assert len({span.trace_id for span in own}) == 1, own
    roots = [span for span in own if span.kind == Span.SPAN_KIND_SERVER]
    assert len(roots) == 1 and len(own) > 1, own
    root = roots[0]
    assert attributes(root.attributes)["http.response.status_code"] == status, root
    assert root.status.code != Status.STATUS_CODE_ERROR, root
    for span in own:
        assert span.name and span.start_time_unix_nano <= span.end_time_unix_nano, span
        if span is not root:
            assert span.parent_span_id == root.span_id, span
            assert root.start_time_unix_nano <= span.start_time_unix_nano, span
            assert span.end_time_unix_nano <= root.end_time_unix_nano, span


def points_of(metric):
    """The points of a metric, each of which is what its kind says."""
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    if kind != "gauge":
        assert data.aggregation_temporality == AggregationTemporality.Value(
            "AGGREGATION_TEMPORALITY_CUMULATIVE"), metric
    for point in data.data_points:
        assert point.time_unix_nano, metric
        assert (kind == "gauge") == (point.start_time_unix_nano == 0), metric
        assert point.start_time_unix_nano <= point.time_unix_nano, metric
        if kind == "histogram":
            assert len(point.bucket_counts) == len(point.explicit_bounds) + 1, metric
            assert sum(point.bucket_counts) == point.count, metric
        elif kind == "sum":
            assert data.is_monotonic and point.WhichOneof("value"), metric
    return kind, data.data_points


def check_metrics(metrics, page):
    """Each metric of Prometheus' page is there, as what it is there, and none twice."""
    names = [metric.name for metric in metrics]
    assert len(set(names)) == len(names), names
    kinds = {"sum": "counter", "gauge": "gauge", "histogram": "histogram"}
    shown = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    sent = {}
    for metric in metrics:
        kind, points = points_of(metric)
        sent[metric.name] = kinds[kind]
        labels = [tuple(sorted(attributes(point.attributes).items())) for point in points]
        assert points and len(set(labels)) == len(labels), metric
    assert shown and shown.items() <= sent.items(), shown.items() - sent.items()


def check_lines(lines, spans):
    """Lines of the log: those of the requests belong to their traces."""
    known = {span.span_id: attributes(span.attributes)["coffer.request_id"] for span in spans
             if span.kind == Span.SPAN_KIND_SERVER}
    of_requests = 0
    for line in lines:
        assert line.body.string_value and line.time_unix_nano and line.severity_number, line
        if line.span_id in known:
            assert attributes(line.attributes)["request_id"] == known[line.span_id], line
            assert line.trace_id, line
            of_requests += 1
    return of_requests


def ask(base, key, path):
    """One request: its id and its status."""
    request = urllib.request.Request(f"{base}{path}", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.headers["request-id"], answer.status
    except urllib.error.HTTPError as refused:
        return refused.headers["request-id"], refused.code


def free_port():
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(base):
    """Waits until the server does."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{base}/livez", timeout=PATIENCE).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server does not listen")


def sent_by(base, key):
    """What a server sends of two requests: its metrics, its spans, and its lines."""
    asked = [ask(base, key, "/v1/apps/secrets?scope[type]=account"),
             ask(base, key, "/v1/apps/secrets?scope[type]=nobody")]
    assert [status for _, status in asked] == [200, 400], asked
    spans, lines, seen = [], [], set()
    while not {request for request, _ in asked} <= seen:
        spans += records("/v1/traces", "scope_spans", "spans")
        seen = {attributes(span.attributes)["coffer.request_id"] for span in spans}
    for request, status in asked:
        check(spans, request, status)
    while check_lines(lines, spans) < len(asked):
        lines += records("/v1/logs", "scope_logs", "log_records")
    return spans, lines


def main():
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    plain = {name: value for name, value in os.environ.items()
             if not name.startswith(("COFFER_", "OTEL_"))}
    with tempfile.TemporaryDirectory() as home:
        env = {**plain, "HOME": home, "OTEL_SERVICE_NAME": "vault",
               "OTEL_METRIC_EXPORT_INTERVAL": "1000",
               "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.server_port}"}
        coffer, port, of_metrics = os.environ["COFFER_BIN"], free_port(), free_port()
        env["COFFER_DATA_DIR"] = f"{home}/data"
        made = subprocess.run([coffer, "init", "--app", "my-app", "--format", "json"], env=env,
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        base, key = f"http://127.0.0.1:{port}", json.loads(made.stdout)["live_key"]
        server = subprocess.Popen(
            [coffer, "serve", "--listen", f"127.0.0.1:{port}", "--log-requests", "all",
             "--metrics-listen", f"127.0.0.1:{of_metrics}"], env=env, stderr=subprocess.DEVNULL)
        try:
            listens(base)
            spans, lines = sent_by(base, key)
            with urllib.request.urlopen(f"http://127.0.0.1:{of_metrics}/metrics",
                                        timeout=PATIENCE) as answer:
                page = answer.read().decode()
        finally:
            server.terminate()
            server.wait(PATIENCE)
            receiver.shutdown()
    # The last ones were collected at the end, when there was all that the page has shown.
    metrics = records("/v1/metrics", "scope_metrics", "metrics")
    while not EXPORTS["/v1/metrics"].empty():
        metrics = records("/v1/metrics", "scope_metrics", "metrics")
    check_metrics(metrics, page)
    print(f"{len(spans)} spans, {len(metrics)} metrics and {len(lines)} lines are OpenTelemetry's")


if __name__ == "__main__":
    sys.exit(main())
