"""What every client is checked for, and how a program says what it saw."""

import json
import os
import time
import traceback

# The checks in the order of the table, with what each means.
CHECKS = {
    "set": "a secret is set and shown without its payload",
    "replace": "setting it again keeps its id, and the newer payload is found",
    "find": "it is found, with its payload if that is expanded",
    "expiry": "its expiry is stored and shown as a number",
    "user": "a user's scope is apart from the account's",
    "pages": "the client's own iterator walks secrets of many pages, each once, the newest first",
    "delete": "it is deleted, and not found any more",
    "account": "a connected account's secrets are apart from the app's own",
    "replay": "the same idempotency key answers the same object and sets nothing",
    "reuse": "an idempotency key with other parameters is the client's idempotency error",
    "not found": "what is missing is the client's own error with status 404 and its parameter",
    "invalid": "a refused parameter is the client's own error with status 400 and its parameter",
    "bad key": "a wrong key is the client's authentication error",
    "balance": "the balance has its currencies and amounts",
    "transactions": "balance transactions are walked over many pages",
    "events": "events are walked over many pages, and one is read by its id",
    "webhook": "a delivery is verified by both secrets while one is rolled, and by no other",
}

BASE = os.environ.get("COFFER_BASE", "")
KEY = os.environ.get("COFFER_KEY", "")
MERCHANT = os.environ.get("COFFER_MERCHANT", "")
CHARGES = int(os.environ.get("COFFER_CHARGES", "0"))
PLANS = int(os.environ.get("COFFER_PLANS", "0"))
# A delivery that was made while its endpoint's secret was rolled: body, signature, secrets.
DELIVERY = json.loads(os.environ.get("COFFER_DELIVERY", "{}"))
ACCOUNT = {"type": "account"}


def user(name):
    """The scope of one user."""
    return {"type": "user", "user": name}


def in_an_hour():
    """An expiry that does not pass while the checks run."""
    return int(time.time()) + 3600


def report(check, passed, seen=""):
    """Says on a line of its own what a check saw."""
    print(json.dumps({"check": check, "passed": passed, "seen": seen}), flush=True)


def equal(seen, expected):
    """Fails, with both, unless they are equal."""
    assert seen == expected, f"{seen!r}, not {expected!r}"


def run(functions):
    """Runs checks, each of which says by an exception that it failed."""
    for check, function in functions.items():
        try:
            function()
        except Exception as error:
            report(check, False, "".join(traceback.format_exception_only(error)).strip())
        else:
            report(check, True)
