"""Moves a store from files to PostgreSQL and back: killed again and again, with a target that is in
use, and with a row that changes on its way."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import outcome
from api import Api, Place
from cluster import Cluster
from server import Installation, Server

# Users, and the secrets of each: enough rows for several kills in the middle.
USERS, EACH = 150, 6
# How often a move is killed.
KILLS = 3
# How many rows more must have been moved until it is killed again.
STEP = 600
# How long a move may take, in seconds, on a machine that is busy with other work.
PATIENCE = 600
# A move of the tests' own that holds in its middle: it is built beside the binary.
HELD_MOVE = Path(os.environ["COFFER_BIN"]).with_name("coffer-crash-move")

DONE = "SELECT sum(done) FROM store_transfer"


class Source:
    """An installation in a directory, full of secrets, and servers on wherever it was moved to."""

    def __init__(self):
        self.installation = Installation()
        self.places = [Place(f"user-{user}", f"name-{at}") for user in range(USERS)
                       for at in range(EACH)]
        with Server(self.installation, "source") as server:
            api = self.api(server)
            with ThreadPoolExecutor(8) as pool:
                set_all = pool.map(lambda place: api.set(place, payload(place), key(place)),
                                   self.places)
            assert all(answer.status == 200 for answer in set_all)
            assert server.stop() == 0

    def api(self, server):
        return Api(server, self.installation.founded["test_key"])

    def plain(self):
        """The environment without settings of the server."""
        return {name: value for name, value in self.installation.environment.items()
                if not name.startswith("COFFER_")}

    def move(self, source, target):
        """A move from beginning to end: its exit code, and what it said. A side is a directory, or
        a database and one for keys."""
        command = [os.environ["COFFER_BIN"], "migrate-store", "--format", "json",
                   "--root-key", self.installation.root_key]
        for side, place in (("from", source), ("to", target)):
            command += [f"--{side}", place[0]]
            command += [f"--{side}-keys", place[1]] if len(place) > 1 else []
        done = subprocess.run(command, env=self.plain(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=PATIENCE)
        return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")

    def check(self, **where):
        """A server where the store was moved to must serve everything, and repeat nothing."""
        with Server(self.installation, "moved", **where) as server:
            api = self.api(server)
            for place in self.places:
                found = api.find(place)
                assert found.body.get("payload") == payload(place), f"{place}: {found}"
            again = api.set(self.places[0], payload(self.places[0]), key(self.places[0]))
            assert again.status == 200 and again.is_replayed, str(again)
            assert server.stop() == 0

    def directory(self, path=None):
        return [f"sqlite:{path or self.installation.directory}"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.installation.remove()


def payload(place):
    return f"payload of {place.user}/{place.name}"


def key(place):
    return f"key-{place.user}-{place.name}"


class Target:
    """Two empty databases."""

    def __init__(self, cluster, name):
        self.cluster, self.data, self.keys = cluster, f"{name}_data", f"{name}_keys"
        for database in (self.data, self.keys):
            cluster.sql(f"CREATE DATABASE {database}")
        self.urls = [cluster.url(self.data), cluster.url(self.keys)]
        self.settings = {"COFFER_DATABASE_URL": self.urls[0],
                         "COFFER_KEY_DATABASE_URL": self.urls[1]}

    def done(self):
        """How many rows of the data were moved so far."""
        return int(self.cluster.sql(DONE, self.data) or 0)


def killed(source, target, rows):
    """A move that holds once so many rows were moved, and is killed there."""
    command = [HELD_MOVE, source.installation.root_key, source.installation.directory,
               *target.urls, str(rows)]
    process = subprocess.Popen(command, env=source.plain(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    said = process.stdout.readline()
    process.kill()
    _, errors = process.communicate()
    assert said == b"held\n", errors.decode(errors="replace")
    return target.done()


def refused_to_serve(source, target):
    """A store that is there in part only is not served, and not founded either."""
    for command in (["serve", "--listen", "127.0.0.1:0"], ["init"]):
        ended = source.installation.run(*command, "--root-key", source.installation.root_key,
                                        **target.settings)
        said = ended.stderr.decode()
        assert ended.returncode != 0 and "migrate-store" in said, f"{command}: {said}"


def a_move_that_is_killed_goes_on(source, cluster):
    target = Target(cluster, "killed")
    stops = []
    for number in range(KILLS):
        stops.append(killed(source, target, (stops[-1] if stops else 0) + STEP))
        assert number == 0 or stops[-1] > stops[-2], f"it began again: {stops}"
    refused_to_serve(source, target)
    code, printed, said = source.move(source.directory(), target.urls)
    assert code == 0, said
    moved = json.loads(printed)
    assert moved["opened"] == {"secrets": len(source.places), "webhook secrets": 0,
                               "stored responses": moved["rows"]["idempotency_record"]}, moved
    assert moved["rows"]["secret"] == len(source.places) < moved["rows"]["audit_entry"], moved
    source.check(**target.settings)
    return f"killed after {stops} rows of {sum(moved['rows'].values())}"


def and_back(source, cluster):
    """The store that was moved there is moved into another directory, which holds the same."""
    target = Target(cluster, "back")
    code, printed, said = source.move(source.directory(), target.urls)
    assert code == 0, said
    directory = source.installation.home / "back"
    code, printed_back, said = source.move(target.urls, source.directory(directory))
    assert code == 0, said
    there, back = json.loads(printed), json.loads(printed_back)
    # The move to there has an entry in the audit, which came back.
    there["rows"]["audit_entry"] += 1
    assert there == back, f"{there} became {back}"
    source.check(COFFER_DATA_DIR=str(directory))
    return f"{sum(back['rows'].values())} rows"


def a_target_in_use_is_left_as_it_is(source, cluster):
    target = Target(cluster, "used")
    Installation(*target.urls)
    before = cluster.sql("SELECT count(*) FROM audit_entry", target.data)
    code, _, said = source.move(source.directory(), target.urls)
    assert code != 0 and "not empty" in said, said
    assert cluster.sql("SELECT count(*) FROM audit_entry", target.data) == before
    assert cluster.sql("SELECT to_regclass('store_transfer')", target.data) == ""
    return said.strip().splitlines()[-1]


def a_row_that_changed_on_its_way_is_noticed(source, cluster):
    target = Target(cluster, "changed")
    killed(source, target, STEP)
    table = cluster.sql("SELECT name FROM store_transfer WHERE done > 0 AND name IN "
                        "('audit_entry', 'secret', 'idempotency_record') LIMIT 1",
                        target.data)
    change = {"audit_entry": "operation = 'other'", "secret": "created = created + 1",
              "idempotency_record": "created = 1"}
    if table == "audit_entry":
        cluster.sql("ALTER TABLE audit_entry DISABLE TRIGGER USER", target.data)
    cluster.sql(f"UPDATE {table} SET {change[table]} WHERE ctid = "
                f"(SELECT ctid FROM {table} LIMIT 1)", target.data)
    code, _, said = source.move(source.directory(), target.urls)
    assert code != 0 and f'"{table}"' in said, said
    refused_to_serve(source, target)
    return said.strip().splitlines()[-1]


def another_store_does_not_go_on_with_it(source, cluster):
    target = Target(cluster, "other")
    killed(source, target, STEP)
    with Source() as other:
        code, _, said = other.move(other.directory(), target.urls)
    assert code != 0 and "another store" in said, said
    return said.strip().splitlines()[-1]


def a_password_in_an_argument_is_refused(source, cluster):
    """Whoever lists the machine's processes could read it."""
    secret = "sesame-4d1c"
    urls = [url.replace("postgres@", f"postgres:{secret}@")
            for url in (cluster.url("data"), cluster.url("keys"))]
    code, printed, said = source.move(source.directory(), urls)
    assert code != 0 and "COFFER_DATABASE_PASSWORD_FILE" in said, said
    assert secret not in printed + said, "the password was printed"
    return said.strip().splitlines()[-1]


TESTS = (
    a_move_that_is_killed_goes_on,
    and_back,
    a_target_in_use_is_left_as_it_is,
    a_row_that_changed_on_its_way_is_noticed,
    another_store_does_not_go_on_with_it,
    a_password_in_an_argument_is_refused,
)


def main():
    # Nothing here cuts the power, so nothing needs to wait for the disk.
    with Cluster.create(fsync="off") as cluster, Source() as source:
        cluster.start()
        passed = [outcome.run(test, source, cluster) for test in TESTS]
    return outcome.summary(passed)


if __name__ == "__main__":
    outcome.program(main)
