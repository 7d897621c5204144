"""PostgreSQL servers of our own: each in a directory and on a port that nobody else uses."""

import atexit
import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

# Every cluster's superuser, whom nobody asks for a password unless a test changes that.
USER = "postgres"
# How long a server may take to start, to stop, to be copied or to follow another, in seconds, on a
# machine that is busy with other work.
PATIENCE = 300
# Below the ports that the system gives to outgoing connections: one of those could take the port
# of a server that is down, or even connect to itself there.
PORTS = range(20000, 32000)
# Files whose locks say which ports this program was given.
CLAIMS = []

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    # What a standby misses between its copy and its first connection.
    "wal_keep_size": "256MB",
    # In files below the directory, so that a server that is killed leaves nothing in the system.
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "32MB",
}


def binary(name):
    """The path of one of PostgreSQL's programs; the newest version's if there are several."""
    asked = []
    if shutil.which("pg_config"):
        told = subprocess.run(["pg_config", "--bindir"], check=True, stdout=subprocess.PIPE)
        asked.append(Path(told.stdout.decode().strip()))
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    asked += sorted(debian, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0),
                    reverse=True)
    for directory in asked:
        if (directory / name).exists():
            return str(directory / name)
    found = shutil.which(name)
    if not found:
        raise RuntimeError(f"PostgreSQL's {name} is not installed")
    return found


def free_port():
    """A port of 127.0.0.1 on which nobody listens, and which no other test of this machine gets as
    long as this program runs."""
    while True:
        port = random.choice(PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            claim = open(Path(tempfile.gettempdir()) / f"coffer-port-{port}", "w")
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            probe.bind(("127.0.0.1", port))
            CLAIMS.append(claim)
            return port


def owner():
    """Whom PostgreSQL runs as: it refuses root, so that root needs another user for it."""
    if os.geteuid() != 0:
        return None
    import pwd
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("root cannot run PostgreSQL, and there is no user postgres or nobody")


def as_owner():
    """What `subprocess` needs to run a program as PostgreSQL's user."""
    user = owner()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    options = {"env": {**plain, "LC_ALL": "C"}, "cwd": "/"}
    if user is not None:
        options.update(user=user.pw_uid, group=user.pw_gid, extra_groups=[])
    return options


class Cluster:
    """One PostgreSQL server. `Cluster.create()` makes an empty one, `clone()` a standby of it."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.home = Path(tempfile.mkdtemp(prefix="coffer-postgres-"))
        self.data = self.home / "data"
        self.log = self.home / "log"
        self.process = None
        # However the program ends, nothing of this is left.
        atexit.register(self.remove)
        user = owner()
        if user is not None:
            os.chown(self.home, user.pw_uid, user.pw_gid)

    @classmethod
    def create(cls, port=None, **settings):
        """An empty cluster with these settings. It is not started yet."""
        cluster = cls(port)
        cluster._run("initdb", "--pgdata", cluster.data, "--username", USER, "--auth", "trust",
                     "--encoding", "UTF8", "--no-locale", "--no-sync")
        cluster.configure(**{**SETTINGS, **settings})
        return cluster

    def clone(self, port=None):
        """A standby that follows this server. It is not started yet."""
        standby = Cluster(port)
        source = f"host=127.0.0.1 port={self.port} user={USER} application_name=standby"
        standby._run("pg_basebackup", "--pgdata", standby.data, "--dbname", source,
                     "--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast",
                     "--no-sync")
        return standby

    def _run(self, name, *arguments):
        done = subprocess.run([binary(name), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, **as_owner())
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed:\n{done.stdout.decode(errors='replace')}")

    def configure(self, **settings):
        """Adds settings to the configuration file, which is read when the server starts."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self):
        """Starts the server as a child of ours, and waits until it answers."""
        command = [binary("postgres"), "-D", self.data, "-p", str(self.port), "-k", self.home]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, **as_owner())
        self.wait_for(lambda: self.sql("SELECT 1") == "1", "answers")
        return self

    def wait_for(self, holds, what, patience=PATIENCE):
        """Waits until something is so; an SQL error counts as not yet."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if holds():
                    return
            except SqlError:
                pass
            time.sleep(0.05)
        tail = self.log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the server on port {self.port} never {what}:\n{tail}")

    def sql(self, text, database="postgres", user=USER):
        """Runs SQL through psql and gives what it prints: `|` between columns, no heading."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        command = [binary("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
                   "-p", str(self.port), "-U", user, "-d", database, "-w"]
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=plain, timeout=PATIENCE)
        if done.returncode != 0:
            raise SqlError(done.stderr.decode(errors="replace").strip())
        return done.stdout.decode().strip()

    def url(self, database, *others, query=""):
        """The address of a database on this server, or on any of `others`."""
        hosts = ",".join(f"127.0.0.1:{cluster.port}" for cluster in (self, *others))
        return f"postgres://{USER}@{hosts}/{database}{query}"

    def set(self, name, value):
        """Changes a setting of the running server that needs no restart."""
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")
        self.wait_for(lambda: self.sql(f"SHOW {name}") == value, f"took {name} = '{value}'")

    def make_synchronous(self):
        """From now on, a commit is answered only when the standby has it on its disk."""
        self.set("synchronous_standby_names", "standby")
        state = "SELECT sync_state FROM pg_stat_replication"
        self.wait_for(lambda: self.sql(state) == "sync", "had a synchronous standby")
        # A commit that waits for the standby waits for all that was written before it.
        self.sql("SELECT pg_logical_emit_message(true, 'test', 'synchronous')")

    def promote(self):
        """Makes a standby the primary. It has no standby yet, and must not wait for one."""
        self.set("synchronous_standby_names", "")
        self.sql(f"SELECT pg_promote(true, {PATIENCE})")
        self.wait_for(lambda: self.sql("SELECT pg_is_in_recovery()") == "f", "was promoted")

    def kill(self):
        """Ends all of the server's processes at once, as a power cut would."""
        # A stopped postmaster neither starts another process nor tells its own what happened:
        # they would go on for a while if it were killed alone.
        os.kill(self.process.pid, signal.SIGSTOP)
        listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], check=True,
                                stdout=subprocess.PIPE)
        pairs = (line.split() for line in listed.stdout.decode().splitlines())
        children = [int(pid) for parent, pid in pairs if int(parent) == self.process.pid]
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self._free_shared_memory()

    def _free_shared_memory(self):
        """Removes the segment that guards the directory, which outlives a killed server."""
        lock = self.data / "postmaster.pid"
        lines = lock.read_text().splitlines() if lock.exists() else []
        segment = lines[6].split()[1] if len(lines) > 6 and lines[6].split() else None
        if segment and shutil.which("ipcrm"):
            subprocess.run(["ipcrm", "-m", segment], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)

    def stop(self):
        """Stops the server in good order, without waiting for its clients to leave."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(PATIENCE)

    def remove(self):
        """Ends the server if it runs, and removes its directory."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class SqlError(RuntimeError):
    """psql failed, with what it said."""
