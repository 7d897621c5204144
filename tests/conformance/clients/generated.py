"""Requests that schemathesis generates from Stripe's own OpenAPI description.

Whatever it sends, no answer is a fault of the server, each has the type of content and the shape
that the description gives it. The requests are the same in each run.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import checks
import description
from checks import BASE, KEY, MERCHANT

# How many requests are generated for each operation.
EXAMPLES = "25"
PROGRAM = Path(os.environ["COFFER_CLIENT"]) / "bin/schemathesis"
PROVED = "not_a_server_error,content_type_conformance,response_schema_conformance"


def run(file, operation):
    """Runs one operation's requests; what was found, or nothing."""
    words = ["run", file, "--url", BASE, "--include-operation-id", operation,
             "-H", f"Authorization: Bearer {KEY}", "-H", f"Stripe-Account: {MERCHANT}",
             "--checks", PROVED, "--max-examples", EXAMPLES, "--seed", "1", "--workers", "1",
             "--suppress-health-check", "all", "--no-color", "--generation-database", "none"]
    # It keeps notes in the current directory.
    ended = subprocess.run([sys.executable, PROGRAM, *words], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False, timeout=600,
                           cwd=file.parent)
    return "" if ended.returncode == 0 else ended.stdout.decode()[-1500:]


def main():
    folder = os.environ["COFFER_DESCRIPTION"]
    described = description.read(folder, only=description.WHOLE)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "description.json"
        file.write_text(json.dumps(described))
        for path, method, operation in description.operations(described):
            seen = run(file, operation["operationId"])
            checks.report(f"{method.upper()} {path}", not seen, seen)


if __name__ == "__main__":
    main()
