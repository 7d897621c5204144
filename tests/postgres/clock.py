"""One server's clock is wrong while the database's is right, which tells.

The server runs under libfaketime, whose file moves its wall clock; another one beside it, and the
database, have the machine's. The library is in LIBFAKETIME.
"""

import json
import os
import signal
import sys
import time

from api import Api, Place, succeeds
from cluster import Cluster
from server import Installation, Server

DAY = 86400
# How long the clock is wrong: several turns of each job that looks every 5 or 20 seconds.
WRONG_SECONDS = 23
# How long the server may take to notice, in seconds, on a machine that is busy with other work.
PATIENCE = 300
TABLES = ("secret", "tombstone", "event", "api_key", "reserve_allocation")
PLACE = Place("user", "token")


class Fixture:
    """Two servers on one pair of databases: the clock of one can be moved."""

    def __init__(self):
        self.cluster = Cluster.create(fsync="off").start()
        for database in ("data", "keys"):
            self.cluster.sql(f"CREATE DATABASE {database}")
        self.installation = Installation(self.cluster.url("data"), self.cluster.url("keys"))
        self.moved = self.installation.home / "moved"
        self.set_clock(0)
        faked = {"LD_PRELOAD": os.environ["LIBFAKETIME"], "FAKETIME_NO_CACHE": "1",
                 "FAKETIME_TIMESTAMP_FILE": str(self.moved), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.wrong = Server(self.installation, "wrong", **faked).start()
        self.right = Server(self.installation, "right").start()
        key = self.installation.founded["test_key"]
        self.apis = [Api(server, key) for server in (self.wrong, self.right)]

    def set_clock(self, seconds):
        """Moves one server's wall clock away from the machine's by so many seconds."""
        new = self.installation.home / "new"
        new.write_text(f"{seconds:+d}s")
        new.replace(self.moved)

    def clock(self, verb, server=None):
        """What `coffer clock` says of a server: its exit code, and what it printed."""
        admin = {"COFFER_ADMIN_KEY": self.installation.founded["admin_key"],
                 "COFFER_URL": (server or self.wrong).base}
        done = self.installation.run("clock", verb, "--format", "json", **admin)
        return done.returncode, done.stdout.decode() + done.stderr.decode()

    def rows(self):
        """How many rows there are of what goes by the clock."""
        counts = " || ' ' || ".join(f"(SELECT count(*) FROM {table})" for table in TABLES)
        return self.cluster.sql(f"SELECT {counts}", "data")

    def fill(self):
        """Something of what goes by the clock, none of it due for a while."""
        month = int(time.time()) + 30 * DAY
        for answer in (
            succeeds(lambda: self.apis[1].set(PLACE, "value", expires_at=month)),
            self.apis[1].set(Place("user", "gone"), "value"),
            self.apis[1].delete(Place("user", "gone")),
            self.apis[1].call("POST", "/v1/reserve/holds", {
                "amount": 500, "currency": "usd",
                "release_schedule[release_after]": month}),
        ):
            assert answer.status == 200, str(answer)


def wait_until(holds):
    """Waits until something is so, or far too much time is over."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def wrong_and_right_again(fixture, by):
    """Nothing goes while the clock is wrong, the server says so, and nobody can agree to it."""
    before = fixture.rows()
    fixture.set_clock(by)
    wait_until(lambda: not fixture.wrong.is_ready())
    time.sleep(WRONG_SECONDS)
    assert fixture.rows() == before, f"{by}: {fixture.rows()} of {before}"
    assert fixture.right.is_ready(), "the other server goes on"
    code, shown = fixture.clock("show")
    assert code == 0 and json.loads(shown)["doubt"] == "database_disagrees", shown
    code, said = fixture.clock("accept")
    assert code != 0 and "database" in said, f"{code} {said}"
    assert not fixture.wrong.is_ready()
    fixture.set_clock(0)
    wait_until(lambda: fixture.clock("accept")[0] == 0)
    assert fixture.wrong.is_ready()
    assert fixture.rows() == before, f"{by}: {fixture.rows()} of {before}"
    for api in fixture.apis:
        answer = api.find(PLACE)
        assert answer.status == 200 and answer.body["payload"] == "value", str(answer)


def main():
    """The clock is a year ahead, and then a day behind."""
    # Ends by way of an exception, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    fixture = Fixture()
    fixture.fill()
    for by in (400 * DAY, -DAY):
        wrong_and_right_again(fixture, by)
    # A start with a wrong clock is no outage either.
    before = fixture.rows()
    fixture.wrong.stop()
    fixture.set_clock(400 * DAY)
    fixture.wrong.start(wait=False)
    wait_until(lambda: fixture.clock("show")[0] == 0)
    time.sleep(6)
    assert json.loads(fixture.clock("show")[1])["doubt"] == "database_disagrees"
    assert fixture.rows() == before, f"{fixture.rows()} of {before}"
    fixture.set_clock(0)
    print("clock: wrong beside a database whose clock is right, and nothing is gone")


if __name__ == "__main__":
    sys.exit(main())
