"""Keeps a token for each user of an account that has installed the app.

    coffer dev -- python examples/python/secrets_of_users.py
"""

import os
import time

import stripe

client = stripe.StripeClient(os.environ["STRIPE_API_KEY"], max_network_retries=2,
                             base_addresses={"api": os.environ["STRIPE_API_BASE"]})
secrets = client.v1.apps.secrets
acme = {"stripe_account": "acct_acme"}


def scope(user):
    """The scope of one user: no other user's token can be read by mistake."""
    return {"type": "user", "user": user}


for user in ["usr_1", "usr_2"]:
    secrets.create({"name": "oauth", "payload": f"token of {user}", "scope": scope(user),
                    "expires_at": int(time.time()) + 3600}, acme)
found = secrets.find({"name": "oauth", "scope": scope("usr_1"), "expand": ["payload"]}, acme)
print(found.payload)
for secret in secrets.list({"scope": scope("usr_2")}, acme).auto_paging_iter():
    print(secret.name, secret.scope.user)
