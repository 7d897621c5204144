"""A platform and its connected account in developer mode, and the calls that no SDK has."""

import itertools

import server

DAY = 86_400
NEWEST = "2026-10-28.endive"
# The versions just before and just after each change that reserves went through.
BEFORE_DESTINATION, WITH_DESTINATION = "2026-09-29.dahlia", "2026-09-30.endive"
BEFORE_DETAILS, WITH_DETAILS = "2026-06-23.dahlia", "2026-06-24.dahlia"
WITH_DISABLING, WITHOUT_DISABLING = "2025-12-15.preview", "2026-01-28.clover"

HOLDS = "/v1/reserve/holds"
PLANS = "/v1/reserve/plans"
RELEASES = "/v1/reserve/releases"

_numbers = itertools.count()
_developer = None


def developer():
    """The developer's server that the tests of reserves use."""
    global _developer
    if _developer is None:
        _developer = server.Server(developer=True)
    return _developer


class Platform:
    """A key and an account of its own on a server whose clock can be moved."""

    def __init__(self):
        number = next(_numbers)
        self.account = f"acct_merchant{number}"
        self.key = f"sk_test_platform{number}"
        self.client = developer().client(self.key, stripe_account=self.account)

    def post(self, path, **params):
        """A raw request that writes, and the object that it answers."""
        return self.client.raw_request("post", path, **params).data

    def get(self, path, **options):
        return self.client.raw_request("get", path, **options).data

    def now(self):
        """The server's time."""
        return self.get("/v1/test_helpers/clock")["now"]

    def advance(self, **how):
        """Moves the clock, and with it everything that falls due."""
        return self.post("/v1/test_helpers/clock/advance", **how)["now"]

    def charge(self, name, amount=10_000, **more):
        return self.post("/v1/ledger/charges", id=name, amount=amount,
                         **{"currency": "usd", **more})

    def rolling(self, percent=15, days=30, **more):
        """A plan that holds a share of each charge for some days."""
        return self.post(PLANS, percent=percent, type="rolling_release",
                         rolling_release={"days_after_charge": days}, **more)

    def hold(self, amount=1000, days=10, **more):
        """A hold that no plan made."""
        schedule = {"release_after": self.now() + days * DAY}
        return self.post(HOLDS, amount=amount, release_schedule=schedule,
                         **{"currency": "usd", **more})

    def release(self, hold, **more):
        return self.post(RELEASES, reserve_hold=hold, **more)

    def disable(self, plan, **options):
        return self.post(f"{PLANS}/{plan}/disable", **options)

    def draining(self):
        """What a plan shows that is being emptied: in the oldest version, and in the newest.

        It is emptied in the background, every few seconds, so a moment may be missed.
        """
        for _ in range(10):
            plan = self.rolling()["id"]
            told = self.disable(plan, stripe_version=WITH_DISABLING)
            older = self.get(f"{PLANS}/{plan}", stripe_version=WITH_DISABLING)
            newest = self.get(f"{PLANS}/{plan}", stripe_version=NEWEST)
            again = self.get(f"{PLANS}/{plan}", stripe_version=WITH_DISABLING)
            if again == older == told:
                return older, newest
        raise AssertionError("no plan was seen while it was emptied")


def midnight_after(time):
    return (time // DAY + 1) * DAY
