"""Runs the steps of the files in `examples/ci`, as far as a shell can.

Coffer is checked out where a step says so, and is installed from there: `cargo` and `rustup` are
stand-ins that hold what they are told against that checkout, and put the binary that is tested
where cargo would put its own. The part `install` of the test run has cargo really do it.
`COFFER_BIN` is the binary; the interpreter that runs this has what the suite needs.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
# How long a step may take, in seconds, on a machine that is busy with other work.
PATIENCE = 300

RUSTUP = """#!/bin/sh
case "$*" in
"toolchain install {rust} --profile minimal") ;;
*) echo "rustup: $*" >&2; exit 1 ;;
esac
"""

CARGO = """#!/bin/sh
[ "$1 $2 $3 $4 $6 $7" = "+{rust} install --locked --path --profile start" ] && [ $# = 7 ] ||
    {{ echo "cargo: $*" >&2; exit 1; }}
grep -qx 'name = "coffer"' "$5/Cargo.toml" || {{ echo "$5 is no package coffer" >&2; exit 1; }}
grep -qx '\\[profile.start\\]' "$5/../../Cargo.toml" || {{ echo "no profile start" >&2; exit 1; }}
mkdir -p "$HOME/.cargo/bin" && ln -s '{binary}' "$HOME/.cargo/bin/coffer"
"""


def rust():
    """The version of Rust that Coffer is built with."""
    return re.search(r'^rust-version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]


class Job:
    """A machine of a CI system: a copy of the suite, variables that steps leave, and processes
    that end with it."""

    def __init__(self, folder):
        self.suite = Path(folder) / "suite"
        self.suite.mkdir()
        # The loop around a lease is copied beside the app, as its users do.
        lease = ROOT / "docs/examples/refresh.py"
        for source in [lease, *(EXAMPLES / "python").glob("*.*")]:
            (self.suite / source.name).write_bytes(source.read_bytes())
        self.programs = Path(folder) / "bin"
        self.programs.mkdir()
        self.program("python", f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
        names = {"rust": rust(), "binary": os.environ["COFFER_BIN"]}
        self.program("rustup", RUSTUP.format(**names))
        self.program("cargo", CARGO.format(**names))
        self.left = Path(folder) / "env"
        self.left.touch()
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("COFFER_", "STRIPE_"))}
        # Where cargo puts what it installs is on the path of these machines.
        installed = Path(folder) / ".cargo/bin"
        self.env = {**kept, "HOME": folder, "GITHUB_ENV": str(self.left), "RUNNER_TEMP": folder,
                    "PATH": f"{self.programs}:{installed}:{os.environ['PATH']}",
                    "PYTHONDONTWRITEBYTECODE": "1"}
        self.started = []

    def program(self, name, text):
        """Puts a program on the path."""
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def has_coffer(self):
        """The binary is there already, as in an image that has it."""
        (self.programs / "coffer").symlink_to(os.environ["COFFER_BIN"])

    def check_out(self, path):
        """A checkout of Coffer, as the step of that name makes one."""
        (self.suite / path).symlink_to(ROOT)

    def step(self, script):
        """Runs one step; what it starts in the background goes on."""
        left = dict(line.split("=", 1) for line in self.left.read_text().splitlines())
        shell = subprocess.Popen(["bash", "-e", "-c", script], cwd=self.suite,
                                 env={**self.env, **left}, start_new_session=True)
        self.started.append(shell.pid)
        code = shell.wait(timeout=PATIENCE)
        if code:
            raise SystemExit(f"it ended with {code}: {script}")

    def end(self):
        """Ends what steps have left running."""
        for group in self.started:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                pass


def run(name, steps, env=(), has_coffer=False):
    """Runs the steps of one job on a machine of its own: scripts, or paths of checkouts."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(folder)
        job.env.update(env)
        if has_coffer:
            job.has_coffer()
        try:
            for step in steps:
                if isinstance(step, Path):
                    job.check_out(step)
                else:
                    job.step(step)
        finally:
            job.end()
    print(f"{name}: {len(steps)} steps", flush=True)


def of_workflow(step):
    """A step of a workflow: its script, or the path of its checkout."""
    if "run" in step:
        return step["run"]
    assert step["uses"] == "actions/checkout@v4", step
    if "with" not in step:
        return Path(".")
    assert step["with"]["repository"] == "${{ vars.REPOSITORY_OF_COFFER }}", step
    return Path(step["with"]["path"])


def without_comments(text):
    """JSON as devcontainers have it, without the lines that are comments."""
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("//"))


def main():
    workflow = yaml.safe_load((EXAMPLES / "ci/github-actions.yml").read_text())
    for name, job in workflow["jobs"].items():
        steps = [step for step in map(of_workflow, job["steps"]) if step != Path(".")]
        run(f"github-actions.yml, {name}", steps)
    pipeline = yaml.safe_load((EXAMPLES / "ci/gitlab-ci.yml").read_text())
    for name, job in pipeline.items():
        run(f"gitlab-ci.yml, {name}", job["before_script"] + job["script"], has_coffer=True)
    text = (EXAMPLES / "ci/devcontainer/devcontainer.json").read_text()
    container = json.loads(without_comments(text))
    steps = [container["onCreateCommand"], container["postStartCommand"],
             "python secrets_of_users.py"]
    env = {**container["containerEnv"], "REPOSITORY_OF_COFFER": f"file://{ROOT}"}
    run("devcontainer.json", steps, env)


if __name__ == "__main__":
    main()
