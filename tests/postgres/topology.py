"""The topology of a failure test: two databases of its own, whose owner is no superuser and has
a password, and servers on them."""

import time
import urllib.error
import urllib.request

from api import Api, Place, succeeds
from server import Installation, Server

PASSWORD = "sesame-7f3a"
# How long a server may take to work again once the trouble is over, in seconds, on a machine that
# is busy with other work.
RECOVERY = 120


def require_passwords(cluster):
    """From now on everybody but the superuser needs a password."""
    hba = cluster.data / "pg_hba.conf"
    hba.write_text("host all postgres 127.0.0.1/32 trust\n"
                   "host all all 127.0.0.1/32 scram-sha-256\n" + hba.read_text())


class Topology:
    """An installation with databases that have its name."""

    def __init__(self, cluster, name, options=""):
        self.cluster, self.name = cluster, name
        self.data, self.keys = f"{name}_data", f"{name}_keys"
        cluster.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        cluster.sql(f"CREATE DATABASE {self.data} OWNER {name} {options}")
        cluster.sql(f"CREATE DATABASE {self.keys} OWNER {name}")
        self.installation = Installation(self.url(self.data), self.url(self.keys))
        self.founded = self.installation.founded
        self.servers = []

    def url(self, database, port=None, query="", password=PASSWORD):
        place = f"127.0.0.1:{port or self.cluster.port}"
        return f"postgres://{self.name}:{password}@{place}/{database}{query}"

    def urls(self, port, query=""):
        """The settings of a server that uses the databases on another port."""
        return {"COFFER_DATABASE_URL": self.url(self.data, port, query),
                "COFFER_KEY_DATABASE_URL": self.url(self.keys, port, query)}

    def sql(self, text):
        """Runs SQL in the data, as a superuser."""
        return self.cluster.sql(text, self.data)

    def serve(self, name="server", **more):
        """A server that is ready."""
        server = Server(self.installation, name, **more)
        self.servers.append(server)
        return server.start()

    def serve_without_writes(self, name, **more):
        """A server that serves reads: it is not ready, since it can write no audit."""
        server = Server(self.installation, name, **more)
        self.servers.append(server)
        server.start(wait=False)
        server.wait_until_ready(path="/livez")
        return server

    def api(self, server, key="test_key", account=None):
        return Api(server, self.founded[key], account)

    def refused(self, **more):
        """What a server says that does not even start."""
        ended = self.installation.run("serve", "--root-key", self.installation.root_key,
                                      "--listen", "127.0.0.1:0", **more)
        said = (ended.stdout + ended.stderr).decode(errors="replace")
        assert ended.returncode != 0, f"it served, and stopped: {said}"
        assert PASSWORD not in said, "the password was printed"
        return next(line for line in reversed(said.splitlines()) if line.startswith("coffer:"))

    def disconnect(self):
        """Ends all sessions of the data's database, as an administrator would."""
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 f"WHERE datname = '{self.data}' AND pid <> pg_backend_pid()")

    def errors(self):
        """The lines of all servers' logs that are errors."""
        lines = (line for server in self.servers for line in server.said().splitlines())
        return [line for line in lines if '"level":"ERROR"' in line]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.kill()
        leaked = any(PASSWORD in server.said() for server in self.servers)
        self.installation.remove()
        assert not leaked, "the password is in a log"


def health(server, path):
    """The status of `/livez` or `/readyz`."""
    try:
        with urllib.request.urlopen(server.base + path, timeout=RECOVERY) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def set_fails(api, within=RECOVERY):
    """Sets until that fails as it should, and gives the answer."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        answer = api.set(Place("anybody", "name"), "during")
        if answer.status != 200:
            assert answer.status == 503 and answer.may_be_repeated, str(answer)
            return answer
    raise AssertionError("nothing failed")


def works_again(api):
    """Waits until a set and a find succeed, and gives how long that took."""
    began, place = time.monotonic(), Place("anybody", "name")
    answer = succeeds(lambda: api.set(place, "after"), RECOVERY)
    assert answer.status == 200, str(answer)
    found = api.find(place)
    assert found.status == 200 and found.body["payload"] == "after", str(found)
    return f"worked again after {time.monotonic() - began:.1f} s"


def outage(topology, begin, end):
    """While it lasts everything is answered 503 and the server is not ready; then all is well."""
    server = topology.serve()
    api = topology.api(server)
    works_again(api)
    begin()
    try:
        set_fails(api)
        found = api.find(Place("anybody", "name"))
        assert found.status == 503 and found.may_be_repeated, str(found)
        assert (health(server, "/livez"), health(server, "/readyz")) == (200, 503)
    finally:
        end()
    said = works_again(api)
    # The audit's entries of the outage are tried again every now and then; until they are written
    # the server says that it is not ready.
    end = time.monotonic() + RECOVERY
    while health(server, "/readyz") != 200:
        assert time.monotonic() < end, "the server is not ready again"
        time.sleep(0.05)
    return said
