"""What the server exports of traces, read by OpenTelemetry's own definitions.

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
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

# How long anything may take, in seconds, on a machine that is busy with other work.
PATIENCE = 120
# How many bytes an id has (W3C Trace Context).
IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
EXPORTS = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    """Takes whatever is exported."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        EXPORTS.put((self.path, self.headers["content-type"], body))
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


def exported():
    """The next export, as OpenTelemetry reads it."""
    path, kind, body = EXPORTS.get(timeout=PATIENCE)
    assert (path, kind) == ("/v1/traces", "application/json"), (path, kind)
    whole = json.dumps(with_binary_ids(json.loads(body)))
    return Parse(whole, ExportTraceServiceRequest(), ignore_unknown_fields=False)


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


def main():
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    plain = {name: value for name, value in os.environ.items()
             if not name.startswith(("COFFER_", "OTEL_"))}
    with tempfile.TemporaryDirectory() as home:
        env = {**plain, "HOME": home, "OTEL_SERVICE_NAME": "vault",
               "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.server_port}"}
        coffer, port = os.environ["COFFER_BIN"], free_port()
        env["COFFER_DATA_DIR"] = f"{home}/data"
        made = subprocess.run([coffer, "init", "--app", "my-app", "--format", "json"], env=env,
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        base, key = f"http://127.0.0.1:{port}", json.loads(made.stdout)["live_key"]
        server = subprocess.Popen([coffer, "serve", "--listen", f"127.0.0.1:{port}"], env=env,
                                  stderr=subprocess.DEVNULL)
        try:
            listens(base)
            asked = [ask(base, key, "/v1/apps/secrets?scope[type]=account"),
                     ask(base, key, "/v1/apps/secrets?scope[type]=nobody")]
            assert [status for _, status in asked] == [200, 400], asked
            spans, seen = [], set()
            while not {request for request, _ in asked} <= seen:
                for part in exported().resource_spans:
                    assert attributes(part.resource.attributes)["service.name"] == "vault"
                    spans += [span for scope in part.scope_spans for span in scope.spans]
                seen = {attributes(span.attributes)["coffer.request_id"] for span in spans}
            for request, status in asked:
                check(spans, request, status)
        finally:
            server.terminate()
            server.wait(PATIENCE)
            receiver.shutdown()
    print(f"{len(spans)} spans are OpenTelemetry's")


if __name__ == "__main__":
    sys.exit(main())
