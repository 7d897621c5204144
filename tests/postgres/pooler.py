"""Two Coffer servers behind pgbouncer in transaction mode, which gives each transaction any of two
connections: no statement, answer or setting of one may reach another."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import outcome
from api import PATIENCE, Api, Place, succeeds
from cluster import USER, Cluster, as_owner, free_port, owner
from server import Installation, Server
from wire import Wire, WireError

# Connections to the server that all clients share.
POOL = 2
# How many threads use each of the two servers, and for how long, in seconds.
THREADS, SECONDS = 5, 5
# What Coffer sets within its transactions, all of them without a bound by default.
SETTINGS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")

# It is told to ignore nothing at connect, so that it refuses whoever sends `options=`.
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={target} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 500
"""
# Newer ones can tell the named statements of their clients apart, which would hide what the
# control must show.
SINCE_1_21 = "max_prepared_statements = 0\n"


def program():
    """Where pgbouncer is."""
    places = f"{os.environ.get('PATH', '')}:/usr/sbin"
    return shutil.which("pgbouncer", path=places) or sys.exit(
        "pgbouncer is missing; install it (Debian: apt-get install pgbouncer)")


class Pooler:
    """A pgbouncer in front of a cluster."""

    def __init__(self, cluster):
        self.program, self.port, self.process = program(), free_port(), None
        self.home = cluster.home
        self.configuration = Path(self.home) / "pgbouncer.ini"
        self.configuration.write_text(CONFIGURATION.format(
            target=cluster.port, user=USER, port=self.port, pool=POOL) + self.plain())
        if owner() is not None:
            shutil.chown(self.configuration, owner().pw_uid)

    def plain(self):
        """The setting that keeps it from rewriting statements, if it has one."""
        told = subprocess.run([self.program, "--version"], check=True, stdout=subprocess.PIPE)
        major, minor = re.search(r"(\d+)\.(\d+)", told.stdout.decode()).groups()
        return SINCE_1_21 if (int(major), int(minor)) >= (1, 21) else ""

    def start(self):
        with (self.home / "pgbouncer.log").open("ab") as log:
            self.process = subprocess.Popen([self.program, self.configuration], stdout=log,
                                            stderr=log, **as_owner())
        end = time.monotonic() + PATIENCE
        while True:
            try:
                Wire(self.port, "postgres").close()
                return self
            except (OSError, WireError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def url(self, database):
        return f"postgres://{USER}@127.0.0.1:{self.port}/{database}"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Topology:
    """A cluster, the pooler in front of it, and two servers that reach it through the pooler."""

    def __init__(self, cluster, pooler):
        self.cluster, self.pooler = cluster, pooler
        for database in ("data", "keys"):
            cluster.sql(f"CREATE DATABASE {database}")
        self.installation = Installation(pooler.url("data"), pooler.url("keys"))
        self.writing = Server(self.installation, "writing").start()
        self.reading = Server(self.installation, "reading").start()
        # One that the pooler cannot have given wrong answers, for the check afterwards.
        self.direct = Server(self.installation, "direct", COFFER_DATABASE_URL=cluster.url("data"),
                             COFFER_KEY_DATABASE_URL=cluster.url("keys"))

    def api(self, server, key="test_key"):
        return Api(server, self.installation.founded[key])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in (self.writing, self.reading, self.direct):
            server.kill()
        self.installation.remove()


class Worker(threading.Thread):
    """Repeats a step until it is over, and keeps what was wrong."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.over = step, threading.Event()
        self.steps, self.wrong = 0, []

    def run(self):
        while not self.over.is_set():
            try:
                self.step()
            except Exception as error:
                self.wrong.append(repr(error))
            self.steps += 1


def expect(answer, **fields):
    """Fails unless it is a success with these fields."""
    assert answer.status == 200, str(answer)
    for name, value in fields.items():
        assert answer.body.get(name) == value, f"{name} is {answer.body.get(name)}, not {value}"


class Writer:
    """Sets and deletes secrets at places that only it writes to."""

    def __init__(self, api, number):
        self.api, self.random = api, random.Random(number)
        self.places = [Place(f"changing-{number}", f"name-{at}") for at in range(5)]
        self.held = {}

    def step(self):
        place = self.random.choice(self.places)
        scope = {"type": "user", "user": place.user}
        if place in self.held and self.random.random() < 0.4:
            expect(self.api.delete(place, str(uuid.uuid4())), id=self.held.pop(place)[0],
                   deleted=True)
            return
        payload = f"{place.user}/{place.name}/{uuid.uuid4()}"
        answer = self.api.set(place, payload, str(uuid.uuid4()))
        expect(answer, name=place.name, scope=scope)
        self.held[place] = answer.body["id"], payload


class Reader:
    """Finds and lists secrets, and asks the admin API."""

    def __init__(self, topology, number, writers):
        self.api = topology.api(topology.reading)
        self.admin = topology.api(topology.reading, "admin_key")
        self.founded = topology.installation.founded
        self.random = random.Random(number)
        self.changing = [place for writer in writers for place in writer.places]
        # A scope that nobody changes any more.
        self.still = {f"name-{at}": str(uuid.uuid4()) for at in range(5)}
        self.user = f"still-{number}"
        for name, payload in self.still.items():
            expect(self.api.set(Place(self.user, name), payload))

    def step(self):
        self.random.choice((self.find, self.find_changing, self.list, self.account, self.app,
                            self.make_account))()

    def find(self):
        name = self.random.choice(list(self.still))
        expect(self.api.find(Place(self.user, name)), name=name, payload=self.still[name])

    def find_changing(self):
        place = self.random.choice(self.changing)
        answer = self.api.find(place)
        if answer.status != 404:
            expect(answer, name=place.name)
            assert answer.body["payload"].startswith(f"{place.user}/{place.name}/"), answer.body

    def list(self):
        answer = self.api.list(self.user)
        expect(answer, has_more=False)
        found = {secret["name"]: secret["payload"] for secret in answer.body["data"]}
        assert found == self.still, f"{found} is not {self.still}"

    def account(self):
        account = self.founded["account"]
        expect(self.admin.call("GET", f"/v1/admin/accounts/{account}"), id=account)

    def app(self):
        app = self.founded["app"]
        expect(self.admin.call("GET", f"/v1/admin/apps/{app}"), id=app, name="demo")

    def make_account(self):
        name = str(uuid.uuid4())
        made = self.admin.call("POST", "/v1/admin/accounts", {"name": name})
        expect(made, name=name)
        path = f"/v1/admin/accounts/{made.body['id']}"
        expect(self.admin.call("GET", path), name=name)
        expect(self.admin.call("DELETE", path), id=made.body["id"], deleted=True)


def no_statement_reaches_another_server(topology):
    writers = [Writer(topology.api(topology.writing), number) for number in range(THREADS)]
    readers = [Reader(topology, number, writers) for number in range(THREADS)]
    workers = [Worker(each.step) for each in writers + readers]
    for worker in workers:
        worker.start()
    time.sleep(SECONDS)
    everybody = lambda: all(worker.steps > 0 for worker in workers)
    topology.cluster.wait_for(everybody, "let each of the workers do anything")
    connections = topology.cluster.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = 'data'")
    for worker in workers:
        worker.over.set()
    for worker in workers:
        worker.join(2 * PATIENCE)
    wrong = [what for worker in workers for what in worker.wrong]
    assert not wrong, "\n".join(wrong[:5])
    assert connections == str(POOL), f"the pooler has {connections} connections"
    direct = topology.api(topology.direct.start())
    for writer in writers:
        for place in writer.places:
            found = direct.find(place)
            payload = found.body["payload"] if found.status == 200 else None
            assert payload == writer.held.get(place, (None, None))[1], f"{place}: {found}"
    return f"{sum(worker.steps for worker in workers)} steps over {connections} connections"


def control_named_statements_reach_others(topology):
    """What drivers do by default must fail here, or the test above could not."""
    seen = Counter()

    def session(own):
        with Wire(topology.pooler.port, "data") as wire:
            try:
                wire.prepare("s0", f"SELECT '{own}'")
            except WireError:
                seen["refused"] += 1
            for _ in range(100):
                try:
                    seen["right" if wire.execute("s0") == own else "wrong"] += 1
                except WireError:
                    seen["refused"] += 1

    threads = [threading.Thread(target=session, args=(own,)) for own in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen["wrong"] > 0, f"no answer was wrong: {dict(seen)}"
    return ", ".join(f"{count} {what}" for what, count in seen.items())


def shown(topology):
    """Coffer's settings as plain sessions on each of the pooler's connections see them."""
    sessions = [Wire(topology.pooler.port, "data") for _ in range(POOL)]
    for session in sessions:
        # A transaction keeps its connection, so that each session has another one.
        session.query("BEGIN")
    backends = {session.query("SELECT pg_backend_pid()") for session in sessions}
    values = [{name: session.query(f"SHOW {name}") for name in SETTINGS} for session in sessions]
    for session in sessions:
        session.query("ROLLBACK")
        session.close()
    assert len(backends) == POOL, f"{backends} are not all connections"
    return values


def no_setting_stays(topology):
    left = [value for values in shown(topology) for value in values.values() if value != "0"]
    assert not left, f"settings stayed: {left}"
    with Wire(topology.pooler.port, "data") as session:
        session.query("SET statement_timeout = '7s'")
    leaked = [values["statement_timeout"] for values in shown(topology)]
    with Wire(topology.pooler.port, "data") as session:
        for _ in range(POOL):
            session.query("RESET statement_timeout")
    assert "7s" in leaked, f"a setting of a session should have been seen: {leaked}"
    return f"and one that a session makes does: {leaked}"


def a_pooler_that_restarts_is_found_again(topology):
    api, place = topology.api(topology.writing), Place("restart", "name")
    expect(api.set(place, "before"))
    topology.pooler.stop()
    during = api.set(place, "during")
    assert during.status == 503 and during.may_be_repeated, str(during)
    topology.pooler.start()
    began = time.monotonic()
    expect(succeeds(lambda: api.set(place, "after")))
    expect(api.find(place), payload="after")
    return f"{time.monotonic() - began:.1f} s after it was back"


def a_commit_cut_behind_the_pooler_is_not_called_undone(topology):
    """The pooler says that it lost its server; whether the commit was kept, it cannot know."""
    cluster, key = topology.cluster, str(uuid.uuid4())
    api, place = topology.api(topology.writing), Place("cut", "name")
    expect(api.set(place, "before"))
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    cluster.set("synchronous_standby_names", "nobody")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(api.set, place, "after", key)
        cluster.wait_for(lambda: cluster.sql(waiting), "had a commit that waits for a standby")
        os.kill(int(cluster.sql(waiting).split()[0]), signal.SIGKILL)
        answer = answer.result()
    cluster.wait_for(lambda: cluster.sql("SELECT 1") == "1", "answered again")
    cluster.set("synchronous_standby_names", "")
    assert answer.status == 500 and answer.may_be_repeated, str(answer)
    again = succeeds(lambda: api.set(place, "after", key))
    expect(again)
    assert again.is_replayed, "the commit was kept"
    expect(api.find(place), payload="after")
    return f"{answer.status}, then replayed"


TESTS = (
    no_statement_reaches_another_server,
    no_setting_stays,
    a_pooler_that_restarts_is_found_again,
    a_commit_cut_behind_the_pooler_is_not_called_undone,
    # The last one, since it leaves its statements behind.
    control_named_statements_reach_others,
)


def main():
    # Nothing here cuts the power, so nothing needs to wait for the disk.
    with (Cluster.create(fsync="off") as cluster, Pooler(cluster.start()) as pooler,
          Topology(cluster, pooler) as topology):
        passed = [outcome.run(test, topology) for test in TESTS]
    return outcome.summary(passed)


if __name__ == "__main__":
    outcome.program(main)
