"""Kills the primary under load, promotes its standby, and checks that nothing acknowledged is lost.

The primary dies in three ways, one after the other: at once; while commits wait for a standby that
has them already and cannot say so; and while they wait for a standby that will never get them. To
the client the last two look the same, and only the idempotency key tells it what became of them.

With --canary the standby is cut off a moment before, and nobody waits for it: then writes must be
lost, and the check must see that. Otherwise the check would be worth nothing.
"""

import argparse
import contextlib
import os
import signal
import sys
import time

from cluster import Cluster
from load import Load, Violation
from server import Installation, Server

SERVERS = 3
# How long the load runs undisturbed before and after each disturbance, in seconds.
CALM = 1.5
# How long more commits pile up behind the first that waits for the standby, in seconds: on a busy
# machine, too, a client's is then among them.
PILE_UP = 2
# The status of an answer that says that it is not known whether a commit was kept.
UNKNOWN = 500
CONCURRENT, KEPT, NOT_KEPT = "at once", "in a commit that is kept", "in a commit that is not kept"
DEATHS = (CONCURRENT, KEPT, NOT_KEPT)
# Connections of each server to each database: fewer than the clients, so that they are shared.
QUERY = "?target_session_attrs=read-write&pool_size=4"


class Pair:
    """A primary and its standby. The two ports stay the same, whichever of them is the primary."""

    def __init__(self, synchronous):
        self.synchronous = synchronous
        self.primary = Cluster.create().start()
        for database in ("data", "keys"):
            self.primary.sql(f"CREATE DATABASE {database}")
        self.standby = None
        self.add_standby()

    def add_standby(self, port=None):
        """Gives the primary a standby that is a fresh copy of it."""
        self.standby = self.primary.clone(port)
        self.standby.start()
        if self.synchronous:
            self.primary.make_synchronous()

    def url(self, database):
        """An address that names both, and means the primary."""
        return self.primary.url(database, self.standby, query=QUERY)

    def cut_off(self):
        """The standby gets nothing more of what the primary writes."""
        self.standby.set("primary_conninfo", "")
        streams = "SELECT count(*) FROM pg_stat_replication"
        self.primary.wait_for(lambda: self.primary.sql(streams) == "0", "lost its standby")

    @contextlib.contextmanager
    def deaf(self):
        """The standby does not read what the primary sends it until the end of the block."""
        receiver = int(self.standby.sql("SELECT pid FROM pg_stat_wal_receiver"))
        os.kill(receiver, signal.SIGSTOP)
        yield
        os.kill(receiver, signal.SIGCONT)
        # It reads what the system has kept for it, and ends when it finds that nobody sends more.
        there = f"SELECT count(*) FROM pg_stat_wal_receiver WHERE pid = {receiver}"
        self.standby.wait_for(lambda: self.standby.sql(there) == "0", "read what was sent")

    def pile_up(self):
        """Waits until commits wait for the standby."""
        waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        self.primary.wait_for(lambda: self.primary.sql(waiting) == "t", "had commits that wait")
        time.sleep(PILE_UP)

    def kill_primary(self, death):
        """The primary dies in this way."""
        if death == CONCURRENT:
            self.primary.kill()
        elif death == KEPT:
            with self.deaf():
                self.pile_up()
                self.primary.kill()
        else:
            self.cut_off()
            self.pile_up()
            self.primary.kill()

    def fail_over(self, death=CONCURRENT):
        """The primary dies and the standby takes its place; gives the dead one's port."""
        self.kill_primary(death)
        dead, self.primary, self.standby = self.primary, self.standby, None
        self.primary.promote()
        dead.remove()
        return dead.port


def one_round(pair, load, installation, death):
    """A failover under load, and a new standby, and all of the checks."""
    acknowledged, retries = len(load.acknowledged()), load.retries()
    with load.running():
        time.sleep(CALM)
        port = pair.fail_over(death)
        time.sleep(CALM)
        pair.add_standby(port)
        time.sleep(CALM)
    load.check(pair.primary, "data", installation)
    writes, retries = load.acknowledged()[acknowledged:], load.retries() - retries
    resumed = sum(write.resumed for write in writes)
    print(f"failover, dead {death}: {len(writes)} writes acknowledged, longest outage "
          f"{load.longest_outage:.2f} s, sent again because of {dict(retries)}, "
          f"of which {resumed} had been kept", flush=True)
    # A round in which nothing of the kind happened proves nothing.
    if death != CONCURRENT and not retries[UNKNOWN]:
        load.violations.append(Violation("no test", "no commit had an unknown outcome"))
    if (death == KEPT and not resumed) or (death == NOT_KEPT and resumed):
        load.violations.append(Violation("no test", f"{resumed} commits were kept"))


def failovers(pair, load, installation, rounds):
    """Several failovers; the exit code is 0 if none of them lost anything."""
    for number in range(rounds):
        one_round(pair, load, installation, DEATHS[number % len(DEATHS)])
    return load.verdict()


def canary(pair, load):
    """A failover that loses writes; the exit code is 0 if the checks have found that."""
    with load.running():
        time.sleep(CALM)
        pair.cut_off()
        time.sleep(CALM)
        pair.fail_over()
        time.sleep(CALM)
    load.check(pair.primary, "data")
    kinds = load.kinds()
    print(f"canary: {len(load.acknowledged())} writes acknowledged; found: {dict(kinds)}")
    blind = [kind for kind in ("lost write", "not replayed", "lost audit entry")
             if not kinds[kind]]
    if blind:
        print(f"FAILED: writes were lost, and the checks saw no {' and no '.join(blind)}")
    return 1 if blind else 0


def main():
    """Runs what was asked for, and gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--canary", action="store_true")
    asked = parser.parse_args()
    # Ends by way of an exception, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    pair = Pair(synchronous=not asked.canary)
    installation = Installation(pair.url("data"), pair.url("keys"))
    servers = [Server(installation, f"server-{number}").start() for number in range(SERVERS)]
    load = Load([server.base for server in servers], installation.founded["test_key"])
    load.warm_up()
    if asked.canary:
        code = canary(pair, load)
    else:
        code = failovers(pair, load, installation, asked.rounds)
    if any("panicked" in server.said() for server in servers):
        print("FAILED: a server panicked")
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
