"""The checks that Stripe's command line can make: its raw requests and its fixtures."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import checks
from checks import ACCOUNT, BASE, CHARGES, KEY, MERCHANT, PLANS, equal

PLATFORMS = Path(os.environ["COFFER_CLIENT"]) / "node_modules/@stripe"
PROGRAM = next(PLATFORMS.glob("cli-*/bin/stripe"))


def stripe(*words, key=KEY):
    """Runs the command line; what it printed."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "STRIPE_API_KEY": key,
               "STRIPE_CLI_TELEMETRY_OPTOUT": "1", "NO_COLOR": "1"}
        at = ["--api-base", BASE, "--color", "off"]
        ended = subprocess.run([PROGRAM, *words, *at], env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                               timeout=300)
    return ended.stdout.decode()


def shown(*words, **how):
    """The object that the command line prints."""
    printed = stripe(*words, **how)
    start = printed.find("{")
    assert start >= 0, printed
    return json.loads(printed[start:printed.rindex("}") + 1])


def form(**params):
    """Parameters as the command line takes them."""
    return [word for name, value in params.items() for word in ("-d", f"{name}={value}")]


def scoped(name, **more):
    return form(**{"name": name, "scope[type]": "account", **more})


def check_set():
    secret = shown("post", "/v1/apps/secrets", *scoped("set", payload="value"))
    equal((secret["object"], secret["name"]), ("apps.secret", "set"))
    equal("payload" in secret, False)


def check_find():
    shown("post", "/v1/apps/secrets", *scoped("find", payload="value"))
    words = scoped("find", **{"expand[]": "payload"})
    equal(shown("get", "/v1/apps/secrets/find", *words)["payload"], "value")


def check_delete():
    shown("post", "/v1/apps/secrets", *scoped("delete", payload="value"))
    equal(shown("post", "/v1/apps/secrets/delete", *scoped("delete"))["deleted"], True)
    refused = shown("get", "/v1/apps/secrets/find", *scoped("delete"))["error"]
    equal((refused["type"], refused["param"]), ("invalid_request_error", "name"))


def check_account():
    on = ["--stripe-account", MERCHANT]
    shown("post", "/v1/apps/secrets", *scoped("account", payload="the merchant's"), *on)
    words = scoped("account", **{"expand[]": "payload"})
    equal(shown("get", "/v1/apps/secrets/find", *words, *on)["payload"], "the merchant's")
    assert "error" in shown("get", "/v1/apps/secrets/find", *words)


def check_replay():
    words = [*scoped("replay", payload="value"), "--idempotency", "cli replay"]
    first, again = (shown("post", "/v1/apps/secrets", *words) for _ in range(2))
    equal(first, again)


def check_bad_key():
    refused = stripe("get", "/v1/balance", key=KEY[:-4] + "AAAA")
    assert "Invalid API Key" in refused, refused


def check_balance():
    balance = shown("get", "/v1/balance", "--stripe-account", MERCHANT)
    amounts = [each["amount"] for each in balance["pending"]]
    equal(amounts, [sum(1000 + number for number in range(CHARGES))])


def check_transactions():
    listed = shown("get", "/v1/balance_transactions", "--limit", "3", "--stripe-account", MERCHANT)
    equal((len(listed["data"]), listed["has_more"]), (3, True))


def check_events():
    listed = shown("get", "/v1/events", "--stripe-account", MERCHANT)
    # One of each plan, and that of the install.
    equal(len(listed["data"]), PLANS + 1)


def check_fixtures():
    """A file of requests, in which a later one uses what an earlier one answered."""
    steps = [
        {"name": "made", "path": "/v1/apps/secrets", "method": "post",
         "params": {"name": "fixture", "payload": "value", "scope": ACCOUNT}},
        {"name": "copied", "path": "/v1/apps/secrets", "method": "post",
         "params": {"name": "of ${made:name}", "payload": "${made:id}", "scope": ACCOUNT}},
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"_meta": {"template_version": 0}, "fixtures": steps}, file)
        file.flush()
        printed = stripe("fixtures", file.name)
    words = scoped("of fixture", **{"expand[]": "payload"})
    found = shown("get", "/v1/apps/secrets/find", *words)
    assert found.get("payload", "").startswith("appsecret_"), printed


if __name__ == "__main__":
    names = ["set", "find", "delete", "account", "replay", "bad key", "balance", "transactions",
             "events", "fixtures"]
    checks.run({name: globals()["check_" + name.replace(" ", "_")] for name in names})
