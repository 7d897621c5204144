"""The checks that matter to the asynchronous calls of Stripe's Python SDK."""

import asyncio

import stripe

import checks
from checks import (ACCOUNT, BASE, CHARGES, DELIVERY, KEY, MERCHANT, PLANS, equal, in_an_hour,
                    user)


def client(key=KEY):
    return stripe.StripeClient(key, base_addresses={"api": BASE},
                               http_client=stripe.HTTPXClient())


secrets = client().v1.apps.secrets
ON_MERCHANT = {"stripe_account": MERCHANT}


async def create(name, payload="value", scope=ACCOUNT, options=None, **more):
    params = {"name": name, "payload": payload, "scope": scope, **more}
    return await secrets.create_async(params, options or {})


async def find(name, scope=ACCOUNT, options=None):
    params = {"name": name, "scope": scope, "expand": ["payload"]}
    return (await secrets.find_async(params, options or {})).payload


async def fails(error, http, param, call):
    """Whether a call fails with the client's error of this class, status and parameter."""
    try:
        await call
    except error as refused:
        equal((refused.http_status, getattr(refused, "param", None)), (http, param))
    else:
        raise AssertionError("the call did not fail")


async def check_set():
    secret = await create("set")
    equal((secret.object, secret.name, secret.livemode), ("apps.secret", "set", False))
    equal("payload" in secret, False)


async def check_replace():
    first = await create("replace")
    equal((await create("replace", "newer")).id, first.id)
    equal(await find("replace"), "newer")


async def check_find():
    names = [f"find {number}" for number in range(8)]
    await asyncio.gather(*(create(name, name, user(name)) for name in names))
    found = await asyncio.gather(*(find(name, user(name)) for name in names))
    equal(found, names)


async def check_expiry():
    at = in_an_hour()
    equal((await create("expiry", expires_at=at)).expires_at, at)


async def check_user():
    await create("user", "the account's")
    await create("user", "Ada's", user("ada"))
    seen = await find("user"), await find("user", user("ada"))
    equal(seen, ("the account's", "Ada's"))


async def check_pages():
    names = [f"page {number}" for number in range(7)]
    for name in names:
        await create(name, scope=user("pages"))
    listed = await secrets.list_async({"scope": user("pages"), "limit": 3})
    equal([secret.name async for secret in listed.auto_paging_iter()], names[::-1])


async def check_delete():
    await create("delete")
    gone = await secrets.delete_where_async({"name": "delete", "scope": ACCOUNT})
    equal(gone.deleted, True)
    await fails(stripe.InvalidRequestError, 404, "name", find("delete"))


async def check_account():
    await create("account", "the app's")
    await create("account", "the merchant's", options=ON_MERCHANT)
    seen = await find("account"), await find("account", options=ON_MERCHANT)
    equal(seen, ("the app's", "the merchant's"))


async def check_replay():
    once = {"idempotency_key": "replay"}
    first = await create("replay", "first", options=once)
    await create("replay", "second")
    equal((await create("replay", "first", options=once)).id, first.id)
    equal(await find("replay"), "second")


async def check_reuse():
    once = {"idempotency_key": "reuse"}
    await create("reuse", options=once)
    await fails(stripe.IdempotencyError, 400, None, create("reuse", "other", options=once))


async def check_not_found():
    await fails(stripe.InvalidRequestError, 404, "name", find("never set"))


async def check_invalid():
    planet = create("x", scope={"type": "planet"})
    await fails(stripe.InvalidRequestError, 400, "scope[type]", planet)


async def check_bad_key():
    stranger = client(KEY[:-4] + "AAAA").v1.apps.secrets
    call = stranger.find_async({"name": "x", "scope": ACCOUNT})
    await fails(stripe.AuthenticationError, 401, None, call)


async def check_balance():
    balance = await client().v1.balance.retrieve_async({}, ON_MERCHANT)
    pending = {each.currency: each.amount for each in balance.pending}
    equal(pending, {"usd": sum(1000 + number for number in range(CHARGES))})


async def check_transactions():
    service = client().v1.balance_transactions
    listed = await service.list_async({"limit": 3}, ON_MERCHANT)
    amounts = [each.amount async for each in listed.auto_paging_iter()]
    equal(amounts, [1000 + number for number in range(CHARGES)][::-1])


async def check_events():
    service = client().v1.events
    listed = await service.list_async({"limit": 3}, ON_MERCHANT)
    ids = [event.id async for event in listed.auto_paging_iter()]
    # One of each plan, and that of the install.
    equal(len(set(ids)), PLANS + 1)
    event = await service.retrieve_async(ids[0], {}, ON_MERCHANT)
    equal((event.id, event.object), (ids[0], "event"))


async def check_webhook():
    """Nothing of it waits; the newest style of the call is the client's own."""
    body, signature = DELIVERY["body"], DELIVERY["signature"]
    for secret in DELIVERY["secrets"]:
        event = client().construct_event(body, signature, secret)
        equal((event.object, event.type), ("event", "reserve.plan.created"))
    try:
        client().construct_event(body, signature, DELIVERY["secrets"][0] + "x")
    except stripe.SignatureVerificationError:
        return
    raise AssertionError("a wrong secret verifies")


def alone(check):
    """A check as a call that waits for it; the client's connections belong to one loop."""
    return lambda: LOOP.run_until_complete(check())


LOOP = asyncio.new_event_loop()

if __name__ == "__main__":
    named = {name: globals()["check_" + name.replace(" ", "_")] for name in checks.CHECKS}
    checks.run({name: alone(check) for name, check in named.items()})
