"""One `coffer serve` process. The binary's path is in COFFER_BIN."""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from cluster import free_port

# How long the server may take to start or to stop, in seconds, on a machine that is busy with other
# work. It lets requests under way end before it stops, for 20 seconds at most.
PATIENCE = 300


class Installation:
    """Two databases that `coffer init` has filled, and what servers need to serve them; without
    databases, a directory."""

    def __init__(self, data_url=None, key_url=None):
        self.home = Path(tempfile.mkdtemp(prefix="coffer-server-"))
        # However the program ends, nothing of this is left, nor a server of ours.
        atexit.register(self.remove)
        self.root_key = self.home / "root"
        # The settings of whoever runs the tests are not this server's.
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("COFFER_", "PG"))}
        self.directory = self.home / "data"
        stores = {"COFFER_DATA_DIR": str(self.directory)}
        if data_url:
            stores = {"COFFER_DATABASE_URL": data_url, "COFFER_KEY_DATABASE_URL": key_url}
        self.environment = {
            **plain,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            **stores,
        }
        made = self.run("init", "--app", "demo", "--root-key", self.root_key, "--format", "json")
        if made.returncode != 0:
            raise RuntimeError(f"coffer init failed:\n{made.stderr.decode(errors='replace')}")
        self.founded = json.loads(made.stdout)

    def run(self, *arguments, **more):
        """Runs a command of the binary to its end; `more` is added to its environment."""
        return subprocess.run([os.environ["COFFER_BIN"], *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**self.environment, **more},
                              timeout=PATIENCE)

    def remove(self):
        """Removes the root key and the logs. The databases are not touched."""
        shutil.rmtree(self.home, ignore_errors=True)


class Server:
    """A server of an installation; `more` is added to its environment."""

    def __init__(self, installation, name="server", **more):
        self.installation = installation
        self.environment = {**installation.environment, **more}
        self.log = installation.home / f"{name}.log"
        self.process = None
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        atexit.register(self.kill)

    def start(self, wait=True):
        """Starts it, on the same port each time."""
        said = len(self.said()) if self.log.exists() else 0
        command = [os.environ["COFFER_BIN"], "serve", "--root-key", self.installation.root_key,
                   "--listen", f"127.0.0.1:{self.port}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        if wait:
            self.wait_until_ready(said)
        return self

    def wait_until_ready(self, said=0, path="/readyz"):
        """Waits until it says that it serves, and its stores answer; with `/livez` as the path,
        until it answers at all."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if '"serving"' in self.said()[said:] and self.is_ready(path):
                return
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{self.said()[said:]}")

    def is_ready(self, path="/readyz"):
        """Whether it says that its stores answer."""
        try:
            with urllib.request.urlopen(f"{self.base}{path}", timeout=PATIENCE) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def said(self):
        """Everything that it has printed and logged, in all of its runs."""
        return self.log.read_text(errors="replace")

    def stop(self):
        """Asks it to stop, waits until it has, and gives its exit code."""
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError("the server did not stop when it was asked to") from None

    def kill(self):
        """Ends it at once, without asking."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
