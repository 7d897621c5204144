"""The back end of app_back_end.py, with a provider that forgives nothing."""

import hmac
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import app_back_end

SIGNING_SECRET = "absec_example"


class FakeProvider(ThreadingHTTPServer):
    """Gives a code's user a pair of tokens, and another pair for each refresh token, once."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        # By user: how often it was refreshed, and whether a token came a second time.
        self.refreshed, self.revoked = {}, set()

    def tokens(self, form):
        if form["grant_type"] == "authorization_code":
            self.refreshed[form["code"]] = 0
            return form["code"], 0, 1  # It expires at once: the first use refreshes.
        user, number = form["refresh_token"].split("-")
        if int(number) != self.refreshed[user] or user in self.revoked:
            self.revoked.add(user)
            return None
        self.refreshed[user] += 1
        return user, self.refreshed[user], 3600


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.server.lock:
            made = self.server.tokens(dict(urllib.parse.parse_qsl(form)))
        if made is None:
            return self.say(400, {"error": "invalid_grant"})
        user, number, lifetime = made
        self.say(200, {"access_token": f"{user}-{number}", "refresh_token": f"{user}-{number}",
                       "expires_in": lifetime})

    def do_GET(self):
        user = self.headers["Authorization"].removeprefix("Bearer ").split("-")[0]
        self.say(200, {"contacts": [f"a contact of {user}"]})

    def say(self, status, told):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(told).encode())

    def log_request(self, *_):
        pass


@pytest.fixture
def provider():
    with serving(FakeProvider()) as running:
        yield running


@pytest.fixture
def back_end(coffer, provider):
    app = app_back_end.App(coffer, app_back_end.Provider(address(provider)), SIGNING_SECRET)
    with serving(app_back_end.server(app)) as running:
        yield lambda *call, **more: front_end(address(running), *call, **more)


class serving:
    def __init__(self, server):
        self.server = server

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.server

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def address(server):
    return f"http://127.0.0.1:{server.server_port}"


def front_end(url, path, user, secret=SIGNING_SECRET, **call):
    """What the app's front end does, with the signature of `fetchStripeSignature`."""
    body = json.dumps({**call, "user_id": user, "account_id": "acct_acme"})
    now = int(time.time())
    signature = hmac.digest(secret.encode(), f"{now}.{body}".encode(), "sha256").hex()
    request = urllib.request.Request(url + path, body.encode(),
                                     {"Stripe-Signature": f"t={now},v1={signature}"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_many_requests_refresh_each_users_token_once(back_end, provider):
    users = ["usr_1", "usr_2"]
    for user in users:
        assert back_end("/connect", user, code=user) == (200, {"connected": True})
    with ThreadPoolExecutor(12) as workers:
        asked = {user: [workers.submit(back_end, "/contacts", user) for _ in range(6)]
                 for user in users}
        for user, answers in asked.items():
            for one in answers:
                assert one.result() == (200, {"contacts": [f"a contact of {user}"]})
    assert provider.refreshed == {"usr_1": 1, "usr_2": 1}
    assert not provider.revoked


def test_whom_stripe_has_not_named_gets_nothing(back_end):
    assert back_end("/connect", "usr_1", code="usr_1")[0] == 200
    assert back_end("/contacts", "usr_1", secret="absec_other")[0] == 401


def test_a_user_connects_again_after_the_provider_has_withdrawn_the_token(back_end, provider):
    assert back_end("/contacts", "usr_1") == (404, {"error": "connect first"})
    assert back_end("/connect", "usr_1", code="usr_1")[0] == 200
    provider.revoked.add("usr_1")
    assert back_end("/contacts", "usr_1") == (502, {"error": "the provider answers 400"})
    provider.revoked.clear()
    assert back_end("/connect", "usr_1", code="usr_1")[0] == 200
    assert back_end("/contacts", "usr_1")[0] == 200
    assert back_end("/disconnect", "usr_1")[0] == 200
    assert back_end("/contacts", "usr_1")[0] == 404
