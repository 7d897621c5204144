"""A proxy that makes trouble between the SDK and the server, one planned step for each request."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Hands the request on, and the answer back.
FORWARD = "forward"
# Hands the request on, waits for the answer, and hangs up without it.
LOSE_THE_ANSWER = "lose the answer"
# Answers itself with such a status and `Stripe-Should-Retry: true`; the server sees nothing.
CONFLICT = 409
UNAVAILABLE = 503


class Proxy:
    """Follows `plan`, then forwards; `seen` has the headers of every request."""

    def __init__(self, port, plan):
        self.plan = list(plan)
        self.seen = []
        handler = type("Handler", (_Handler,), {"proxy": self, "port": port})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.base = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing: the requests are in `seen`."""

    def do_GET(self):
        self._next_step()

    def do_POST(self):
        self._next_step()

    def _next_step(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.proxy.seen.append(self.headers)
        step = self.proxy.plan.pop(0) if self.proxy.plan else FORWARD
        self.close_connection = True
        if step in (CONFLICT, UNAVAILABLE):
            error = {"error": {"type": "api_error", "message": "Try again."}}
            headers = [("Content-Type", "application/json"), ("Stripe-Should-Retry", "true")]
            return self._answer(step, headers, json.dumps(error).encode())
        status, headers, answer = self._forward(body)
        if step == FORWARD:
            self._answer(status, headers, answer)

    def _forward(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(self.command, self.path, body or None, dict(self.headers))
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
