"""The network between Coffer and PostgreSQL fails, in all the ways that a proxy can imitate.

Each test has a server, a proxy, and clients of its own, which set, find and delete secrets while
the fault lasts. Afterwards nothing may be wrong, nobody may have waited for too long, and
everything must work again, without a restart.
"""

import random
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import outcome
import proxy as faults
from api import PATIENCE, Api, Place, succeeds
from cluster import USER, Cluster
from proxy import Proxy
from server import Installation, Server

CLIENTS = 4
# How many tests run at a time: they mostly wait.
CONCURRENT = 4
# How long the load runs before a fault, in seconds.
WARM = 0.5
# How long it may take until all is well after a fault, in seconds, on a machine that is busy with
# other work: after connections that went silent a commit is waited for twenty, and then
# a transaction on another such connection fifteen.
RECOVERY = 180
# After the end of a fault every client must succeed so often, one request after the other.
IN_A_ROW = 20


class Client(threading.Thread):
    """Sets, finds and deletes in scopes of its own, so that it knows what each place may hold."""

    def __init__(self, number, api):
        super().__init__(daemon=True)
        self.api = api
        self.random = random.Random(number)
        self.places = [Place(f"{uuid.uuid4().hex[:8]}-{number}", f"name-{at}") for at in range(5)]
        # The values that a place may hold, None if it may be empty: more than one when the outcome
        # of a write is unknown.
        self.may_hold = {place: {None} for place in self.places}
        self.ended = threading.Event()
        self.statuses = Counter()
        self.violations = []
        self.slowest = 0
        self.in_a_row, self.last_failure = 0, 0
        # The requests with each idempotency key, and the keys that were acknowledged.
        self.requests, self.acknowledged = {}, set()

    def run(self):
        while not self.ended.is_set():
            place = self.random.choice(self.places)
            try:
                self.random.choice((self.set, self.delete, self.find, self.find))(place)
            except (OSError, ValueError) as error:
                self.violations.append(f"no answer: {error!r}")
            time.sleep(0.005)

    def noted(self, answer, fine=(200,)):
        """Counts an answer, and tells whether it is one of those that are fine."""
        self.statuses[answer.status] += 1
        self.last_answer = answer
        self.slowest = max(self.slowest, answer.seconds)
        if answer.seconds > PATIENCE:
            self.violations.append(f"an answer took {answer.seconds:.1f} s: {answer}")
        if answer.status in fine:
            self.in_a_row += 1
            return True
        self.in_a_row, self.last_failure = 0, time.monotonic() - answer.seconds
        if answer.status not in (429, 500, 503) or not answer.may_be_repeated:
            self.violations.append(f"neither right nor to be repeated: {answer}")
        return False

    def find(self, place):
        self.look(place, self.api.find(place))

    def look(self, place, answer):
        """Checks what was found."""
        if not self.noted(answer, (200, 404)):
            return
        found = answer.body["payload"] if answer.status == 200 else None
        if found not in self.may_hold[place]:
            self.violations.append(f"{place} holds {found!r}, not {self.may_hold[place]}")

    def set(self, place):
        payload = str(uuid.uuid4())
        self.write(place, payload, lambda key: self.api.set(place, payload, key), (200,))

    def delete(self, place):
        # What is not there cannot be deleted; what is there can.
        fine = (200, 404) if None in self.may_hold[place] else (200,)
        self.write(place, None, lambda key: self.api.delete(place, key), fine)

    def write(self, place, value, send, fine):
        """One write, and sometimes its repetitions, all with one key."""
        key, unknown = str(uuid.uuid4()), False
        while not self.ended.is_set():
            answer = send(key)
            self.requests.setdefault(key, []).append(answer.request)
            if self.noted(answer, fine):
                self.may_hold[place] = {value}
                if answer.status == 200:
                    self.acknowledged.add(key)
                return
            # Only this answer leaves open whether the write was kept.
            unknown |= answer.status == 500
            if self.random.random() < 0.5:
                break
            time.sleep(0.1)
        if unknown:
            self.may_hold[place].add(value)

    def check(self, api, executed):
        """Looks at every place, through a connection that never failed, and at how often each write
        was carried out."""
        for place in self.places:
            self.look(place, api.find(place))
        for key, requests in self.requests.items():
            times = sum(executed[request] for request in requests)
            if times > 1 or times < (key in self.acknowledged):
                self.violations.append(f"a write was carried out {times} times: {requests}")


class Topology:
    """A database cluster, an installation in it, and a server that reaches it directly."""

    def __init__(self, cluster):
        self.cluster = cluster
        for database in ("data", "keys"):
            cluster.sql(f"CREATE DATABASE {database}")
        self.installation = Installation(cluster.url("data"), cluster.url("keys"))
        self.key = self.installation.founded["test_key"]
        self.direct = Server(self.installation, "direct").start()
        # The first write makes the app's keys: there shall be one moment for that, and not one
        # in each test.
        Api(self.direct, self.key).set(Place("nobody", "first"), "x")

    def server(self, proxy, name):
        """A server that reaches the databases through the proxy."""
        return Server(self.installation, name, COFFER_DATABASE_URL=proxy.url("data", USER),
                      COFFER_KEY_DATABASE_URL=proxy.url("keys", USER))

    def executed(self):
        """How often each request changed anything."""
        return Counter(self.cluster.sql(
            "SELECT request FROM audit_entry WHERE outcome = 'done' AND operation NOT LIKE "
            "'%.find' AND operation NOT LIKE '%.list' AND request IS NOT NULL", "data").split())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.direct.kill()
        self.installation.remove()


def under_load(topology, name, fault, seconds, wanted=None, strikes=1):
    """Lets the network fail under load: for some seconds, until the fault has struck so often, and
    until a client got an answer with the status that is `wanted`. Gives what the clients saw."""
    with Proxy(topology.cluster.port) as proxy, topology.server(proxy, name) as server:
        clients = [Client(number, Api(server, topology.key)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(WARM)
        before = seen(clients)
        proxy.begin(fault)
        time.sleep(seconds)
        end = time.monotonic() + RECOVERY
        while not (fault.count >= strikes and (wanted is None or seen(clients)[wanted] > 0)):
            assert time.monotonic() < end, f"the fault struck {fault.count} times: {seen(clients)}"
            time.sleep(0.05)
        proxy.heal()
        healed = time.monotonic()
        for client in clients:
            client.in_a_row = 0
        wait_until_well(clients, healed + RECOVERY)
        for client in clients:
            client.ended.set()
        for client in clients:
            client.join(2 * PATIENCE)
    executed, direct = topology.executed(), Api(topology.direct, topology.key)
    for client in clients:
        client.check(direct, executed)
    saw = Saw(clients, before, healed)
    assert set(before) <= {200, 404}, f"there were failures before the fault: {before}"
    return saw


def seen(clients):
    """How often the clients got each status."""
    return sum((client.statuses for client in clients), Counter())


def wait_until_well(clients, end):
    """Waits until all clients succeed again and again."""
    while not all(client.in_a_row >= IN_A_ROW for client in clients):
        assert time.monotonic() < end, "the server did not recover in time: " + ", ".join(
            str(client.last_answer) for client in clients)
        time.sleep(0.05)


class Saw:
    """What the clients of a test saw together."""

    def __init__(self, clients, before, healed):
        self.statuses = seen(clients) - before
        self.slowest = max(client.slowest for client in clients)
        # How long after the end of the fault the last request was sent that failed.
        self.recovery = max(0, *(client.last_failure - healed for client in clients))
        self.violations = [what for client in clients for what in client.violations]

    def __str__(self):
        statuses = sorted(self.statuses.items())
        counts = ", ".join(f"{count}×{status}" for status, count in statuses)
        return f"{counts}; slowest {self.slowest:.1f} s, recovered after {self.recovery:.1f} s"


def right(topology, name, fault, seconds, wanted=None):
    """As `under_load`, and nothing may have been wrong."""
    saw = under_load(topology, name, fault, seconds, wanted)
    assert not saw.violations, "\n".join(saw.violations[:5])
    return saw


def dropped_at_once(topology, name):
    return right(topology, name, faults.Drop(), 2, wanted=503)


def dropped_after_some_messages(topology, name):
    return right(topology, name, faults.DropAfterSome(), 3)


def delayed(topology, name):
    saw = right(topology, name, faults.Delay(), 2)
    assert set(saw.statuses) <= {200, 404}, saw
    return saw


def stalled_for_ten_seconds(topology, name):
    return right(topology, name, faults.Stall(), 10)


def closed_on_coffers_side_only(topology, name):
    # PostgreSQL keeps the locks of a transaction that nobody goes on with for ten seconds.
    return right(topology, name, faults.CloseClientSide(), 3)


def closed_on_postgresqls_side_only(topology, name):
    return right(topology, name, faults.CloseServerSide(), 3)


def black_hole(topology, name):
    return right(topology, name, faults.BlackHole(), 5)


def forgotten_while_new_connections_work(topology, name):
    return right(topology, name, faults.Forget(), 0)


def cut_before_each_fifth_commit(topology, name):
    return right(topology, name, faults.CutAtCommit(every=5), 3, wanted=500)


def cut_after_each_fifth_commit(topology, name):
    return right(topology, name, faults.CutAfterCommit(every=5), 3, wanted=500)


def one_commit(topology, name, fault):
    """One set whose commit meets the fault, and its repetition with the same key. The test's name
    is the secret's, which tells its commit from those of background jobs."""
    with Proxy(topology.cluster.port) as proxy, topology.server(proxy, name) as server:
        api, place, key = Api(server, topology.key), Place("anybody", name), str(uuid.uuid4())
        proxy.begin(fault)
        first = api.set(place, "new", key)
        assert fault.count == 1, "the commit was not cut"
        proxy.heal()
        again = succeeds(lambda: api.set(place, "new", key))
        found = api.find(place)
    if first.status != 200:
        assert first.status == 500 and first.may_be_repeated, first
    assert again.status == 200, again
    assert found.body.get("payload") == "new", found
    times = topology.cluster.sql(
        f"SELECT count(*) FROM audit_entry WHERE outcome = 'done' AND operation "
        f"LIKE '%.create' AND subject = '{again.body['id']}'", "data")
    assert times == "1", f"the write was carried out {times} times"
    return first, again


def one_commit_that_never_arrives(topology, name):
    first, again = one_commit(topology, name, faults.CutAtCommit(text=name))
    assert not again.is_replayed, "what was never carried out cannot be replayed"
    return f"{first.status}, then carried out"


def one_commit_whose_answer_is_lost(topology, name):
    first, again = one_commit(topology, name, faults.CutAfterCommit(text=name))
    assert again.is_replayed, "what was carried out must be replayed"
    return f"{first.status}, then replayed"


def control_a_server_that_loses_commits_is_noticed(topology, name):
    saw = under_load(topology, name, faults.LoseCommits(every=5), 1, strikes=20)
    assert any("holds" in what for what in saw.violations), "lost writes were not noticed"
    assert any("carried out 0 times" in what for what in saw.violations), saw.violations
    return f"{len(saw.violations)} violations, as there must be"


# The slowest first, so that the others run beside them.
TESTS = (
    closed_on_postgresqls_side_only,
    black_hole,
    forgotten_while_new_connections_work,
    stalled_for_ten_seconds,
    closed_on_coffers_side_only,
    dropped_at_once,
    dropped_after_some_messages,
    delayed,
    cut_before_each_fifth_commit,
    cut_after_each_fifth_commit,
    one_commit_that_never_arrives,
    one_commit_whose_answer_is_lost,
    control_a_server_that_loses_commits_is_noticed,
)


def main(names):
    tests = [test for test in TESTS if not names or test.__name__ in names]
    # Nothing here cuts the power, so nothing needs to wait for the disk.
    with Cluster.create(fsync="off") as cluster, Topology(cluster.start()) as topology:
        with ThreadPoolExecutor(CONCURRENT) as pool:
            passed = list(pool.map(lambda test: outcome.run(test, topology, test.__name__), tests))
    return outcome.summary(passed)


if __name__ == "__main__":
    outcome.program(main, sys.argv[1:])
