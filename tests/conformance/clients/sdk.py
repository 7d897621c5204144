"""The checks with Stripe's Python SDK in its module style, which all of its versions have."""

import stripe

import checks
from checks import (ACCOUNT, BASE, CHARGES, DELIVERY, KEY, MERCHANT, PLANS, equal, in_an_hour,
                    user)

stripe.api_base = BASE
stripe.api_key = KEY
Secret = stripe.apps.Secret
# The classes of errors were below this module until the eighth version.
errors = stripe if hasattr(stripe, "InvalidRequestError") else stripe.error


def create(name, payload="value", scope=ACCOUNT, **more):
    return Secret.create(name=name, payload=payload, scope=scope, **more)


def find(name, scope=ACCOUNT, **more):
    return Secret.find(name=name, scope=scope, expand=["payload"], **more).payload


def fails(error, http, param, function, *args, **kwargs):
    """Whether a call fails with the client's error of this class, status and parameter."""
    try:
        function(*args, **kwargs)
    except error as refused:
        equal((refused.http_status, getattr(refused, "param", None)), (http, param))
    else:
        raise AssertionError("the call did not fail")


def check_set():
    secret = create("set")
    equal((secret.object, secret.name, secret.livemode), ("apps.secret", "set", False))
    equal("payload" in secret, False)


def check_replace():
    first = create("replace")
    equal(create("replace", "newer").id, first.id)
    equal(find("replace"), "newer")


def check_find():
    create("find")
    equal(find("find"), "value")
    equal("payload" in Secret.find(name="find", scope=ACCOUNT), False)


def check_expiry():
    at = in_an_hour()
    equal(create("expiry", expires_at=at).expires_at, at)
    equal(create("expiry").expires_at, None)


def check_user():
    create("user", "the account's")
    create("user", "Ada's", user("ada"))
    equal((find("user"), find("user", user("ada"))), ("the account's", "Ada's"))


def check_pages():
    names = [f"page {number}" for number in range(7)]
    for name in names:
        create(name, scope=user("pages"))
    listed = Secret.list(scope=user("pages"), limit=3)
    equal([secret.name for secret in listed.auto_paging_iter()], names[::-1])


def check_delete():
    create("delete")
    equal(Secret.delete_where(name="delete", scope=ACCOUNT).deleted, True)
    fails(errors.InvalidRequestError, 404, "name", find, "delete")


def check_account():
    create("account", "the app's")
    create("account", "the merchant's", stripe_account=MERCHANT)
    seen = find("account"), find("account", stripe_account=MERCHANT)
    equal(seen, ("the app's", "the merchant's"))


def check_replay():
    first = create("replay", "first", idempotency_key="replay")
    create("replay", "second")
    equal(create("replay", "first", idempotency_key="replay").id, first.id)
    equal(find("replay"), "second")


def check_reuse():
    create("reuse", idempotency_key="reuse")
    refused = errors.IdempotencyError
    fails(refused, 400, None, create, "reuse", "other", idempotency_key="reuse")


def check_not_found():
    fails(errors.InvalidRequestError, 404, "name", find, "never set")


def check_invalid():
    fails(errors.InvalidRequestError, 400, "scope[type]", create, "x", scope={"type": "planet"})


def check_bad_key():
    wrong = KEY[:-4] + "AAAA"
    fails(errors.AuthenticationError, 401, None, find, "x", api_key=wrong)


def check_balance():
    balance = stripe.Balance.retrieve(stripe_account=MERCHANT)
    pending = {each.currency: each.amount for each in balance.pending}
    equal(pending, {"usd": sum(1000 + number for number in range(CHARGES))})


def check_transactions():
    listed = stripe.BalanceTransaction.list(limit=3, stripe_account=MERCHANT)
    amounts = [each.amount for each in listed.auto_paging_iter()]
    equal(amounts, [1000 + number for number in range(CHARGES)][::-1])


def check_events():
    listed = stripe.Event.list(limit=3, stripe_account=MERCHANT)
    ids = [event.id for event in listed.auto_paging_iter()]
    # One of each plan, and that of the install.
    equal(len(set(ids)), PLANS + 1)
    event = stripe.Event.retrieve(ids[0], stripe_account=MERCHANT)
    equal((event.id, event.object), (ids[0], "event"))


def construct(secret):
    return stripe.Webhook.construct_event(DELIVERY["body"], DELIVERY["signature"], secret)


def check_webhook():
    for secret in DELIVERY["secrets"]:
        event = construct(secret)
        equal((event.object, event.type), ("event", "reserve.plan.created"))
    try:
        construct(DELIVERY["secrets"][0] + "x")
    except errors.SignatureVerificationError:
        return
    raise AssertionError("a wrong secret verifies")


if __name__ == "__main__":
    checks.run({name: globals()["check_" + name.replace(" ", "_")] for name in checks.CHECKS})
