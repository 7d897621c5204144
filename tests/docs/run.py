"""Runs the commands of the documents, as they stand there.

    COFFER_BIN=target/debug/coffer python3 tests/docs/run.py [PAGE…]

A page that is run says so by `<!-- run: KIND -->`: `alone` in an empty directory, `developer`
beside `coffer dev`, `server` on the machine of a server that was installed. Every block of `sh`,
`python`, `js` and `toml` is one step of one shell (TOML is added to the server's configuration
file); a block of `text` behind one is what it must have printed, where `…` stands for anything.
`sh,elsewhere` needs what the test has not, such as another machine: of these, and of whatever else
the documents say of `coffer`, it is checked that there are such verbs and flags.

What differs from a machine of yours: paths below /etc/coffer, /var/lib/coffer and /mnt are those of
a directory of the test, the ports are free ones, and `sudo`, `systemctl`, `journalctl` and `chown`
are played.
"""

import os
import re
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from commands import Commands
from machine import Machine
from page import MUST_RUN, Page, ROOT

# Pages that are run at a time. Most of their time they wait.
WORKERS = 4


def run(page):
    """Runs one page: its name, its seconds, and what was wrong."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coffer-docs-") as folder:
        with Machine(Path(folder)) as machine:
            wrong = machine.run(page)
    return page.name, time.monotonic() - start, wrong


def main():
    pages = [Page(path) for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]]
    named = sys.argv[1:]
    runnable = [page for page in pages if page.kind and (not named or page.name in named)]
    if not runnable:
        raise SystemExit(f"no page that is run is named {named}")
    failures = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for name, seconds, wrong in pool.map(run, runnable):
            print(f"{'FAILED' if wrong else 'ok':6} {seconds:5.1f} s  {name}", flush=True)
            failures += [f"{name}: {wrong}"] if wrong else []
    steps = sum(len(page.steps) for page in runnable)
    if not named:
        forgotten = [page.name for page in pages if re.match(MUST_RUN, page.name) and not page.kind]
        failures += [f"{name}: it does not say how it is run" for name in forgotten]
        commands = Commands(os.environ["COFFER_BIN"])
        failures += [wrong for page in pages for wrong in commands.check(page)]
        print(f"{commands.count} commands have the verbs and flags that they name")
    for failure in failures:
        print(f"\n{failure}")
    if failures:
        raise SystemExit(f"{len(failures)} failures")
    print(f"{len(runnable)} pages, {steps} steps")


if __name__ == "__main__":
    main()
