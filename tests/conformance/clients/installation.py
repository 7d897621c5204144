"""A server of its own for the clients, and for each client an app with something to look at."""

import http.server
import json
import os
import queue
import re
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

# Where the server says that it listens; there is more text behind it.
LISTENS = re.compile(r"127\.0\.0\.1:(\d+)\D")
# How long the server may take to start or to stop, in seconds, on a machine that is busy.
PATIENCE = 300
# What each app's merchant has, in more than one page of three: a charge makes a balance
# transaction, and a plan makes an event.
CHARGES = 7
PLANS = 5


class Receiver(http.server.BaseHTTPRequestHandler):
    """Puts each delivery into the queue of its path, and answers with success."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        arrived = self.server.arrived[self.path]
        arrived.put({"body": body, "signature": self.headers["stripe-signature"]})
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Installation:
    """`coffer init` and `coffer serve` in a directory that goes away with them."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="coffer-clients-")
        home = Path(self._directory.name)
        # The settings of whoever runs the tests are not this server's.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COFFER_")}
        environment.update(HOME=str(home), XDG_CONFIG_HOME=str(home / "config"),
                           COFFER_WEBHOOK_ALLOW="127.0.0.1", COFFER_WEBHOOK_ALLOW_HTTP="true")
        self._receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self._receiver.arrived = {}
        threading.Thread(target=self._receiver.serve_forever, daemon=True).start()
        coffer = [os.environ["COFFER_BIN"]]
        data = ["--data-dir", str(home / "data")]
        init = [*coffer, "init", *data, "--app", "clients", "--format", "json"]
        made = subprocess.run(init, env=environment, check=True, stdout=subprocess.PIPE)
        self._admin_key = json.loads(made.stdout)["admin_key"]
        self._log = home / "log"
        with self._log.open("wb") as log:
            serve = [*coffer, "serve", *data, "--listen", "127.0.0.1:0"]
            self._process = subprocess.Popen(serve, env=environment, stdout=log, stderr=log)
        self.base = f"http://127.0.0.1:{self._port()}"

    def _port(self):
        """The port that the server was given, which it says when it serves."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            found = LISTENS.search(self._log.read_text(errors="replace"))
            if found:
                return int(found[1])
            time.sleep(0.05)
        log = self._log.read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"the server did not start:\n{log}")

    def call(self, method, path, key=None, on=None, version=None, **params):
        """One request without any SDK, `on` a connected account: the status and the object."""
        body = urllib.parse.urlencode(params)
        url = f"{self.base}{path}" + (f"?{body}" if body and method == "GET" else "")
        headers = {"Authorization": f"Bearer {key or self._admin_key}"}
        if on:
            headers["Stripe-Account"] = on
        if version:
            headers["Stripe-Version"] = version
        data = body.encode() if method == "POST" else None
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def made(self, path, **how):
        """What a POST that must succeed makes."""
        status, answer = self.call("POST", path, **how)
        if status != 200:
            raise RuntimeError(f"POST {path}: {status} {answer}")
        return answer

    def app(self):
        """A new app with a key, installed on a new account that has charges."""
        developer = self.made("/v1/admin/accounts", name="Developer")["id"]
        app = self.made("/v1/admin/apps", account=developer, name="App")["id"]
        key = self.made("/v1/admin/api_keys", app=app, mode="test")["key"]
        merchant = self.made("/v1/admin/accounts", name="Merchant")["id"]
        self.made("/v1/admin/installs", app=app, account=merchant)
        for number in range(CHARGES):
            self.made("/v1/ledger/charges", key=key, on=merchant, id=f"ch_{number}",
                      amount=1000 + number, currency="usd")
        for number in range(PLANS):
            self.made("/v1/reserve/plans", key=key, on=merchant, percent=number + 1,
                      type="rolling_release", **{"rolling_release[days_after_charge]": 30})
        return {"COFFER_BASE": self.base, "COFFER_KEY": key, "COFFER_MERCHANT": merchant,
                "COFFER_CHARGES": str(CHARGES), "COFFER_PLANS": str(PLANS),
                "COFFER_DELIVERY": json.dumps(self._delivery(key))}

    def _delivery(self, key):
        """What arrives of the app's own event while the secret of its endpoint is rolled."""
        path = f"/{len(self._receiver.arrived)}"
        arrived = self._receiver.arrived[path] = queue.Queue()
        url = f"http://127.0.0.1:{self._receiver.server_port}{path}"
        endpoint = self.made("/v1/webhook_endpoints", key=key, url=url,
                             **{"enabled_events[]": "*"})
        rolled = self.made(f"/v1/webhook_endpoints/{endpoint['id']}/roll_secret", key=key)
        self.made("/v1/reserve/plans", key=key, percent=10, type="rolling_release",
                  **{"rolling_release[days_after_charge]": 30})
        secrets = [endpoint["secret"], rolled["secret"]]
        return {**arrived.get(timeout=PATIENCE), "secrets": secrets}

    def stop(self):
        """Stops the server and removes what it has written."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._receiver.shutdown()
        self._receiver.server_close()
        self._directory.cleanup()
