"""Requests that schemathesis generates from the server's own OpenAPI description.

Whatever it sends, right or wrong, with any kind of key: no answer is a fault of the server, and
each has a status, a type of content and a shape that the description declares. The requests are the
same in each run, against a server of developer mode that is there for them only.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import checks

# How many requests are generated for each operation, besides those that try each bound.
EXAMPLES = "4"
PROGRAM = Path(os.environ["COFFER_CLIENT"]) / "bin/schemathesis"
PROVED = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_schema_conformance")
# What would leave the other requests nothing to meet: an operator's emergency stop.
LEFT_OUT = ["admin.keyring.seal"]


def server(folder):
    """A server, and the variables by which it is reached."""
    ready = Path(folder) / "ready"
    words = ["dev", "--port", "0", "--exit-with-parent", "--data-dir", Path(folder) / "data",
             "--print-env", "--ready-file", ready, "--log-level", "error"]
    # The variables of this run are no settings of the program's.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COFFER_")}
    process = subprocess.Popen([os.environ["COFFER_BIN"], *words], stdout=subprocess.PIPE, env=env)
    lines = [process.stdout.readline().decode().strip() for _ in range(9)]
    return process, dict(line.split("=", 1) for line in lines)


def run(folder, url, key, pattern):
    """Sends generated requests to the operations whose path fits; what was found, or nothing."""
    words = ["run", Path(folder) / "openapi.json", "--url", url, "--include-path-regex", pattern,
             *[word for name in LEFT_OUT for word in ("--exclude-operation-id", name)],
             "-H", f"Authorization: Bearer {key}", "--phases", "examples,coverage,fuzzing",
             "--checks", PROVED, "--max-examples", EXAMPLES, "--seed", "1", "--workers", "2",
             "--suppress-health-check", "all", "--no-color", "--generation-database", "none"]
    ended = subprocess.run([sys.executable, PROGRAM, *words], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False, timeout=800, cwd=folder)
    said = ended.stdout.decode()
    # What was found stands before a long summary.
    return "" if ended.returncode == 0 else said[max(said.find("= FAILURES ="), 0):][:4000]


def main():
    with tempfile.TemporaryDirectory() as folder:
        process, env = server(folder)
        try:
            url = env["COFFER_URL"]
            with urllib.request.urlopen(f"{url}/openapi.json") as response:
                whole = json.load(response)
            # It asks for faults, some of which are no answer at all.
            del whole["components"]["parameters"]["Coffer-Simulate"]
            for methods in whole["paths"].values():
                for operation in methods.values():
                    operation["parameters"] = [one for one in operation.get("parameters", [])
                                               if not one.get("$ref", "").endswith("-Simulate")]
            (Path(folder) / "openapi.json").write_text(json.dumps(whole))
            for name, key, pattern in [
                    ("operations of apps", env["COFFER_API_KEY"], "^/v1/(?!admin/)"),
                    ("operations of operators", env["COFFER_ADMIN_KEY"], "^/v1/admin/"),
                    ("a key that is none", "nonsense", "^/v1/(apps/secrets|admin/apps)$")]:
                seen = run(folder, url, key, pattern)
                checks.report(name, not seen, seen)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
