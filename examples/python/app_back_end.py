"""The back end of a Stripe App whose users connect their accounts at another provider.

The app's front end signs what it sends with `fetchStripeSignature`. Each user's tokens are one
secret of that user's scope, and one request of all that come at once refreshes them, whether they
come to this process or to another. test_app_back_end.py runs it, with a provider.

    PROVIDER_URL=https://… STRIPE_APP_SECRET=absec_… PORT=3000 \\
        coffer dev -- python examples/python/app_back_end.py
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import stripe

sys.path.insert(0, str(Path(__file__).parents[2] / "docs/examples"))
import refresh  # The loop around a lease: copy it beside your app.


class Provider:
    """Whose API the app calls for its users. It takes each refresh token once."""

    def __init__(self, url):
        self.url = url

    def tokens(self, **grant):
        """The tokens for a code or a refresh token, as they are kept."""
        request = urllib.request.Request(
            self.url + "/token", urllib.parse.urlencode(grant).encode())
        with urllib.request.urlopen(request, timeout=20) as answer:
            told = json.load(answer)
        return {"access": told["access_token"], "refresh": told["refresh_token"],
                "expires_at": time.time() + told["expires_in"]}

    def refreshed(self, token):
        return self.tokens(grant_type="refresh_token", refresh_token=token)

    def contacts(self, access):
        request = urllib.request.Request(
            self.url + "/contacts", headers={"Authorization": f"Bearer {access}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


class App:
    """What the app does for one user of one account."""

    def __init__(self, client, provider, signing_secret):
        self.client = client
        self.provider = provider
        self.signing_secret = signing_secret
        self.paths = {"/connect": self.connect, "/contacts": self.contacts,
                      "/disconnect": self.disconnect}

    def connect(self, call):
        """Takes the code with which the provider has sent the user back."""
        tokens = self.provider.tokens(grant_type="authorization_code", code=call["code"])
        self.client.v1.apps.secrets.create(
            {**place(call), "payload": json.dumps(tokens)}, account(call))
        return {"connected": True}

    def contacts(self, call):
        access = refresh.access_token(self.client, self.provider.refreshed,
                                      user=call["user_id"], account=call["account_id"])
        return self.provider.contacts(access)

    def disconnect(self, call):
        self.client.v1.apps.secrets.delete_where(place(call), account(call))
        return {"connected": False}

    def answer(self, path, body, signature):
        """The status and the answer to what the front end sends."""
        if path not in self.paths:
            return 404, {"error": "no such path"}
        try:
            # Only after this is it known that Stripe has named the user and the account.
            stripe.WebhookSignature.verify_header(body, signature, self.signing_secret)
            return 200, self.paths[path](json.loads(body))
        except stripe.SignatureVerificationError:
            return 401, {"error": "the signature is not the app's"}
        except stripe.InvalidRequestError as error:
            if error.code != "resource_missing":
                raise
            return 404, {"error": "connect first"}
        except urllib.error.HTTPError as error:
            # A refresh token that the provider has withdrawn: the user signs in again.
            return 502, {"error": f"the provider answers {error.code}"}


def place(call):
    return {"name": "oauth", "scope": {"type": "user", "user": call["user_id"]}}


def account(call):
    return {"stripe_account": call["account_id"]}


def server(app, port=0):
    """A server for the app's front end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            signature = self.headers.get("Stripe-Signature", "")
            try:
                status, told = app.answer(self.path, body, signature)
            except Exception as error:
                self.log_error("%s: %s", self.path, type(error).__name__)
                status, told = 500, {"error": "try again"}
            told = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_request(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    secrets = stripe.StripeClient(os.environ["STRIPE_API_KEY"], max_network_retries=2,
                                  base_addresses={"api": os.environ["STRIPE_API_BASE"]})
    app = App(secrets, Provider(os.environ["PROVIDER_URL"]), os.environ["STRIPE_APP_SECRET"])
    server(app, int(os.environ.get("PORT", "3000"))).serve_forever()
