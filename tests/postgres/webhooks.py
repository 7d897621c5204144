"""Three servers on one PostgreSQL, one of which is always being killed: every event that was
committed arrives at every endpoint, and nothing arrives that was not. `--minutes 60` keeps the load
and the kills up for an hour."""

import argparse
import collections
import http.client
import http.server
import json
import random
import signal
import sys
import threading
import time

from api import Api
from cluster import Cluster
from server import Installation, Server

SERVERS = 3
ENDPOINTS = 3
# How often a server is killed (SIGKILL), and how long the load runs before the next, in seconds.
KILLS = 6
CALM = 2
# The same for a load of minutes, in which more shall happen between two kills, and how many
# requests it makes in a second at the most, so that what is delivered stays in this program's
# memory.
LONG_CALM = 15
LONG_PACE = 20
# How long what was committed may take to arrive after the last kill, in seconds: what a killed
# server held is taken over after 30, and the machine may be busy.
PATIENCE = 300
PLAN = {"percent": 10, "type": "rolling_release", "rolling_release[days_after_charge]": 30}


class Receiver(http.server.BaseHTTPRequestHandler):
    """Counts the events that arrive at each path."""

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            counts = self.server.arrived.setdefault(self.path, {})
            counts[event["id"]] = counts.get(event["id"], 0) + 1
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Load(threading.Thread):
    """Makes plans at servers in turn, and disables them, until it is over. A request that fails may
    have been carried out: the list of events tells."""

    def __init__(self, apis, pause):
        super().__init__(daemon=True)
        self.apis, self.over, self.made, self.pause = apis, threading.Event(), 0, pause
        # How many requests were answered by a refusal, by its status.
        self.refused = collections.Counter()
        # An account has few active plans: one whose disabling failed is disabled later.
        self.active = []

    def call(self, path, params=None):
        """The answer of some server; nothing if it was killed, before or within its answer."""
        try:
            return random.choice(self.apis).call("POST", path, params or {})
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def run(self):
        while not self.over.wait(self.pause):
            if self.active:
                answer = self.call(f"/v1/reserve/plans/{self.active[0]}/disable")
                if answer and answer.status in (200, 400):
                    self.active.pop(0)
                    continue
            answer = self.call("/v1/reserve/plans", PLAN)
            if answer and answer.status == 200:
                self.made += 1
                self.active.append(answer.body["id"])
            elif answer:
                self.refused[answer.status] += 1


def events(api):
    """The ids of all events."""
    found, after = [], None
    while True:
        more = {"starting_after": after} if after else {}
        page = api.call("GET", "/v1/events", {"limit": 100, **more}).body
        found += [event["id"] for event in page["data"]]
        if not page["has_more"]:
            return found
        after = found[-1]


def killed_in_turns(servers, kills, calm, until):
    """Kills servers at random and starts them again, so often and until then; how often it did."""
    done = 0
    while done < kills or time.monotonic() < until:
        time.sleep(calm)
        killed = random.choice(servers)
        killed.kill()
        time.sleep(CALM / 2)
        killed.start()
        done += 1
    return done


def main():
    """Gives 0 if each event has arrived at each endpoint, and no other."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--minutes", type=float, default=0, help="how long, instead of six kills")
    minutes = words.parse_args().minutes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    receiver.arrived, receiver.lock = {}, threading.Lock()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    cluster = Cluster.create().start()
    for database in ("data", "keys"):
        cluster.sql(f"CREATE DATABASE {database}")
    installation = Installation(cluster.url("data"), cluster.url("keys"))
    settings = {"COFFER_WEBHOOK_ALLOW": "127.0.0.1", "COFFER_WEBHOOK_ALLOW_HTTP": "true"}
    servers = [Server(installation, f"server-{number}", **settings).start()
               for number in range(SERVERS)]
    apis = [Api(server, installation.founded["test_key"]) for server in servers]
    paths = [f"/{number}" for number in range(ENDPOINTS)]
    for path in paths:
        url = f"http://127.0.0.1:{receiver.server_port}{path}"
        made = apis[0].call("POST", "/v1/webhook_endpoints",
                            {"url": url, "enabled_events[]": "*"})
        assert made.status == 200, str(made)
    load = Load(apis, 1 / LONG_PACE if minutes else 0)
    load.start()
    until = time.monotonic() + 60 * minutes
    kills = killed_in_turns(servers, 0 if minutes else KILLS, LONG_CALM if minutes else CALM, until)
    load.over.set()
    load.join()
    committed = set(events(apis[0]))
    end = time.monotonic() + PATIENCE
    missing = None
    while missing != 0 and time.monotonic() < end:
        time.sleep(0.5)
        with receiver.lock:
            arrived = {path: dict(receiver.arrived.get(path, {})) for path in paths}
        missing = sum(len(committed - set(arrived[path])) for path in paths)
    deliveries = sum(sum(counts.values()) for counts in arrived.values())
    twice = deliveries - sum(len(counts) for counts in arrived.values())
    strange = sum(len(set(counts) - committed) for counts in arrived.values())
    print(f"webhooks: {len(committed)} events, {deliveries} deliveries to {ENDPOINTS} endpoints, "
          f"{missing} missing, {twice} twice, {strange} of what was not committed, "
          f"{kills} servers killed; {load.made} plans made, refused {dict(load.refused)}")
    few = twice <= deliveries // 10
    # A load that is mostly refused, or stands still, shows nothing. After a kill some requests wait
    # for locks of the killed server's transactions in vain, on a busy machine more of them.
    flowed = load.refused.total() < load.made and load.made >= max(kills, 60 * minutes)
    return 0 if committed and missing == 0 and strange == 0 and few and flowed else 1


if __name__ == "__main__":
    sys.exit(main())
