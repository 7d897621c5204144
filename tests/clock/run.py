"""The clock of a machine is wrong for a while under a running server, and then right again.

`coffer serve` runs under libfaketime, whose file moves its wall clock; the time that passes is not
faked. The binary is in COFFER_BIN, the library in LIBFAKETIME.
"""

import base64
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from pathlib import Path

# How long the server may take for anything, in seconds, on a machine that is busy with other work.
PATIENCE = 300
# How long the clock is wrong: several turns of each job that looks every 5 or 20 seconds.
WRONG_SECONDS = 23
DAY = 86400
TABLES = ("secret", "idempotency_record", "tombstone", "event", "api_key")


class Server:
    """A store, and the server that serves it with a clock of its own."""

    def __init__(self, home):
        self.home, self.process, self.port = home, None, None
        self.data, self.log, self.moved = home / "data", home / "log", home / "moved"
        self.backups = home / "backups"
        plain = {k: v for k, v in os.environ.items() if not k.startswith("COFFER_")}
        self.plain = {**plain, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"),
                      "COFFER_DATA_DIR": str(self.data)}
        self.founded = json.loads(self.coffer("init", "--app", "demo", "--format", "json"))

    def coffer(self, *arguments, **more):
        """What a command of the binary prints."""
        done = subprocess.run([os.environ["COFFER_BIN"], *arguments], env={**self.plain, **more},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        if done.returncode != 0:
            raise RuntimeError(f"coffer {arguments} failed: {done.stderr.decode()}")
        return done.stdout

    def set_clock(self, seconds):
        """Moves the server's wall clock away from the machine's by so many seconds."""
        new = self.home / "new"
        new.write_text(f"{seconds:+d}s")
        new.replace(self.moved)

    def start(self):
        """Starts it, and waits until it serves."""
        faked = {**self.plain, "LD_PRELOAD": os.environ["LIBFAKETIME"], "FAKETIME_NO_CACHE": "1",
                 "FAKETIME_TIMESTAMP_FILE": str(self.moved), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                 "COFFER_LOG_FORMAT": "json", "COFFER_BACKUP_TO": str(self.backups),
                 "COFFER_BACKUP_EVERY": "24h", "COFFER_BACKUP_KEEP_DAYS": "30"}
        begin = len(self.said())
        with self.log.open("ab") as log:
            command = [os.environ["COFFER_BIN"], "serve", "--listen", "127.0.0.1:0"]
            self.process = subprocess.Popen(command, env=faked, stdout=log, stderr=log)
        wait_until(lambda: self.process.poll() is not None or self.address(begin))
        self.port = self.address(begin)
        assert self.port, self.said()

    def address(self, begin):
        """Where it listens, from its log."""
        for line in self.said()[begin:].splitlines():
            if '"serving"' in line:
                address = next(v for v in json.loads(line).values() if "127.0.0.1:" in str(v))
                return int(str(address).rsplit(":", 1)[1])
        return None

    def said(self):
        """Everything that it has logged."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def errors(self):
        """What it has logged as an error."""
        lines = (json.loads(line) for line in self.said().splitlines() if line.startswith("{"))
        return [line for line in lines if line.get("level") == "ERROR"]

    def call(self, method, path, key=None, **params):
        """Status and body of a request."""
        body = urllib.parse.urlencode(params)
        url = f"http://127.0.0.1:{self.port}{path}"
        if method == "GET" and body:
            url, body = f"{url}?{body}", ""
        headers = {}
        if key:
            headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
        request = urllib.request.Request(url, body.encode() or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self):
        """The status of its health check."""
        return self.call("GET", "/readyz")[0]

    def kept(self):
        """The backups that there are: none is made or removed by a clock that is wrong."""
        return sorted(path.name for path in self.backups.glob("*.backup"))

    def rows(self):
        """How many rows there are of what goes by the clock, and the scheduler's watermarks."""
        with closing(sqlite3.connect(f"file:{self.data / 'coffer.db'}?mode=ro", uri=True)) as data:
            counts = {name: data.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                      for name in TABLES}
            released = "SELECT count(*) FROM reserve_hold WHERE released > 0"
            counts["released"] = data.execute(released).fetchone()[0]
            marks = data.execute("SELECT name, at FROM watermark ORDER BY name").fetchall()
        return counts, marks

    def stop(self):
        """Stops it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)


def wait_until(holds):
    """Waits until something is so, or far too much time is over."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def find(server):
    """The secret as the app finds it."""
    return server.call("GET", "/v1/apps/secrets/find", server.founded["test_key"], name="token",
                       **{"scope[type]": "account", "expand[]": "payload"})


def fill(server):
    """Something of all that goes by the clock, none of it due for a while."""
    key, month = server.founded["test_key"], int(time.time()) + 30 * DAY
    secret = {"name": "token", "payload": "value", "scope[type]": "account", "expires_at": month}
    for path, params in (
        ("/v1/apps/secrets", secret),
        ("/v1/ledger/charges", {"id": "ch_1", "amount": 1000, "currency": "usd"}),
        ("/v1/apps/secrets", {**secret, "name": "gone"}),
        ("/v1/apps/secrets/delete", {"name": "gone", "scope[type]": "account"}),
    ):
        status, body = server.call("POST", path, key, **params)
        assert status == 200, body


def wrong_and_right_again(server, by):
    """The clock is wrong for a while: nothing goes, the server says so, and all is still there."""
    before, backups = server.rows(), server.kept()
    server.set_clock(by)
    wait_until(lambda: server.ready() == 503)
    time.sleep(WRONG_SECONDS)
    assert server.rows() == before, f"{by}: {server.rows()} of {before}"
    assert server.kept() == backups, f"{by}: {server.kept()} of {backups}"
    server.set_clock(0)
    time.sleep(1)
    assert find(server)[0] == 200, find(server)
    admin = {"COFFER_ADMIN_KEY": server.founded["admin_key"],
             "COFFER_URL": f"http://127.0.0.1:{server.port}"}
    shown = json.loads(server.coffer("clock", "show", "--format", "json", **admin))
    assert shown["state"] == "doubtful", shown
    server.coffer("clock", "accept", **admin)
    assert server.ready() == 200
    counts, marks = server.rows()
    counts["idempotency_record"] -= 1  # That of the agreement.
    assert (counts, marks) == before, f"{by}: {counts} {marks} of {before}"
    assert '"value"' in find(server)[1]


def main():
    """The whole run."""
    with tempfile.TemporaryDirectory(prefix="coffer-clock-") as home:
        server = Server(Path(home))
        server.set_clock(0)
        try:
            server.start()
            fill(server)
            wait_until(lambda: server.rows()[1])
            wait_until(lambda: len(server.kept()) == 2)
            backups = server.kept()
            assert server.ready() == 200
            wrong_and_right_again(server, 400 * DAY)
            said = len(server.errors())
            assert said == 1, f"{said} errors: {server.errors()}"
            # A start with a clock that is far ahead is no outage.
            before = server.rows()
            server.stop()
            server.set_clock(400 * DAY)
            server.start()
            assert server.ready() == 503
            time.sleep(6)
            server.set_clock(0)
            assert server.rows()[0] == before[0] and find(server)[0] == 200
            assert server.kept() == backups, server.kept()
        finally:
            server.stop()
    print("the clock was wrong, and nothing is gone\n1 passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
