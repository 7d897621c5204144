"""A base backup of two clusters with an archive of their log: restored to a point in time,
verified, drilled with the script of the documentation, and refused by a server that knows of a
later head.

`--long` does it with more rows and more points in time.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import outcome
from api import Api, Place
from cluster import USER, Cluster, as_owner, binary, free_port, owner
from server import PATIENCE, Installation, Server

PAGE = Path(__file__).resolve().parents[2] / "docs/operations/backup.md"
LONG = "--long" in sys.argv
SECRETS, POINTS = (2000, 5) if LONG else (20, 1)


def shell_of_the_page(name):
    """The script that the page gives under this file name, as it stands there."""
    found = re.search(rf"```sh\n(#!/bin/sh\n# {re.escape(name)}\n.*?)```", PAGE.read_text(), re.S)
    assert found, f"{PAGE} has no script {name}"
    return found.group(1)


class Archive:
    """A cluster whose log is archived, and its base backups."""

    def __init__(self, name):
        self.home = Path(tempfile.mkdtemp(prefix=f"coffer-archive-{name}-"))
        self.log = self.home / "log"
        self.log.mkdir()
        give(self.home)
        self.cluster = Cluster.create(
            archive_mode="on", wal_level="replica",
            archive_command=f'test ! -f "{self.log}/%f" && cp "%p" "{self.log}/%f"').start()
        self.cluster.sql(f"CREATE DATABASE {name}")
        self.database = name
        self.base = self.home / "base"

    def back_up(self):
        """A base backup, by the program that the page names."""
        done = subprocess.run(
            [binary("pg_basebackup"), "--pgdata", self.base, "--checkpoint", "fast",
             "--wal-method", "none", "-h", "127.0.0.1", "-p", str(self.cluster.port), "-U", USER],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, **as_owner())
        assert done.returncode == 0, done.stdout.decode(errors="replace")

    def archive_all(self):
        """Waits until what was committed is in the archive."""
        segment = self.cluster.sql("SELECT pg_walfile_name(pg_switch_wal())")
        self.cluster.wait_for(lambda: (self.log / segment).exists(), f"archived {segment}")

    def remove(self):
        self.cluster.remove()
        shutil.rmtree(self.home, ignore_errors=True)


def give(path):
    """Gives a file or a directory with all that is in it to whom PostgreSQL runs as."""
    user = owner()
    if user is None:
        return
    for each in [path, *path.rglob("*")]:
        os.chown(each, user.pw_uid, user.pw_gid)


class Drill:
    """The script of the page with what it needs, and `coffer` run as PostgreSQL's user."""

    def __init__(self, installation, data, keys):
        self.home = Path(tempfile.mkdtemp(prefix="coffer-drill-"))
        script = self.home / "restore.sh"
        script.write_text(shell_of_the_page("restore.sh"))
        script.chmod(0o755)
        root = self.home / "root"
        shutil.copy(installation.root_key, root)
        root.chmod(0o600)
        (self.home / "scratch").mkdir(mode=0o700)
        give(self.home)
        self.environment = {
            **{k: v for k, v in installation.environment.items() if not k.startswith("COFFER_")},
            "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"),
            "COFFER_DATABASE_URL": data.cluster.url(data.database),
            "COFFER_KEY_DATABASE_URL": keys.cluster.url(keys.database),
            "COFFER_ROOT_KEY_FILE": str(root),
            "POSTGRES": str(Path(binary("postgres")).parent),
            "DATA_PORT": str(free_port()), "KEYS_PORT": str(free_port()),
            "DATA_BASE": str(data.base), "DATA_LOG": str(data.log), "DATA_NAME": data.database,
            "KEYS_BASE": str(keys.base), "KEYS_LOG": str(keys.log), "KEYS_NAME": keys.database,
        }
        self.script = script

    def run(self, until=None):
        """A drill up to a point in time, or to the log's end: its exit code and its report."""
        more = {"UNTIL": until} if until else {}
        words = ["drill", "--with", str(self.script), "--scratch", str(self.home / "scratch"),
                 "--format", "json"]
        # The binary is copied to where that user may run it.
        program = self.home / "coffer"
        if not program.exists():
            shutil.copy(os.environ["COFFER_BIN"], program)
            program.chmod(0o755)
        done = subprocess.run([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE,
                              **{**as_owner(), "env": {**self.environment, **more}})
        said = done.stderr.decode(errors="replace")
        report = json.loads(done.stdout) if done.stdout.strip() else {}
        left = list((self.home / "scratch").iterdir())
        assert not left, f"the drill has left {left}"
        return done.returncode, report, said

    def remove(self):
        shutil.rmtree(self.home, ignore_errors=True)


def fill(api, begin, end):
    for at in range(begin, end):
        answer = api.set(Place(f"user-{at % 10}-{at // 10}", "name"), f"value {at}", f"key-{at}")
        assert answer.status == 200, str(answer)


def restored(archive, until=None):
    """A cluster that was restored from the archive, up to a point in time or to the log's end."""
    cluster = Cluster()
    shutil.copytree(archive.base, cluster.data)
    cluster.data.chmod(0o700)
    point = {"recovery_target_time": until} if until else {}
    cluster.configure(restore_command=f'cp "{archive.log}/%f" "%p"', archive_mode="off",
                      recovery_target_action="promote", **point)
    (cluster.data / "recovery.signal").touch()
    give(cluster.home)
    cluster.start()
    cluster.wait_for(lambda: cluster.sql("SELECT pg_is_in_recovery()") == "f", "was restored")
    return cluster


def restores():
    """Points in time are restored and opened, by hand and by drill, and noticed."""
    data, keys = Archive("coffer"), Archive("coffer_keys")
    installation = Installation(data.cluster.url(data.database), keys.cluster.url(keys.database))
    head = {"COFFER_HEAD_FILE": str(installation.home / "head")}
    drill = None
    try:
        points = serve(installation, data, keys, head)
        drill = Drill(installation, data, keys)
        for until, count in [(None, (POINTS + 1) * SECRETS), *points]:
            code, report, said = drill.run(until)
            assert code == 0, said
            assert report["opened"]["secrets"] == count, report
        schedule = installation.run("backup", "schedule", "--format", "json")
        assert json.loads(schedule.stdout)["drill"]["ok"] is True, schedule
        put_back(installation, data, keys, head, points[0])
    finally:
        installation.remove()
        for each in (data, keys, drill):
            if each is not None:
                each.remove()
    return f"{POINTS + 2} restores of up to {(POINTS + 1) * SECRETS} secrets, all opened"


def serve(installation, data, keys, head):
    """Sets secrets before and after base backups; points in time, and how many there were."""
    points = []
    with Server(installation, "first", **head) as server:
        api = Api(server, installation.founded["test_key"])
        fill(api, 0, SECRETS)
        data.back_up()
        keys.back_up()
        for point in range(1, POINTS + 1):
            points.append((data.cluster.sql("SELECT clock_timestamp()"), point * SECRETS))
            fill(api, point * SECRETS, (point + 1) * SECRETS)
        assert server.stop() == 0
    for each in (keys, data):
        each.archive_all()
    return points


def put_back(installation, data, keys, head, point):
    """The data is put back to a point: it opens, and a server that knows better is refused."""
    until, count = point
    old_data, old_keys = restored(data, until), restored(keys)
    there = {"COFFER_DATABASE_URL": old_data.url(data.database),
             "COFFER_KEY_DATABASE_URL": old_keys.url(keys.database), **head}
    root = ["--root-key", installation.root_key]
    verify = ["backup", "verify", *root, "--format", "json"]
    verified = installation.run(*verify, **there)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["opened"]["secrets"] == count, verified.stdout
    refused = installation.run("serve", *root, "--listen", "127.0.0.1:0", **there)
    assert refused.returncode == 1 and b"--accept-rollback" in refused.stderr, refused.stderr
    # A damaged record is found.
    old_data.sql("UPDATE secret SET sealed = sealed || '\\x00'", data.database)
    broken = installation.run(*verify, **there)
    assert broken.returncode == 1, broken
    assert "does not open" in json.loads(broken.stdout)["problems"][0], broken.stdout
    old_data.remove()
    old_keys.remove()


def main():
    """Gives 0 if all was restored."""
    return outcome.summary([outcome.run(restores)])


if __name__ == "__main__":
    outcome.program(main)
