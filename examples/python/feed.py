"""Feeds a ledger with an account's balance transactions of the last 40 days.

    ACCOUNT=acct_1 coffer dev -- python examples/python/feed.py

STRIPE_READ_KEY is a key at Stripe that may read balance transactions with their sources.
"""

import json
import os
import time
import urllib.request

import stripe

DAY = 86_400
account = os.environ["ACCOUNT"]
# Stripe itself, unless a test says another address.
address = os.environ.get("STRIPE_READ_URL")
there = stripe.StripeClient(os.environ["STRIPE_READ_KEY"], max_network_retries=5,
                            base_addresses={"api": address} if address else None)


def tell(path, body, kind):
    """Tells Coffer something of the account. What was told before changes nothing."""
    headers = {"Authorization": f"Bearer {os.environ['COFFER_API_KEY']}",
               "Stripe-Account": account, "Content-Type": kind}
    request = urllib.request.Request(os.environ["COFFER_URL"] + path, body.encode(), headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


tell("/v1/ledger/settings", "intake=transactions", "application/x-www-form-urlencoded")
params = {"limit": 100, "expand": ["data.source"],
          "created": {"gte": int(time.time()) - 40 * DAY}}
recorded = 0
while True:
    page = there.v1.balance_transactions.list(params, {"stripe_account": account})
    # The page as it came: Coffer reads of it what a ledger needs.
    told = tell("/v1/ledger/transactions/import", page.last_response.body, "application/json")
    recorded += told["recorded"]
    for refusal in told["refusals"]:
        print(f"{refusal['id']} is not told: {refusal['message']}")
    if not page.has_more:
        break
    params["starting_after"] = page.data[-1].id
print(f"{recorded} transactions")
