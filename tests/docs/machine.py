"""A machine for one page: directories, ports, a server that was installed, and the shell."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

COFFER = os.environ["COFFER_BIN"]
# Seconds that a page may take on a busy machine.
PATIENCE = 180

SYSTEMCTL = '''#!/bin/sh
# Plays `systemctl` for the one unit that there is.
case "$1" in enable) verb=start ;; *) verb=$1 ;; esac
running() { test -s "$MACHINE/pid" && kill -0 "$(cat "$MACHINE/pid")" 2> /dev/null; }
start() {
    if test -e "$MACHINE/etc/coffer/root.key"; then
        mkdir -p "$MACHINE/credentials"
        cp "$MACHINE/etc/coffer/root.key" "$MACHINE/credentials/coffer-root"
        CREDENTIALS_DIRECTORY=$MACHINE/credentials
        export CREDENTIALS_DIRECTORY
    fi
    COFFER_DATA_DIR=$MACHINE/var/lib/coffer setsid coffer serve \\
        --config "$MACHINE/etc/coffer/coffer.toml" >> "$MACHINE/log" 2>&1 < /dev/null &
    echo $! > "$MACHINE/pid"
    python3 "$MACHINE/wait.py" "$MACHINE/pid" "$PORT" || { cat "$MACHINE/log" >&2; exit 1; }
}
stop() {
    running || return 0
    kill "$(cat "$MACHINE/pid")"
    while running; do sleep 0.02; done
}
case "$verb" in
    start) start ;;
    stop) stop ;;
    restart) stop; start ;;
    reload) kill -HUP "$(cat "$MACHINE/pid")"; sleep 0.3 ;;
    *) exit 2 ;;
esac
'''

CHMOD = '''#!/bin/sh
[ "$1" != 640 ] || { shift; set -- 600 "$@"; }
exec /bin/chmod "$@"
'''

WAIT = '''import os, socket, sys, time
pid, port = int(open(sys.argv[1]).read()), int(sys.argv[2])
for _ in range(1200):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        sys.exit(0)
    except OSError:
        time.sleep(0.05)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        sys.exit("the server has ended")
sys.exit("the server does not listen")
'''


def free_port():
    """A port that nobody has at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Machine:
    """Directories and programs of one page."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = {str(port): str(free_port()) for port in (4747, 4748, 4749)}
        self.groups = []
        for name in ("etc/coffer", "var/lib", "mnt/elsewhere", "mnt/backups",
                     "mnt/vault", "home", "bin", "work", "out"):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        (folder / "wait.py").write_text(WAIT)
        self.program("systemctl", SYSTEMCTL)
        self.program("sudo", '#!/bin/sh\nexec "$@"\n')
        self.program("chown", "#!/bin/sh\n")
        self.program("chgrp", "#!/bin/sh\n")
        # What root gives to a group to read is one's own here, unless one is root.
        if os.geteuid() != 0:
            self.program("chmod", CHMOD)
        self.program("journalctl", '#!/bin/sh\ncat "$MACHINE/log"\n')
        self.program("python3", f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n")
        (folder / "bin/coffer").symlink_to(Path(COFFER).resolve())
        listen = f'listen = "127.0.0.1:{self.ports["4747"]}"\n'
        (folder / "etc/coffer/coffer.toml").write_text(listen)
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("COFFER_", "STRIPE_", "XDG_"))}
        self.env = {
            **kept,
            "MACHINE": str(folder), "PORT": self.ports["4747"], "HOME": str(folder / "home"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_CONFIG_HOME": str(folder / "etc"), "XDG_CACHE_HOME": str(folder / "home/cache"),
        }
        if "COFFER_NODE_MODULES" in os.environ:
            self.env["NODE_PATH"] = os.environ["COFFER_NODE_MODULES"]

    def program(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pid = self.folder / "pid"
        servers = [int(pid.read_text())] if pid.exists() else []
        for group in self.groups + servers:
            try:
                os.killpg(group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass

    def rewrite(self, text):
        """The paths and ports of a page as they are here."""
        for path in ("/etc/coffer", "/var/lib/coffer", "/mnt/"):
            text = text.replace(path, f"{self.folder}{path}")
        for port, here in self.ports.items():
            text = text.replace(port, here)
        return text

    def coffer(self, *words, **more):
        """What a command prints, as JSON."""
        done = subprocess.run([COFFER, *words, "--format", "json"], env=self.env, cwd=self.folder,
                              capture_output=True, text=True, timeout=PATIENCE, **more)
        if done.returncode:
            raise SystemExit(f"coffer {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout else None

    def install(self):
        """A server with an app on `acct_acme`, which keeps `token` there."""
        with (self.folder / "etc/coffer/coffer.toml").open("a") as file:
            file.write(f'data_dir = "{self.folder}/var/lib/coffer"\n')
        self.env["COFFER_CONFIG"] = str(self.folder / "etc/coffer/coffer.toml")
        self.env["COFFER_URL"] = f"http://127.0.0.1:{self.ports['4747']}"
        made = self.coffer("init", "--app", "my-app")
        self.env["COFFER_ADMIN_KEY"] = made["admin_key"]
        self.env["COFFER_API_KEY"] = made["test_key"]
        subprocess.run([self.folder / "bin/systemctl", "start", "coffer"], env=self.env, check=True,
                       timeout=PATIENCE)
        self.coffer("accounts", "create", "--id", "acct_acme")
        app = self.coffer("apps", "list")["data"][0]["id"]
        self.coffer("installs", "create", "--app", app, "--account", "acct_acme")
        self.coffer("secrets", "set", "token", "--account", "acct_acme", input="hunter2")

    def run(self, page):
        """Runs a page; what was wrong, if anything was."""
        if page.kind == "server":
            self.install()
        out = self.folder / "out"
        script = ["set -eu"]
        for number, step in enumerate(page.steps):
            script += [f"exec > '{out}/{number}'", self.rewrite(step.script())]
        path = self.folder / "script.sh"
        path.write_text("\n".join(script))
        command = ["sh", str(path)]
        if page.kind == "developer":
            command = [COFFER, "dev", "--port", self.ports["4747"], "--temporary", "--", *command]
        said = self.folder / "said"
        with said.open("w") as errors:
            shell = subprocess.Popen(command, cwd=self.folder / "work", env=self.env,
                                     stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                     start_new_session=True)
        self.groups.append(shell.pid)
        try:
            code = shell.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = "no end"
        return self.judge(page, code, said.read_text())

    def judge(self, page, code, said):
        out = self.folder / "out"
        begun = [step for number, step in enumerate(page.steps) if (out / str(number)).exists()]
        if code != 0 or len(begun) < len(page.steps):
            last = begun[-1] if begun else None
            printed = (out / str(len(begun) - 1)).read_text() if begun else ""
            place = f"the block at line {last.line}" if last else "the beginning"
            return f"{place} ended with {code}\n{last.text if last else ''}\n{printed}\n{said}"
        for number, step in enumerate(page.steps):
            printed = (out / str(number)).read_text()
            if not step.is_met(printed, self.rewrite):
                return f"line {step.line} printed\n{printed}\nand not\n{step.expected}"
        return None
