"""Every answer against Stripe's own OpenAPI description, at several versions of the API.

It is read strictly: an answer may not have a field that the description does not know.
"""

import os
import urllib.error
import urllib.parse
import urllib.request
import json

import jsonschema

import checks
import description
from checks import BASE, KEY, MERCHANT

# No version, an old one, one of each train that changed something here, and the newest.
VERSIONS = [None, "2022-11-15", "2024-06-20", "2025-09-30.clover", "2026-06-24.dahlia",
            "2026-10-28.endive"]


def strict(schema, schemas):
    """A schema of the description as plain JSON Schema that allows no further field."""
    if isinstance(schema, list):
        return [strict(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: strict(value, schemas) for name, value in schema.items()
             if name != "nullable" and not name.startswith("x-")}
    if "properties" in plain and "additionalProperties" not in plain:
        plain["additionalProperties"] = False
    if schema.get("nullable"):
        plain = {"anyOf": [plain, {"type": "null"}]}
    return plain


def call(method, path, version, **params):
    """One request: the status and the object."""
    form = urllib.parse.urlencode(params)
    url = f"{BASE}{path}" + (f"?{form}" if method == "get" and form else "")
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Account": MERCHANT}
    if version:
        headers["Stripe-Version"] = version
    data = form.encode() if method == "post" else None
    request = urllib.request.Request(url, data, headers, method=method.upper())
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


SCOPE = {"scope[type]": "account"}
SECRET = {"name": "token", **SCOPE}


def requests(path, method, ids):
    """What is asked of an operation: first the request that succeeds, then those that fail."""
    known = {
        ("/v1/apps/secrets", "get"): [{**SCOPE, "expand[]": "data.payload"}, SCOPE, {}],
        ("/v1/apps/secrets", "post"): [
            {**SECRET, "payload": "value", "expires_at": checks.in_an_hour()},
            {**SECRET, "payload": "value", "expand[]": "payload"}, SECRET],
        ("/v1/apps/secrets/find", "get"): [
            {**SECRET, "expand[]": "payload"}, SECRET, {**SCOPE, "name": "never set"}],
        ("/v1/apps/secrets/delete", "post"): [SECRET, {**SCOPE, "name": "never set"}],
        ("/v1/balance", "get"): [{}, {"unknown": "parameter"}],
        ("/v1/balance_transactions", "get"): [{"limit": 3}, {"created[gte]": "yesterday"}],
        ("/v1/events", "get"): [{"limit": 3}, {"type": "reserve.plan.created"}, {"limit": "many"}],
    }
    if "{id}" in path:
        listed = path.removesuffix("/{id}")
        return [(f"{listed}/{ids[listed]}", {}), (f"{listed}/no_such_thing", {})]
    return [(path, params) for params in known[path, method]]


def faults(path, method, operation, ids, validators):
    """What the answers of one operation have that the description does not allow."""
    for version in VERSIONS:
        if path in {"/v1/apps/secrets/find", "/v1/apps/secrets/delete"}:
            call("post", "/v1/apps/secrets", version, **SECRET, payload="value")
        for number, (url, params) in enumerate(requests(path, method, ids)):
            status, answer = call(method, url, version, **params)
            if number == 0 and status != 200:
                yield f"{version}: {url} {params} answers {status}"
            of = "200" if status == 200 else "default"
            content = operation["responses"][of]["content"]["application/json"]["schema"]
            for error in validators(content).iter_errors(answer):
                where = "/".join(map(str, error.absolute_path))
                yield f"{version}: {status} {where}: {error.message[:200]}"


def main():
    described = description.read(os.environ["COFFER_CLIENT"], only=description.WHOLE)
    schemas = described["components"]["schemas"]
    components = {name: strict(schema, schemas) for name, schema in schemas.items()}

    def validators(schema):
        whole = {**strict(schema, schemas), "components": {"schemas": components}}
        return jsonschema.Draft4Validator(whole)

    ids = {path: call("get", path, None, limit=1)[1]["data"][0]["id"]
           for path in ("/v1/balance_transactions", "/v1/events")}
    for path, method, operation in description.operations(described):
        seen = sorted(set(faults(path, method, operation, ids, validators)))
        checks.report(f"{method.upper()} {path}", not seen, "; ".join(seen[:4]))


if __name__ == "__main__":
    main()
