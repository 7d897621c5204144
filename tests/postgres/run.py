"""Runs every program of this folder against the server's binary, which COFFER_BIN names.

It needs PostgreSQL's programs, the official SDK, and libfaketime, which LIBFAKETIME names. The exit
code is 0 only if all have passed.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What is run, and how long it may take in seconds: many times what it takes on two cores, since
# these may be busy with other work. Only what hangs takes this long.
PROGRAMS = [
    (["first_use.py"], 900),
    (["failover.py"], 1800),
    (["failover.py", "--canary"], 900),
    (["rolling.py"], 900),
    (["network.py"], 1800),
    (["failure_modes.py"], 1800),
    (["pooler.py"], 900),
    (["moving.py"], 900),
    (["backup.py"], 900),
    (["webhooks.py"], 900),
    (["clock.py"], 900),
]
# How long a program that took too long may take to stop what it has started, in seconds.
STOPPING = 60


def run(command, deadline, said):
    """Runs one program in a group of its own, and says what became of it. What it prints goes into
    the file `said`."""
    process = subprocess.Popen([sys.executable, HERE / command[0], *command[1:]],
                               stdout=said, stderr=said, start_new_session=True)
    try:
        code = process.wait(deadline)
        return "passed" if code == 0 else f"FAILED with exit code {code}"
    except subprocess.TimeoutExpired:
        return f"FAILED: not done after {deadline} s"
    finally:
        end(process)


def end(process):
    """Ends a program that still runs: it may clean up first, and then its group is killed."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def main():
    """Runs all of them, also after a failure, and prints how each went. What those that failed have
    said comes last, since of a long output often only the end is at hand."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    if not os.access(os.environ.get("COFFER_BIN", ""), os.X_OK):
        sys.exit("COFFER_BIN must name the server's binary")
    summary, failed = [], []
    for command, deadline in PROGRAMS:
        name = " ".join(command)
        if not (HERE / command[0]).exists():
            summary.append(f"{name}: not in this folder")
            continue
        begun = time.monotonic()
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            outcome = run(command, deadline, said)
            said.seek(0)
            text = f"--- {name}\n{said.read()}"
        summary.append(f"{name}: {outcome}, {time.monotonic() - begun:.0f} s")
        print(text, end="", flush=True)
        if "FAILED" in outcome:
            failed.append(text)
    print("---")
    print("\n".join(summary + failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
