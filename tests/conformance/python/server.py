"""Starts and stops the server, and sets up apps, accounts and keys on it."""

import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import stripe

# Where the server says that it listens; there is more text behind it.
LISTENS = re.compile(r"127\.0\.0\.1:(\d+)\D")
# How long the server may take to start or to stop, in seconds, on a machine that is busy with other
# work.
PATIENCE = 300

_running = []


class App:
    """An app of its own: nothing that another test does can be seen in it."""

    def __init__(self, server, secrets_per_scope=None):
        self.server = server
        self.account = server.admin("/v1/admin/accounts", name="Developer")["id"]
        limit = {} if secrets_per_scope is None else {"secrets_per_scope": secrets_per_scope}
        self.id = server.admin("/v1/admin/apps", account=self.account, name="App", **limit)["id"]
        self.test_key = self.key(mode="test")

    def key(self, **params):
        """Makes another key of the app."""
        return self.server.admin("/v1/admin/api_keys", app=self.id, **params)["key"]

    def client(self, **options):
        """The SDK's client with the app's key in test mode."""
        return self.server.client(self.test_key, **options)

    def install(self):
        """Installs the app on a new account, and gives the account's id."""
        account = self.server.admin("/v1/admin/accounts", name="Merchant")["id"]
        self.server.admin("/v1/admin/installs", app=self.id, account=account)
        return account


class Server:
    """A server with a data directory of its own. `developer` starts `coffer dev` instead, and
    `flags` are more arguments."""

    def __init__(self, developer=False, flags=()):
        self._directory = tempfile.TemporaryDirectory(prefix="coffer-conformance-")
        self._process = None
        _running.append(self)
        home = Path(self._directory.name)
        data = home / "data"
        # The settings of whoever runs the tests are not this server's.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COFFER_")}
        environment.update(HOME=str(home), XDG_CONFIG_HOME=str(home / "config"))
        binary = os.environ["COFFER_BIN"]
        if not developer:
            init = [binary, "init", "--data-dir", data, "--app", "conformance", "--format", "json"]
            made = subprocess.run(init, env=environment, check=True, stdout=subprocess.PIPE)
            self.founded = json.loads(made.stdout)
        command = [binary, "dev" if developer else "serve", "--data-dir", data,
                   "--listen", "127.0.0.1:0", *flags]
        self._log = home / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.port = self._port()
        self.base = f"http://127.0.0.1:{self.port}"

    def _port(self):
        """The port that the server was given, which it says when it serves."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            said = LISTENS.search(self._log.read_text(errors="replace"))
            if said:
                return int(said[1])
            time.sleep(0.05)
        log = self._log.read_text(errors="replace")
        self.stop()
        raise RuntimeError(f"the server did not start:\n{log}")

    def said(self):
        """Everything that the server has printed and logged."""
        return self._log.read_text(errors="replace")

    def client(self, key, base=None, **options):
        """The SDK's client, pointed at this server or at what stands before it."""
        return stripe.StripeClient(key, base_addresses={"api": base or self.base}, **options)

    def admin(self, path, **params):
        """A POST to the admin API, which the SDK makes as a raw request."""
        return self.client(self.founded["admin_key"]).raw_request("post", path, **params).data

    def app(self, **options):
        """A new app with a developer's account and a key."""
        return App(self, **options)

    def stop(self):
        """Stops the server and removes what it has written."""
        if self in _running:
            _running.remove(self)
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._directory.cleanup()


def stop_all():
    """Stops whatever is still running, also after a failure."""
    for server in list(_running):
        server.stop()


_shared = None


def shared():
    """The one server that most tests use."""
    global _shared
    if _shared is None:
        _shared = Server()
    return _shared
