"""Runs the steps of the files in `examples/ci`, as far as a shell can.

A step that installs coffer itself is left out: the binary that is tested is on the PATH already.
`COFFER_BIN` is its path; the interpreter that runs this has what the suite needs.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"


class Job:
    """A machine of a CI system: a copy of the suite, variables that steps leave, and processes
    that end with it."""

    def __init__(self, folder):
        self.suite = Path(folder) / "suite"
        self.suite.mkdir()
        # The loop around a lease is copied beside the app, as its users do.
        lease = EXAMPLES.parent / "docs/examples/refresh.py"
        for source in [lease, *(EXAMPLES / "python").glob("*.*")]:
            (self.suite / source.name).write_bytes(source.read_bytes())
        programs = Path(folder) / "bin"
        programs.mkdir()
        (programs / "coffer").symlink_to(os.environ["COFFER_BIN"])
        (programs / "python").write_text(f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
        (programs / "python").chmod(0o755)
        self.left = Path(folder) / "env"
        self.left.touch()
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("COFFER_", "STRIPE_"))}
        self.env = {**kept, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": folder,
                    "GITHUB_ENV": str(self.left), "RUNNER_TEMP": folder,
                    "PYTHONDONTWRITEBYTECODE": "1"}
        self.started = []

    def step(self, script):
        """Runs one step; what it starts in the background goes on."""
        left = dict(line.split("=", 1) for line in self.left.read_text().splitlines())
        shell = subprocess.Popen(["bash", "-e", "-c", script], cwd=self.suite,
                                 env={**self.env, **left}, start_new_session=True)
        self.started.append(shell.pid)
        code = shell.wait(timeout=300)
        if code:
            raise SystemExit(f"it ended with {code}: {script}")

    def end(self):
        """Ends what steps have left running."""
        for group in self.started:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                pass


def run(name, steps, env=()):
    """Runs the steps of one job on a machine of its own."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(folder)
        job.env.update(env)
        try:
            for step in steps:
                job.step(step)
        finally:
            job.end()
    print(f"{name}: {len(steps)} steps", flush=True)


def main():
    workflow = yaml.safe_load((EXAMPLES / "ci/github-actions.yml").read_text())
    for name, job in workflow["jobs"].items():
        steps = [step["run"] for step in job["steps"]
                 if "run" in step and step["name"] != "Install coffer"]
        run(f"github-actions.yml, {name}", steps)
    pipeline = yaml.safe_load((EXAMPLES / "ci/gitlab-ci.yml").read_text())
    for name, job in pipeline.items():
        run(f"gitlab-ci.yml, {name}", job["before_script"] + job["script"])
    container = json.loads((EXAMPLES / "ci/devcontainer/devcontainer.json").read_text())
    use = "python secrets_of_users.py"
    run("devcontainer.json", [container["postStartCommand"], use], container["containerEnv"])


if __name__ == "__main__":
    main()
