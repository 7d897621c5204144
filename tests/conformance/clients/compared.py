"""The server's description beside Stripe's own, for the operations that both have.

Writes `docs/reference/stripe-description.md`, a line for each difference, and fails if the page was
not so before.
"""

import os
from pathlib import Path

import checks
import description

PAGE = Path(__file__).parents[3] / "docs/reference/stripe-description.md"

HEAD = """# Stripe's description

Coffer's own description (`coffer openapi`) beside Stripe's, for the operations that both have, as
`cargo xtask test --only conformance/clients` has compared them: parameters, whether they are
required, and the fields of a success. The test fails if this page is out of date. Stripe's public
description does not have Reserves; these follow Stripe's documents, as [the
wire](../wire/reserves.md) says. What behaves otherwise although it looks the same is
[there](../compatibility.md).

`not described by Stripe` is what Coffer takes or answers beside it, `not in Coffer` the reverse.

| operation | where | what | difference |
|---|---|---|---|
"""

def resolved(whole, schema):
    """A schema without the reference at its top, and without alternatives to null."""
    while "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        schema = whole["components"]["schemas"][name]
    return schema


def flat(whole, schema, name=""):
    """The bracket names in a schema of parameters, each with whether it is required."""
    schema = resolved(whole, schema)
    found = {}
    for part in schema.get("anyOf", []) or [schema]:
        part = resolved(whole, part)
        for key, inner in part.get("properties", {}).items():
            path = f"{name}[{key}]" if name else key
            found[path] = key in part.get("required", [])
            found.update(flat(whole, inner, path))
    return found


def parameters(whole, operation):
    """What an operation takes, besides headers and the path."""
    found = {}
    for each in operation.get("parameters", []):
        if "$ref" in each:
            each = whole["components"]["parameters"][each["$ref"].rsplit("/", 1)[1]]
        if each["in"] == "query":
            found[each["name"]] = each.get("required", False)
            found.update(flat(whole, each["schema"], each["name"]))
    body = operation.get("requestBody", {}).get("content", {})
    for content in body.values():
        found.update(flat(whole, content["schema"]))
    return found


def fields(whole, operation):
    """The fields of a success, those of a list's objects for a list."""
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    schema = resolved(whole, schema)
    data = schema.get("properties", {}).get("data")
    if data is not None and "items" in data:
        schema = resolved(whole, data["items"])
        if "anyOf" in schema:
            schema = resolved(whole, schema["anyOf"][0])
    return set(schema.get("properties", {}))


def differences(ours, theirs, mine, stripes):
    """The lines of one operation."""
    own, other = parameters(ours, mine), parameters(theirs, stripes)
    for name in sorted(own.keys() | other.keys()):
        if name not in other:
            yield "parameter", name, "not described by Stripe"
        elif name not in own:
            yield "parameter", name, "not in Coffer"
        elif own[name] != other[name]:
            yield "parameter", name, "required" if own[name] else "required by Stripe only"
    own, other = fields(ours, mine), fields(theirs, stripes)
    for name in sorted(own ^ other):
        yield "answer", name, "not described by Stripe" if name in own else "not in Coffer"


def main():
    ours = description.own()
    theirs = description.read(os.environ["COFFER_CLIENT"], ours)
    for path, method, mine in description.operations(ours):
        # Reserves are Stripe's, and not in its public description.
        known = method in theirs["paths"].get(path, {}) or path.startswith("/v1/reserve/")
        origin = "stripe" if known else "extension"
        checks.report(f"{method.upper()} {path} is described as {origin}",
                      mine["x-coffer-origin"] == origin, mine["x-coffer-origin"])
    lines = []
    for path, method, stripes in description.operations(theirs):
        mine = ours["paths"][path][method]
        for where, what, difference in differences(ours, theirs, mine, stripes):
            lines.append(f"| `{method.upper()} {path}` | {where} | `{what}` | {difference} |\n")
    text = HEAD + "".join(lines)
    before = PAGE.read_text() if PAGE.exists() else ""
    PAGE.write_text(text)
    checks.report(PAGE.name, text == before, "it is written anew: commit it")


if __name__ == "__main__":
    main()
