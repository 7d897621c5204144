"""An access token of a provider that accepts each refresh token once, for any number of workers.

The tokens are one secret, a JSON text with `access`, `refresh` and `expires_at`. `exchange` takes a
refresh token to the provider, and gives such a dictionary back.
"""

import json
import random
import time

import stripe

LEASE = "/v1/apps/secrets/lease"


def access_token(client, exchange, name="oauth", user=None, account=None, patience=90):
    """The access token, refreshed by one worker of all that ask at the same time."""
    scope = {"type": "user", "user": user} if user else {"type": "account"}
    place = {"name": name, "scope": scope}
    options = {"stripe_account": account} if account else {}
    give_up = time.monotonic() + patience
    while True:
        found = client.v1.apps.secrets.find({**place, "expand": ["payload"]}, options)
        tokens = json.loads(found.payload)
        if tokens["expires_at"] > time.time() + 60:
            return tokens["access"]
        version = found.last_response.headers["Coffer-Version"]
        try:
            # From here on the refresh token of this version is this worker's alone.
            lease = client.raw_request(
                "post", LEASE, **place, ttl=30, spend="true",
                headers={"Coffer-If-Version": version}, **options)
        except stripe.StripeError as error:
            # Another worker is at it, or was faster: what it stores is read in a moment.
            if error.http_status != 409 or time.monotonic() > give_up:
                raise
            time.sleep(random.uniform(0.05, 0.5))
            continue
        tokens = exchange(tokens["refresh"])
        client.v1.apps.secrets.create(
            {**place, "payload": json.dumps(tokens)},
            {**options, "headers": {"Coffer-Lease": lease.data["token"]}})
        return tokens["access"]
