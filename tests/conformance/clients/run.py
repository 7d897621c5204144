"""Runs each client of `clients.toml` against the server, and writes `docs/conformance.md`.

The binary's path is in COFFER_BIN, and what the clients need is installed below the folder in
COFFER_CLIENTS. The exit code is 0 if every check passed that is not listed as a known difference,
and if the page was as this run has written it.
"""

import json
import os
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import install
import page
from checks import CHECKS
from installation import Installation

HERE = Path(__file__).parent
# How long one client's checks may take, in seconds, on a machine that is busy.
PATIENCE = 900


@dataclass(frozen=True)
class Client:
    """A line of the table."""

    name: str
    registry: str
    package: str
    version: str
    program: str
    # What npm must install beside it, where the newest that it allows does not fit.
    beside: tuple = ()

    def run(self, place, app):
        """What its checks saw, by their names."""
        env = {**os.environ, **app, **install.client(self, place)}
        interpreter = "node" if self.program.endswith(".mjs") else place / "python" / "bin/python"
        program = install.program(self, place, HERE)
        ended = subprocess.run([interpreter, program], env=env, stdout=subprocess.PIPE,
                               timeout=PATIENCE, check=False)
        lines = ended.stdout.decode().splitlines()
        seen = [json.loads(line) for line in lines if line.startswith('{"check"')]
        if ended.returncode or not seen:
            return {"run": f"it ended with {ended.returncode}: {lines[-3:]}"}
        return {each["check"]: None if each["passed"] else each["seen"] for each in seen}


def judge(client, seen, differences):
    """The faults of one client: what failed and is not known, or is known and was not seen."""
    known = {check: reason for name, version, check, reason in differences
             if name == client.name and version in ("*", client.version)}
    expected = CHECKS if client.program.startswith(("sdk", "distilled")) else {}
    if client.program.startswith("distilled"):
        # It knows the calls, and no webhooks.
        expected = [check for check in expected if check != "webhook"]
    faults = [f"{check} was not checked" for check in expected if check not in seen]
    for check, trouble in seen.items():
        if trouble and check not in known:
            faults.append(f"{check}: {trouble}")
        if not trouble and check in known:
            faults.append(f"{check} passes, and is listed as a difference")
    return faults, {check: reason for check, reason in known.items() if seen.get(check)}


def main():
    # Ends by way of an exception, so that what was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    table = tomllib.loads((HERE / "clients.toml").read_text())
    place = Path(os.environ["COFFER_CLIENTS"])
    place.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    clients = [client for client in (Client(*line) for line in table["clients"])
               if wanted in f"{client.package} {client.version}"]
    install.interpreter(place)
    rows, wrong = [], 0
    server = Installation()
    try:
        for client in clients:
            seen = client.run(place, server.app())
            faults, differences = judge(client, seen, table["differences"])
            rows.append((client, seen, differences))
            passed = sum(1 for trouble in seen.values() if not trouble)
            print(f"{client.name} {client.version}: {passed} of {len(seen)} checks passed",
                  flush=True)
            for fault in faults:
                print(f"  FAILED {fault}", flush=True)
            wrong += len(faults)
    finally:
        server.stop()
    if not wanted and not page.write(rows):
        print("docs/conformance.md was out of date; it is written anew: commit it")
        wrong += 1
    return 1 if wrong or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
