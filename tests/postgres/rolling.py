"""Restarts three servers one after another under load: no request may fail for good."""

import signal
import sys
import time

from cluster import Cluster
from load import Load
from server import Installation, Server

SERVERS = 3
ROUNDS = 2
# How long the load runs undisturbed between two restarts, in seconds.
CALM = 1


def restart_all(servers):
    """Restarts each server in good order while the others serve; gives the exit codes."""
    codes = []
    for server in servers:
        time.sleep(CALM)
        codes.append(server.stop())
        server.start()
    return codes


def main():
    """Gives 0 if nothing failed and nothing was lost."""
    # Ends by way of an exception, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    cluster = Cluster.create().start()
    for database in ("data", "keys"):
        cluster.sql(f"CREATE DATABASE {database}")
    installation = Installation(cluster.url("data"), cluster.url("keys"))
    servers = [Server(installation, f"server-{number}").start() for number in range(SERVERS)]
    load = Load([server.base for server in servers], installation.founded["test_key"])
    load.warm_up()
    with load.running():
        codes = [code for _ in range(ROUNDS) for code in restart_all(servers)]
        time.sleep(CALM)
    load.check(cluster, "data", installation)
    print(f"rolling: {len(codes)} restarts, {len(load.acknowledged())} writes acknowledged, "
          f"longest outage {load.longest_outage:.2f} s, "
          f"sent again because of {dict(load.retries())}")
    verdict = load.verdict()
    if any(codes):
        print(f"FAILED: the servers ended with {codes}")
        verdict = 1
    said = [line for server in servers for line in server.said().splitlines()]
    errors = [line for line in said if '"ERROR"' in line or "panicked" in line]
    if errors:
        print(f"FAILED: a server logged an error: {errors[0]}")
        verdict = 1
    return verdict


if __name__ == "__main__":
    sys.exit(main())
