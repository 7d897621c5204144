"""A real Prometheus scrapes a running server, and evaluates all rules and panels over it.

The binary is in COFFER_BIN; `prometheus` and `promtool` are on the path. It also checks the scrape
with promtool's linter and the rules with their unit tests.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

# How long anything may take, in seconds, on a machine that is busy with other work.
PATIENCE = 300
DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "coffer.rules.yml"
BOARD = DEPLOY / "grafana" / "coffer.json"


def free_port():
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(look, what):
    """What `look` answers, once it answers anything."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise RuntimeError(f"waited in vain for {what}")


def get(url):
    """The body at `url`; nothing while nobody listens there."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{url}: {error.code} {error.read().decode()}") from error
    except OSError:
        return None


def promtool(*arguments, text=None):
    """Runs promtool, which must find nothing wrong."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
    if done.returncode != 0:
        raise RuntimeError(f"promtool {arguments[0]} {arguments[1]}: {done.stdout}")


def expressions():
    """The expressions of all panels, as the dashboard asks them."""
    board = json.loads(BOARD.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m") \
                .replace("$instance", ".*").replace("$currency", ".*")


def serve(home, port):
    """A server whose metrics are on `port`."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("COFFER_")}
    plain |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"),
              "COFFER_DATA_DIR": str(home / "data")}
    coffer = os.environ["COFFER_BIN"]
    subprocess.run([coffer, "init"], env=plain, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=PATIENCE)
    log = (home / "coffer.log").open("wb")
    return subprocess.Popen([coffer, "serve", "--listen", "127.0.0.1:0", "--metrics-listen",
                             f"127.0.0.1:{port}"], env=plain, stderr=log)


def scraper(home, target, port):
    """A Prometheus that scrapes `target` every second, with the rules of this repository."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    text = text.replace("15s", "1s").replace("coffer.rules.yml", str(RULES))
    text = text.replace("127.0.0.1:4748", f"127.0.0.1:{target}")
    configuration = home / "prometheus.yml"
    configuration.write_text(text)
    log = (home / "prometheus.log").open("wb")
    return subprocess.Popen(["prometheus", f"--config.file={configuration}",
                             f"--storage.tsdb.path={home / 'tsdb'}",
                             f"--web.listen-address=127.0.0.1:{port}"],
                            stdout=log, stderr=subprocess.STDOUT)


def query(port, expression):
    """What an expression gives now."""
    asked = urllib.parse.urlencode({"query": expression})
    answer = get(f"http://127.0.0.1:{port}/api/v1/query?{asked}")
    return json.loads(answer)["data"]["result"] if answer else []


def rules(port):
    """All rules, once each was evaluated."""
    answer = json.loads(get(f"http://127.0.0.1:{port}/api/v1/rules") or "{}")
    groups = answer.get("data", {}).get("groups", [])
    found = [rule for group in groups for rule in group["rules"]]
    return found if found and all(rule["health"] != "unknown" for rule in found) else None


def check(home):
    """Runs both, and asks everything."""
    target, port = free_port(), free_port()
    running = [serve(home, target)]
    try:
        text = until(lambda: get(f"http://127.0.0.1:{target}/metrics"), "the server's metrics")
        promtool("check", "metrics", text=text)
        running.append(scraper(home, target, port))
        up = f'up{{job="coffer",instance="127.0.0.1:{target}"}} == 1'
        until(lambda: query(port, up), "a scrape")
        found = until(lambda: rules(port), "the rules")
        bad = [(rule["name"], rule.get("lastError")) for rule in found if rule["health"] != "ok"]
        assert not bad, bad
        names = re.findall(r"alert: (\w+)", RULES.read_text())
        assert [rule["name"] for rule in found] == names, found
        firing = [rule["name"] for rule in found if rule["state"] == "firing"]
        assert not firing, f"on a healthy server: {firing}"
        panels = list(expressions())
        for title, expression in panels:
            query(port, expression)
        return len(names), len(panels)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(PATIENCE)


def main():
    promtool("check", "rules", RULES)
    promtool("test", "rules", *sorted(RULES.parent.glob("*.test.yml")))
    with tempfile.TemporaryDirectory() as home:
        alerts, panels = check(Path(home))
    print(f"{alerts} rules and {panels} panels evaluate over a running server's figures")


if __name__ == "__main__":
    sys.exit(main())
