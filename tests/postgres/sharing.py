"""What two servers on one database owe each other."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from api import Place
from cluster import PATIENCE
from wire import Wire

# How long a server may go by what it knew of keys and installs, in seconds.
REMEMBERED = 1
# Rows of each kind for the background jobs: several of their batches for both servers.
ROWS = 3000


class Poller(threading.Thread):
    """Finds one secret again and again, and notes when each request was sent and its answer."""

    def __init__(self, api, place):
        super().__init__(daemon=True)
        self.api, self.place = api, place
        self.over, self.seen = threading.Event(), []

    def run(self):
        while not self.over.is_set():
            sent = time.monotonic()
            self.seen.append((sent, self.api.find(self.place).status))

    def __enter__(self):
        self.start()
        wait_until(lambda: len(self.seen) >= 5)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

    def wait_for_one_sent_after(self, moment):
        """Waits for the answer to a request that was sent later than that."""
        wait_until(lambda: any(sent > moment for sent, _ in self.seen))

    def last_success(self, since):
        """How long after `since` the last request was sent that succeeded."""
        return max((sent for sent, status in self.seen if status == 200), default=since) - since

    def statuses(self, since):
        """The answers to requests that were sent later."""
        return {status for sent, status in self.seen if sent > since}


def refused_within_a_second(here, elsewhere, close, status):
    """Whoever is shut out here is refused elsewhere: a write at once, a read within a second."""
    place = Place("anybody", "name")
    assert here.set(place, "x").status == 200
    with Poller(elsewhere, place) as poller:
        assert poller.seen[0][1] == 200, poller.seen[0]
        closed = close()
        since = time.monotonic()
        assert closed.status == 200, str(closed)
        written = elsewhere.set(place, "y")
        poller.wait_for_one_sent_after(since + REMEMBERED)
    assert written.status == status, f"a write was answered {written}"
    assert poller.statuses(since + REMEMBERED) == {status}, poller.statuses(since + REMEMBERED)
    return f"the last read was let in {max(0, poller.last_success(since)):.2f} s after"


def a_revoked_key_is_refused_elsewhere(topology):
    here, elsewhere = topology.serve("here"), topology.serve("elsewhere")
    admin = topology.api(here, "admin_key")
    made = admin.call("POST", "/v1/admin/api_keys",
                      {"app": topology.founded["app"], "mode": "test"}).body
    topology.founded["revoked"] = made["key"]
    return refused_within_a_second(
        topology.api(here, "revoked"), topology.api(elsewhere, "revoked"),
        lambda: admin.call("POST", f"/v1/admin/api_keys/{made['id']}/revoke"), 401)


def an_uninstalled_app_is_refused_everywhere(topology):
    here, elsewhere = topology.serve("here"), topology.serve("elsewhere")
    admin = topology.api(here, "admin_key")
    account = admin.call("POST", "/v1/admin/accounts", {"name": "other"}).body["id"]
    install = admin.call("POST", "/v1/admin/installs",
                         {"app": topology.founded["app"], "account": account}).body["id"]
    return refused_within_a_second(
        topology.api(here, account=account), topology.api(elsewhere, account=account),
        lambda: admin.call("DELETE", f"/v1/admin/installs/{install}"), 403)


def a_deleted_secret_is_never_served_elsewhere(topology):
    here = topology.api(topology.serve("here"))
    elsewhere = topology.api(topology.serve("elsewhere"))
    places = [Place(f"user-{number}", "name") for number in range(20)]
    finds = 0
    for place in places:
        assert here.set(place, "x").status == 200
        with Poller(elsewhere, place) as poller:
            assert here.delete(place).status == 200
            since = time.monotonic()
            assert elsewhere.find(place).status == 404
            poller.wait_for_one_sent_after(since)
        assert poller.seen[0][1] == 200, poller.seen[0]
        assert poller.statuses(since) <= {404}, poller.statuses(since)
        finds += sum(sent > since for sent, _ in poller.seen)
    assert finds > 0
    return f"{finds} finds after {len(places)} deletions"


def a_secret_set_anew_as_it_expires_is_kept(topology):
    """Whoever deletes what has expired may be at it while the secret is set again."""
    api, place = topology.api(topology.serve("here")), Place("anybody", "name")
    assert api.set(place, "old").status == 200
    # On a busy machine the set may have waited for too long before the deletion ends.
    answer = next(filter(lambda answer: answer.code != "lock_timeout",
                         (set_during_a_deletion(topology, api, place) for _ in range(20))))
    assert answer.status == 200, str(answer)
    found = api.find(place)
    assert found.status == 200 and found.body["payload"] == "new", str(found)
    return "found after the deletion"


def set_during_a_deletion(topology, api, place):
    """The answer to a set that waits for somebody who deletes the same secret."""
    with Wire(topology.cluster.port, topology.data) as session, ThreadPoolExecutor() as pool:
        session.query("BEGIN")
        session.query("DELETE FROM secret WHERE name = 'name'")
        answer = pool.submit(api.set, place, "new")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: answer.done() or topology.sql(waits) != "0")
        session.query("COMMIT")
        return answer.result()


def jobs_run_on_both_servers(topology):
    """Both servers remove the same rows as soon as they start, and each row is removed once."""
    api = topology.api(topology.serve("first"))
    place, later = Place("anybody", "name"), int(time.time()) + 86400
    assert api.set(place, "x", key="any", expires_at=later).status == 200
    topology.servers[0].stop()
    count = "SELECT (SELECT count(*) FROM secret), (SELECT count(*) FROM idempotency_record)"
    secrets, answers = topology.sql(count).split("|")
    assert secrets == "1", secrets
    topology.sql(f"""
        -- A store that no server has used need not be watched first.
        DELETE FROM clock_record;
        UPDATE secret SET expires_at = created - 90000;
        INSERT INTO secret (slot, mode, app, account, scope, name_key, seq, id, created,
                            expires_at, scope_user, name, sealed, version, lease, lease_spent,
                            announced)
        SELECT slot, mode, app, account, scope, decode(md5(n::text), 'hex'), seq + n, id || n,
               created, expires_at, scope_user, name, sealed, version, lease, lease_spent, announced
        FROM secret, generate_series(1, {ROWS}) AS n;
        INSERT INTO idempotency_record (slot, mode, app, account, key_digest, operation,
                                        parameters, request, created, response)
        SELECT slot, mode, app, account, decode(md5(n::text), 'hex'), operation, parameters,
               request, created - 90000, response
        FROM idempotency_record, generate_series(1, {ROWS}) AS n
        WHERE operation = 'apps.secrets.create'""")
    with ThreadPoolExecutor() as pool:
        list(pool.map(topology.serve, ("here", "elsewhere")))
    done = {"expire_secrets": ROWS + 1, "prune": ROWS}
    wait_until(lambda: removed(topology) == done)
    assert removed(topology) == done, f"{removed(topology)} rows were removed, not {done}"
    assert topology.sql(count) == f"0|{answers}", topology.sql(count)
    assert not topology.errors(), topology.errors()[:3]
    parts = [sum(removed_by(server).values()) for server in topology.servers[1:]]
    return f"{parts} rows on the two servers"


def wait_until(holds):
    """Waits until something is so, or far too much time is over."""
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)


def removed_by(server):
    """How many rows each job of a server says that it removed."""
    found = {"expire_secrets": 0, "prune": 0}
    for line in server.said().splitlines():
        entry = json.loads(line)
        if entry.get("message") == "pass done" and entry["job"] in found:
            found[entry["job"]] += entry["done"]
    return found


def removed(topology):
    both = [removed_by(server) for server in topology.servers[1:]]
    return {job: sum(one[job] for one in both) for job in both[0]}


TESTS = (
    a_revoked_key_is_refused_elsewhere,
    an_uninstalled_app_is_refused_everywhere,
    a_deleted_secret_is_never_served_elsewhere,
    a_secret_set_anew_as_it_expires_is_kept,
    jobs_run_on_both_servers,
)
