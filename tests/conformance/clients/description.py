"""The part of Stripe's own OpenAPI description that this server speaks."""

import json
import os
import re
import subprocess
from pathlib import Path

# An ephemeral key is another thing there.
ANOTHER_THING = ["/v1/ephemeral_keys"]
# What the families answer that this server has for Stripe's: of an account or an endpoint it has
# some of the fields only, and `stripe-description.md` says which.
WHOLE = ["/v1/apps/secrets", "/v1/apps/secrets/find", "/v1/apps/secrets/delete", "/v1/balance",
         "/v1/balance_transactions", "/v1/balance_transactions/{id}", "/v1/events",
         "/v1/events/{id}"]
# Where the npm package has it.
FILE = "node_modules/client/api/stripe.com.json"


def own():
    """The server's description of itself."""
    # The variables of this run are no settings of the program's.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COFFER_")}
    printed = subprocess.run([os.environ["COFFER_BIN"], "openapi"], check=True, env=env,
                             capture_output=True)
    return json.loads(printed.stdout)


def shape(path):
    """A path whatever its open segments are called."""
    return re.sub(r"{\w+}", "{}", path)


def read(folder, ours=None, only=None):
    """The description with what the server has too (of `only` these paths), under the server's
    names for open segments, and with only the schemas that this leads to."""
    whole = json.loads((Path(folder) / FILE).read_text())
    theirs = {shape(path): methods for path, methods in whole["paths"].items()}
    paths = {}
    for path, methods in (ours or own())["paths"].items():
        both = methods.keys() & theirs.get(shape(path), {}).keys()
        if only and path not in only:
            continue
        if both and not path.startswith(tuple(ANOTHER_THING)):
            known = theirs[shape(path)]
            paths[path] = {method: known[method] for method in known if method in both}
    schemas, wanted = {}, list(references(paths))
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = whole["components"]["schemas"][name]
            wanted.extend(references(schemas[name]))
    return {**whole, "paths": paths, "components": {**whole["components"], "schemas": schemas}}


def references(part):
    """The names of the schemas to which a part of the description refers."""
    if isinstance(part, list):
        for each in part:
            yield from references(each)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value.removeprefix("#/components/schemas/")
            else:
                yield from references(value)


def operations(description):
    """Its operations: path, method, operation."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation
