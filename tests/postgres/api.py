"""Coffer's API by plain HTTP: a client library would hide answers and repeat requests."""

import base64
import http.client
import json
import time
import urllib.parse
from collections import namedtuple

# A request must be answered within this time, whatever happens to the database and however busy the
# machine is, in seconds: the server gives up after 60.
PATIENCE = 90

# A secret's place: a user's scope, and a name in it.
Place = namedtuple("Place", "user name")


class Answer:
    """What came back: `seconds` is how long it took."""

    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    @property
    def may_be_repeated(self):
        """Whether the server says that repeating the request is right."""
        return self.headers.get("Stripe-Should-Retry") == "true"

    @property
    def is_replayed(self):
        """Whether this is the kept answer to an earlier request with the same key."""
        return self.headers.get("Idempotent-Replayed") == "true"

    @property
    def request(self):
        """The request's id, under which the audit log has what it did."""
        return self.headers.get("Request-Id")

    @property
    def code(self):
        """The error's code, if it is an error that has one."""
        return self.body.get("error", {}).get("code")

    def __str__(self):
        error = self.body.get("error", {})
        retry = self.headers.get("Stripe-Should-Retry")
        return f"{self.status} {self.code} (retry: {retry}) {error.get('message', '')}"


class Api:
    """One key's calls to one server, for the key's own account or another one."""

    def __init__(self, server, key, account=None):
        self.port = server.port
        basic = base64.b64encode(f"{key}:".encode()).decode()
        self.headers = {"Authorization": f"Basic {basic}"}
        if account:
            self.headers["Stripe-Account"] = account

    def call(self, method, path, params=None, key=None):
        """One request on a connection of its own. `key` is its idempotency key."""
        headers = dict(self.headers)
        if key:
            headers["Idempotency-Key"] = key
        form, body = urllib.parse.urlencode(params or {}), None
        if method == "POST":
            body = form
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif form:
            path += "?" + form
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2 * PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            document = json.loads(answer.read())
        finally:
            connection.close()
        return Answer(answer.status, answer.headers, document, time.monotonic() - began)

    def set(self, place, payload, key=None, **more):
        """Sets a secret."""
        params = {**where(place), "payload": payload, **more}
        return self.call("POST", "/v1/apps/secrets", params, key)

    def delete(self, place, key=None):
        """Deletes a secret."""
        return self.call("POST", "/v1/apps/secrets/delete", where(place), key)

    def find(self, place):
        """Finds a secret with its payload."""
        params = {**where(place), "expand[]": "payload"}
        return self.call("GET", "/v1/apps/secrets/find", params)

    def list(self, user):
        """All secrets of a user's scope: there are at most ten."""
        params = {"scope[type]": "user", "scope[user]": user, "expand[]": "data.payload"}
        return self.call("GET", "/v1/apps/secrets", params)


def where(place):
    """The parameters that name a place."""
    return {"name": place.name, "scope[type]": "user", "scope[user]": place.user}


def succeeds(call, within=PATIENCE):
    """Repeats a call until it succeeds, or its time is over, and gives the last answer."""
    end = time.monotonic() + within
    answer = call()
    while answer.status != 200 and time.monotonic() < end:
        time.sleep(0.1)
        answer = call()
    return answer
