"""Several servers use an app for the first time at once: it must get one set of keys, not several.

With two sets, what one server writes cannot be found by another.
"""

import signal
import sys
import threading

import stripe

from cluster import Cluster
from load import SET, Caller, Load, Place, Violation, Write, expect
from server import Installation, Server

SERVERS = 3
# New apps, each of which is a chance for the race, and how many requests race for each.
APPS = 60
RACERS = 6


def new_app(server, installation):
    """A key of an app that nobody has used."""
    admin = stripe.StripeClient(installation.founded["admin_key"],
                                base_addresses={"api": server.base})
    account = installation.founded["account"]
    app = admin.raw_request("post", "/v1/admin/apps", account=account, name="new").data["id"]
    return admin.raw_request("post", "/v1/admin/api_keys", app=app, mode="test").data["key"]


def race(bases, key):
    """Writes through all servers at once, reads through all servers, and gives what was wrong."""
    load = Load(bases, key)
    start = threading.Barrier(RACERS)

    def set_one(number):
        write = Write(SET, Place(f"user-{number}", "secret"))
        load.writes.append(write)
        caller = Caller(bases, key, number)
        start.wait()
        with load.noting():
            write.take(caller.write(write))

    threads = [threading.Thread(target=set_one, args=[number]) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for base in bases:
        for write in load.acknowledged():
            with load.noting():
                expect(Caller([base], key), write)
    return load.violations


def main():
    """Gives 0 if everything was found by every server."""
    # Ends by way of an exception, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    cluster = Cluster.create(fsync="off").start()
    for database in ("data", "keys"):
        cluster.sql(f"CREATE DATABASE {database}")
    installation = Installation(cluster.url("data"), cluster.url("keys"))
    servers = [Server(installation, f"server-{number}").start() for number in range(SERVERS)]
    bases = [server.base for server in servers]
    broken = sum(bool(race(bases, new_app(servers[0], installation))) for _ in range(APPS))
    keys = "SELECT count(*) FROM tenant_key WHERE purpose = 'lookup' AND version > 1"
    surplus = cluster.sql(keys, "keys")
    print(f"first use: {APPS} apps, {broken} of them broken, {surplus} with two sets of keys")
    return 1 if broken or surplus != "0" else 0


if __name__ == "__main__":
    sys.exit(main())
