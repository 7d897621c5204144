"""What two servers on one database owe each other."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from api import Place
from wire import Wire

# How long a server may go by what it knew of keys and installs, in seconds.
REMEMBERED = 1
# Rows of each kind for the background jobs: several of their batches for both servers.
ROWS = 3000


class Watch(threading.Thread):
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
        while len(self.seen) < 5:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()

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
    with Watch(elsewhere, place) as watch:
        assert watch.seen[0][1] == 200, watch.seen[0]
        closed = close()
        since = time.monotonic()
        assert closed.status == 200, str(closed)
        written = elsewhere.set(place, "y")
        time.sleep(REMEMBERED + 0.5)
    assert written.status == status, f"a write was answered {written}"
    assert watch.statuses(since + REMEMBERED) == {status}, watch.statuses(since + REMEMBERED)
    return f"the last read was let in {max(0, watch.last_success(since)):.2f} s after"


def a_revoked_key_is_refused_elsewhere(scene):
    here, elsewhere = scene.serve("here"), scene.serve("elsewhere")
    admin = scene.api(here, "admin_key")
    made = admin.call("POST", "/v1/admin/api_keys",
                      {"app": scene.founded["app"], "mode": "test"}).body
    scene.founded["revoked"] = made["key"]
    return refused_within_a_second(
        scene.api(here, "revoked"), scene.api(elsewhere, "revoked"),
        lambda: admin.call("POST", f"/v1/admin/api_keys/{made['id']}/revoke"), 401)


def an_uninstalled_app_is_refused_everywhere(scene):
    here, elsewhere = scene.serve("here"), scene.serve("elsewhere")
    admin = scene.api(here, "admin_key")
    account = admin.call("POST", "/v1/admin/accounts", {"name": "other"}).body["id"]
    install = admin.call("POST", "/v1/admin/installs",
                         {"app": scene.founded["app"], "account": account}).body["id"]
    return refused_within_a_second(
        scene.api(here, account=account), scene.api(elsewhere, account=account),
        lambda: admin.call("DELETE", f"/v1/admin/installs/{install}"), 403)


def a_deleted_secret_is_never_served_elsewhere(scene):
    here = scene.api(scene.serve("here"))
    elsewhere = scene.api(scene.serve("elsewhere"))
    places = [Place(f"user-{number}", "name") for number in range(20)]
    finds = 0
    for place in places:
        assert here.set(place, "x").status == 200
        with Watch(elsewhere, place) as watch:
            assert here.delete(place).status == 200
            since = time.monotonic()
            assert elsewhere.find(place).status == 404
            time.sleep(0.02)
        assert watch.seen[0][1] == 200, watch.seen[0]
        assert watch.statuses(since) <= {404}, watch.statuses(since)
        finds += sum(sent > since for sent, _ in watch.seen)
    assert finds > 0
    return f"{finds} finds after {len(places)} deletions"


def a_secret_set_anew_as_it_expires_is_kept(scene):
    """Whoever deletes what has expired may be at it while the secret is set again."""
    api, place = scene.api(scene.serve("here")), Place("anybody", "name")
    assert api.set(place, "old").status == 200
    with Wire(scene.cluster.port, scene.data) as session, ThreadPoolExecutor() as pool:
        session.query("BEGIN")
        session.query("DELETE FROM secret WHERE name = 'name'")
        answer = pool.submit(api.set, place, "new")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        wait_until(lambda: scene.sql(waits) != "0", 3)
        assert scene.sql(waits) != "0", "the set did not wait for the deletion"
        session.query("COMMIT")
        answer = answer.result()
    assert answer.status == 200, str(answer)
    found = api.find(place)
    assert found.status == 200 and found.body["payload"] == "new", str(found)
    return "found after the deletion"


def jobs_run_on_both_servers(scene):
    """Both servers remove the same rows as soon as they start, and each row is removed once."""
    api = scene.api(scene.serve("first"))
    place, soon = Place("anybody", "name"), int(time.time()) + 2
    assert api.set(place, "x", key="any", expires_at=soon).status == 200
    scene.servers[0].stop()
    count = "SELECT (SELECT count(*) FROM secret), (SELECT count(*) FROM idempotency_record)"
    secrets, answers = scene.sql(count).split("|")
    assert secrets == "1", secrets
    scene.sql(f"""
        INSERT INTO secret (mode, app, account, scope, name_key, seq, id, created, expires_at,
                            scope_user, name, sealed)
        SELECT mode, app, account, scope, decode(md5(n::text), 'hex'), seq + n, id || n, created,
               expires_at, scope_user, name, sealed
        FROM secret, generate_series(1, {ROWS}) AS n;
        INSERT INTO idempotency_record (mode, app, account, key_digest, operation, parameters,
                                        request, created, response)
        SELECT mode, app, account, decode(md5(n::text), 'hex'), operation, parameters, request,
               created - 90000, response
        FROM idempotency_record, generate_series(1, {ROWS}) AS n
        WHERE operation = 'apps.secrets.create'""")
    time.sleep(max(0, soon + 1 - time.time()))
    with ThreadPoolExecutor() as pool:
        list(pool.map(scene.serve, ("here", "elsewhere")))
    done = {"expire_secrets": ROWS + 1, "prune": ROWS}
    wait_until(lambda: removed(scene) == done, 20)
    assert removed(scene) == done, f"{removed(scene)} rows were removed, not {done}"
    assert scene.sql(count) == f"0|{answers}", scene.sql(count)
    assert not scene.errors(), scene.errors()[:3]
    parts = [sum(removed_by(server).values()) for server in scene.servers[1:]]
    return f"{parts} rows on the two servers"


def wait_until(holds, seconds):
    """Waits until something is so, or the time is over."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)


def removed_by(server):
    """How many rows each job of a server says that it removed."""
    found = {"expire_secrets": 0, "prune": 0}
    for line in server.said().splitlines():
        entry = json.loads(line)
        if entry.get("message") == "pass done" and entry["job"] in found:
            found[entry["job"]] += entry["done"]
    return found


def removed(scene):
    both = [removed_by(server) for server in scene.servers[1:]]
    return {job: sum(one[job] for one in both) for job in both[0]}


TESTS = (
    a_revoked_key_is_refused_elsewhere,
    an_uninstalled_app_is_refused_everywhere,
    a_deleted_secret_is_never_served_elsewhere,
    a_secret_set_anew_as_it_expires_is_kept,
    jobs_run_on_both_servers,
)
