"""The part of Stripe's own OpenAPI description that this server speaks."""

import json
from pathlib import Path

# What the description has of the server: reserves are not in it, and an ephemeral key is another
# thing there.
PATHS = ["/v1/apps/secrets", "/v1/apps/secrets/find", "/v1/apps/secrets/delete", "/v1/balance",
         "/v1/balance_transactions", "/v1/balance_transactions/{id}", "/v1/events",
         "/v1/events/{id}"]
# Where the npm package has it.
FILE = "node_modules/client/api/stripe.com.json"


def read(folder):
    """The description with these paths only, and with only the schemas that they lead to."""
    whole = json.loads((Path(folder) / FILE).read_text())
    paths = {path: whole["paths"][path] for path in PATHS}
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
