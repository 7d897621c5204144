"""Failure modes of the databases: before a server starts, and while it serves."""

import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import outcome
import sharing
from api import Place
from cluster import Cluster, free_port, owner
from topology import (PASSWORD, Topology, health, outage, require_passwords, set_fails,
                   works_again)
from wire import Wire, WireError

PLACE = Place("anybody", "name")
# Bytes of the file system that is to be full; an empty database takes some eight million.
SMALL = 24 << 20


def says(said, *words):
    """Fails unless all these words stand in a message."""
    missing = [word for word in words if word not in said]
    assert not missing, f"{missing} not in: {said}"
    return said


# At start.

def a_wrong_password_at_start(topology):
    wrong = "open-barley-1c9e"
    said = topology.refused(COFFER_DATABASE_URL=topology.url(topology.data, password=wrong))
    assert wrong not in said, "the password was printed"
    return says(said, "password authentication failed", topology.name)


def no_password_at_start(topology):
    plain = topology.url(topology.data).replace(f":{PASSWORD}", "")
    return says(topology.refused(COFFER_DATABASE_URL=plain), "password missing")


def no_such_database_at_start(topology):
    said = topology.refused(COFFER_DATABASE_URL=topology.url("nowhere"))
    return says(said, '"nowhere" does not exist')


def nobody_there_at_start(topology):
    said = topology.refused(COFFER_DATABASE_URL=topology.url(topology.data, port=free_port()))
    return says(said, "Connection refused")


def an_empty_database_at_start(topology):
    topology.cluster.sql(f"CREATE DATABASE empty OWNER {topology.name}")
    said = topology.refused(COFFER_DATABASE_URL=topology.url("empty"))
    return says(said, "there is no store", "coffer init")


def a_schema_that_is_newer(topology):
    topology.sql("CREATE TEMP TABLE newer AS SELECT * FROM schema_migration "
                 "WHERE component = 'secrets';"
                 "UPDATE newer SET version = 999; INSERT INTO schema_migration SELECT * FROM newer")
    said = topology.refused()
    topology.sql("DELETE FROM schema_migration WHERE version = 999")
    return says(said, topology.data, "newer coffer", '"secrets" has version 999', "Upgrade coffer")


def a_schema_that_is_one_step_ahead(topology):
    """Servers of both versions run between the two halves of a migration, and not after it."""
    topology.sql("ALTER TABLE secret ADD COLUMN synthetic BIGINT; INSERT INTO schema_migration "
              "SELECT component, version + 1, 'synthetic', 'unknown', applied_at, 0 FROM "
              "schema_migration WHERE component = 'secrets' ORDER BY version DESC LIMIT 1")
    server = topology.serve()
    works_again(topology.api(server))
    server.kill()
    topology.sql("UPDATE schema_migration SET finished = 1 WHERE name = 'synthetic'")
    said = topology.refused()
    topology.sql("DELETE FROM schema_migration WHERE name = 'synthetic'; "
              "ALTER TABLE secret DROP COLUMN synthetic")
    return says(said, "newer coffer", '"secrets"', "Upgrade coffer")


def a_schema_that_is_older(topology):
    topology.sql("DELETE FROM schema_migration WHERE component = 'kernel' AND version = "
              "(SELECT max(version) FROM schema_migration WHERE component = 'kernel')")
    count = "SELECT count(*) FROM schema_migration"
    before = topology.sql(count)
    said = says(topology.refused(), topology.data, "older than this build", '"kernel"',
                "coffer migrate up")
    # Founding changes no store that somebody has, whatever its version.
    made = topology.installation.run("init", "--root-key", topology.installation.home / "other")
    assert made.returncode != 0, made.stdout
    says(made.stderr.decode(), "coffer migrate up")
    assert topology.sql(count) == before, "init changed the schema"
    return said


def the_message_names_the_database(topology):
    """There are two databases, and often two clusters: which one is it?"""
    port = free_port()
    for name, database in (("COFFER_DATABASE_URL", topology.data),
                           ("COFFER_KEY_DATABASE_URL", topology.keys)):
        said = topology.refused(**{name: topology.url(database, port=port)})
        says(said, f"127.0.0.1:{port}/{database}")
        assert said.count("is unavailable") == 1, said
    return said


# While it serves.

def the_password_changes(topology):
    def begin():
        topology.cluster.sql(f"ALTER ROLE {topology.name} PASSWORD 'other'")
        topology.disconnect()

    def end():
        topology.cluster.sql(f"ALTER ROLE {topology.name} PASSWORD '{PASSWORD}'")

    return outage(topology, begin, end)


def the_database_disappears(topology):
    def begin():
        topology.cluster.sql(f"ALTER DATABASE {topology.data} ALLOW_CONNECTIONS false")
        topology.cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          f"WHERE datname = '{topology.data}'")
        topology.cluster.wait_for(rename, "let go of the database")

    def rename():
        topology.cluster.sql(f"ALTER DATABASE {topology.data} RENAME TO {topology.name}_gone")
        return True

    def end():
        topology.cluster.sql(f"ALTER DATABASE {topology.name}_gone RENAME TO {topology.data}")
        topology.cluster.sql(f"ALTER DATABASE {topology.data} ALLOW_CONNECTIONS true")

    return outage(topology, begin, end)


def the_cluster_restarts(topology):
    return outage(topology, topology.cluster.stop, topology.cluster.start)


def no_connection_is_left(topology):
    """Others take all connections: before a server starts, and after it lost its own."""
    taken, said = [], []

    def begin():
        topology.disconnect()
        topology.cluster.wait_for(take_all, "ran out of connections")
        said.append(topology.refused())
        # What the server does in the background has a place again before all are taken: from here
        # on it gets none, and is told so by the same code.
        for session in taken:
            session.close()
        limit(0)
        topology.disconnect()

    def limit(connections):
        change = f'ALTER ROLE "{topology.name}" CONNECTION LIMIT {connections}'
        # An SQL error counts as not yet: sessions that end leave their places a little later.
        topology.cluster.wait_for(lambda: topology.sql(change) is not None, "had a place again")

    def take_all():
        # Sessions that end leave their places a little later: several attempts must fail.
        failures = 0
        while failures < 5:
            try:
                taken.append(Wire(topology.cluster.port, "postgres"))
            except WireError:
                failures += 1
                time.sleep(0.05)
        return True

    def end():
        limit(-1)

    after = outage(topology, begin, end)
    # The server says one or the other: some connections are kept for its superusers.
    assert "too many clients" in said[0] or "reserved" in said[0], said[0]
    return f"{said[0]}; {after}"


def the_cluster_is_read_only(topology):
    """Writes are answered 503, reads go on."""
    server = topology.serve()
    api = topology.api(server)
    works_again(api)
    topology.cluster.set("default_transaction_read_only", "on")
    try:
        set_fails(api)
        found = api.find(PLACE)
        ready = health(server, "/readyz")
    finally:
        # Whoever does it must be allowed to write: this setting holds for everybody.
        topology.cluster.sql("SET default_transaction_read_only = off;"
                          "ALTER SYSTEM RESET default_transaction_read_only")
        topology.cluster.sql("SELECT pg_reload_conf()")
    assert found.status == 200, str(found)
    return f"{works_again(api)}; meanwhile /readyz said {ready}"


def a_standby(topology):
    """Who insists on writing is told at start; who does not can read, and is told at each write."""
    works_again(topology.api(topology.serve("primary")))
    with topology.cluster.clone() as standby:
        standby.start()
        insisting = topology.urls(standby.port, "?target_session_attrs=read-write")
        said = says(topology.refused(**insisting), "does not allow writes")
        served = topology.serve_without_writes("standby", **topology.urls(standby.port))
        api = topology.api(served)
        set_fails(api)
        found = api.find(PLACE)
        assert found.status == 200 and found.body["payload"] == "after", str(found)
        topology.servers[-1].kill()
    return said


def another_session_holds_the_lock(topology):
    """A write is answered 429 after the time that a transaction may wait; a read waits for longer,
    and is answered 503."""
    api = topology.api(topology.serve())
    works_again(api)
    with Locked(topology, "scope_lock, secret"):
        with ThreadPoolExecutor() as pool:
            write = pool.submit(api.set, PLACE, "during")
            read = pool.submit(api.find, PLACE)
        write, read = write.result(), read.result()
    assert (write.status, write.code, write.may_be_repeated) == (429, "lock_timeout", True), write
    assert read.status == 503 and read.may_be_repeated, str(read)
    return (f"write {write.status} after {write.seconds:.1f} s, read {read.status} after "
            f"{read.seconds:.1f} s; {works_again(api)}")


def the_only_connection_is_in_use(topology):
    """With a pool of one, a slow read keeps everybody else waiting, but not for long."""
    one = topology.url(topology.data, query="?pool_size=1")
    server = topology.serve(COFFER_DATABASE_URL=one)
    api = topology.api(server)
    works_again(api)
    # Readiness goes by whether anything was answered since it was last asked.
    assert health(server, "/readyz") == 200
    waiting = ("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
               f"AND usename = '{topology.name}'")
    with Locked(topology, "secret"):
        with ThreadPoolExecutor() as pool:
            slow = pool.submit(api.find, PLACE)
            topology.cluster.wait_for(lambda: topology.sql(waiting) == "1", "had a read that waits")
            other = pool.submit(api.call, "GET", "/v1/apps/secrets", {"scope[type]": "account"})
            ready = pool.submit(health, server, "/readyz")
        slow, other, ready = slow.result(), other.result(), ready.result()
    assert slow.status == 503 and slow.may_be_repeated, str(slow)
    assert other.status == 503 and other.may_be_repeated, str(other)
    assert ready == 503, ready
    return f"503 after {other.seconds:.1f} s; {works_again(api)}"


class Locked:
    """While it lasts nobody else gets at these tables."""

    def __init__(self, topology, tables):
        self.session = Wire(topology.cluster.port, topology.data)
        self.session.query("BEGIN")
        self.session.query(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.query("ROLLBACK")
        self.session.close()


class SmallDisk:
    """A file system that is soon full, with a tablespace on it."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.home = Path(tempfile.mkdtemp(prefix="coffer-small-disk-"))

    def __enter__(self):
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", self.home]
        mounted = subprocess.run(command, check=False, stderr=subprocess.PIPE)
        if mounted.returncode != 0:
            self.home.rmdir()
            raise LeftOut(mounted.stderr.decode().strip())
        space = self.home / "space"
        space.mkdir()
        os.chown(space, owner().pw_uid, owner().pw_gid)
        self.cluster.sql(f"CREATE TABLESPACE small LOCATION '{space}'")
        return self

    def fill(self):
        """Leaves no space at all."""
        with (self.home / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(65536))
            except OSError:
                pass

    def free(self):
        (self.home / "filler").unlink()

    def __exit__(self, *_):
        subprocess.run(["umount", "--lazy", self.home], check=True)
        self.home.rmdir()


class LeftOut(Exception):
    """A test cannot be run here, and why."""


def the_disk_is_full(cluster):
    """Writes are answered 503, reads go on, and nothing that was acknowledged is lost."""
    if os.geteuid() != 0:
        return "LEFT OUT: only root can mount a small file system"
    try:
        with SmallDisk(cluster) as disk, Topology(cluster, "full", "TABLESPACE small") as topology:
            return fill_the_disk(disk, topology)
    except LeftOut as error:
        return f"LEFT OUT: {error}"


def fill_the_disk(disk, topology):
    api, payload, kept = topology.api(topology.serve()), "x" * 5000, []
    for number in range(500):
        if number == 20:
            disk.fill()
        place = Place(f"user-{number}", "name")
        answer = api.set(place, payload)
        if answer.status != 200:
            break
        kept.append(place)
    assert len(kept) >= 20, str(answer)
    assert answer.status == 503 and answer.may_be_repeated, str(answer)
    found = [api.find(place).body.get("payload") for place in kept]
    assert all(value == payload for value in found), "an acknowledged secret is not served"
    disk.free()
    said = works_again(api)
    assert all(api.find(place).status == 200 for place in kept)
    return f"503 after {len(kept)} sets; {said}"


START = (
    a_wrong_password_at_start,
    no_password_at_start,
    no_such_database_at_start,
    nobody_there_at_start,
    the_message_names_the_database,
    an_empty_database_at_start,
    a_schema_that_is_newer,
    a_schema_that_is_one_step_ahead,
    a_schema_that_is_older,
)
SERVING = (the_password_changes, the_database_disappears, *sharing.TESTS)
# What happens to a whole cluster.
CLUSTER = (the_cluster_restarts, no_connection_is_left, the_cluster_is_read_only, a_standby)
WAITING = (another_session_holds_the_lock, the_only_connection_is_in_use)


def with_cluster(run, **settings):
    """What a group of tests comes to, on a cluster of its own."""
    # Nothing here cuts the power, so nothing needs to wait for the disk.
    with Cluster.create(fsync="off", **settings) as cluster:
        require_passwords(cluster)
        return run(cluster.start())


def each(tests):
    """Runs tests one after the other, each in a topology of its own."""
    def run(cluster):
        passed = []
        for number, test in enumerate(tests):
            with Topology(cluster, f"topology{number}") as topology:
                passed.append(outcome.run(test, topology))
        return passed
    return run


def at_once(cluster):
    """The tests that mostly wait, all at a time."""
    def run(numbered):
        number, test = numbered
        with Topology(cluster, f"topology{number}") as topology:
            return outcome.run(test, topology)
    with ThreadPoolExecutor() as pool:
        full = pool.submit(outcome.run, the_disk_is_full, cluster)
        return [*pool.map(run, enumerate(WAITING)), full.result()]


def main():
    def in_one_topology(cluster):
        with Topology(cluster, "start") as topology:
            return [outcome.run(test, topology) for test in START]

    def shared(cluster):
        return in_one_topology(cluster) + each(SERVING)(cluster)

    groups = ((shared, {}), (each(CLUSTER), {"max_connections": "20"}), (at_once, {}))
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(with_cluster, run, **settings) for run, settings in groups]
        passed = [one for group in done for one in group.result()]
    return outcome.summary(passed)


if __name__ == "__main__":
    outcome.program(main)
