"""Reserves and the ledger with the SDK as it is generally available.

It has types and events for reserves and no methods, so whatever writes is a raw request.
"""

import unittest

import stripe

import reserves
import server
from reserves import DAY, HOLDS, PLANS, RELEASES, midnight_after


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.platform = reserves.Platform()
        self.client = self.platform.client
        self.post, self.get = self.platform.post, self.platform.get

    def refused(self, path, http=400, code=None, param=None, **params):
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.post(path, **params)
        error = caught.exception
        self.assertEqual((error.http_status, error.code, error.param), (http, code, param))
        return error

    def typed(self, response):
        """The SDK's own object for a raw answer."""
        return self.client.deserialize(response, api_mode="V1")

    def standing(self):
        """Payments pending and available, in US dollars."""
        balance = self.client.v1.balance.retrieve()
        sides = (balance.pending, balance.available)
        return [sum(each.amount for each in side if each.currency == "usd") for side in sides]

    def amounts(self, path):
        return [each["amount"] for each in self.get(path)["data"]]

    def events(self, **params):
        """Types of events, the oldest first."""
        pages = self.client.v1.events.list({"limit": 3, **params})
        return [event.type for event in pages.auto_paging_iter()][::-1]


class Intake(Case):
    """What the processor did, told by its own ids."""

    def test_charges_and_their_late_fees(self):
        charge = self.platform.charge("ch_1", source_transfer="tr_1", application_fee=1000)
        created = charge["created"]
        self.assertEqual(charge, {
            "id": "ch_1", "object": "ledger.charge", "amount": 10_000, "amount_refunded": 0,
            "application_fee": 1000, "available_on": midnight_after(created) + DAY,
            "created": created, "currency": "usd", "disputed": False, "fee": 0,
            "livemode": False, "net": 9000, "refunded": False, "source_transfer": "tr_1",
            "source_type": "card", "status": "pending"})
        self.assertEqual(self.platform.charge("ch_1"), charge)
        self.refused("/v1/ledger/charges", param="amount", id="ch_1", amount=1, currency="usd")
        late = self.post("/v1/ledger/charges/ch_1", fee=320)
        self.assertEqual((late["fee"], late["net"]), (320, 8680))
        self.assertEqual(self.get("/v1/ledger/charges/ch_1"), late)
        self.platform.charge("ch_2", 500, currency="eur")
        self.assertEqual(self.amounts("/v1/ledger/charges"), [500, 10_000])
        self.assertEqual(self.amounts("/v1/ledger/charges?currency=usd"), [10_000])
        self.assertEqual(self.standing(), [8680, 0])
        self.platform.advance(to=charge["available_on"])
        self.assertEqual(self.standing(), [0, 8680])
        self.assertEqual(self.get("/v1/ledger/charges/ch_1")["status"], "available")

    def test_refunds_that_succeed_and_fail(self):
        self.platform.charge("ch_1")
        refund = self.post("/v1/ledger/refunds", id="re_1", charge="ch_1", amount=3000)
        created = refund.pop("created")
        self.assertLessEqual(created, self.platform.now())
        self.assertEqual(refund, {
            "id": "re_1", "object": "ledger.refund", "amount": 3000, "charge": "ch_1",
            "currency": "usd", "drawn": 0, "failed_amount": 0, "livemode": False,
            "parked": False, "source_type": "card", "status": "succeeded"})
        self.assertEqual(self.standing(), [7000, 0])
        self.refused("/v1/ledger/refunds", code="resource_missing", param="charge",
                     id="re_2", charge="ch_2", amount=1)
        failed = self.post("/v1/ledger/refunds/re_1", status="failed")
        self.assertEqual(failed["status"], "failed")
        self.assertEqual(self.standing(), [10_000, 0])
        self.assertEqual(self.get("/v1/ledger/charges/ch_1")["amount_refunded"], 0)
        self.assertEqual(self.amounts("/v1/ledger/refunds?charge=ch_1"), [3000])
        # At another day's rate a refund may be more than its charge.
        self.post("/v1/ledger/refunds", id="re_2", charge="ch_1", amount=10_001)
        self.assertIs(self.get("/v1/ledger/charges/ch_1")["over_refunded"], True)

    def test_disputes_that_are_won_and_lost(self):
        self.platform.advance(to=self.platform.charge("ch_1", 20_000)["available_on"])
        for name in ("du_1", "du_2"):
            dispute = self.post("/v1/ledger/disputes", id=name, charge="ch_1", amount=5000,
                                fee=1500)
            self.assertEqual((dispute["status"], dispute["fee"]), ("open", 1500))
        self.assertEqual(self.standing(), [0, 7000])
        self.assertIs(self.get("/v1/ledger/charges/ch_1")["disputed"], True)
        won = self.post("/v1/ledger/disputes/du_1", status="won", fee_returned=True)
        self.assertEqual((won["status"], won["fee_returned"]), ("won", True))
        lost = self.post("/v1/ledger/disputes/du_2", status="lost")
        self.assertEqual((lost["status"], lost["fee_returned"]), ("lost", False))
        self.assertEqual(self.standing(), [0, 13_500])
        self.assertEqual(self.amounts("/v1/ledger/disputes?charge=ch_1"), [5000, 5000])

    def test_payouts_are_asked_for_or_told(self):
        self.platform.advance(to=self.platform.charge("ch_1")["available_on"])
        payout = {"id": "po_1", "amount": 6000, "currency": "usd"}
        self.assertEqual(self.post("/v1/ledger/payouts", **payout)["status"], "in_transit")
        self.assertEqual(self.post("/v1/ledger/payouts/po_1", status="paid")["status"], "paid")
        self.assertEqual(self.standing(), [0, 4000])
        more = {**payout, "id": "po_2"}
        self.refused("/v1/ledger/payouts", code="balance_insufficient", param="amount", **more)
        told = self.post("/v1/ledger/payouts", reported=True, **more)
        self.assertIs(told["reported"], True)
        self.assertEqual(self.standing(), [0, -2000])
        breach, = self.get("/v1/ledger/breaches")["data"]
        self.assertEqual((breach["payout"], breach["available_after"]), ("po_2", -2000))
        self.post("/v1/ledger/payouts/po_2", status="failed")
        self.assertEqual(self.standing(), [0, 4000])
        self.refused("/v1/ledger/payouts/po_2", param="status", status="paid")
        self.assertEqual(self.amounts("/v1/ledger/payouts?status=paid"), [6000])


class Reserves(Case):
    """Plans, holds and releases: made, changed, and ended."""

    def test_a_plan_holds_and_a_refund_draws(self):
        plan = self.platform.rolling(metadata={"why": "new"})
        charge = self.platform.charge("ch_1", fee=320)
        hold, = self.get(f"{HOLDS}?source_charge=ch_1")["data"]
        self.assertEqual((hold["amount"], hold["reserve_plan"]), (1452, plan["id"]))
        due = midnight_after(charge["created"] + 30 * DAY)
        self.assertEqual(hold["release_schedule"],
                         {"release_after": None, "scheduled_release": due})
        self.platform.advance(to=charge["available_on"])
        self.assertEqual(self.standing(), [0, 8228])
        refund = self.post("/v1/ledger/refunds", id="re_1", charge="ch_1", amount=3000)
        self.assertEqual((refund["drawn"], self.standing()), (1452, [0, 6680]))
        release, = self.get(RELEASES)["data"]
        self.assertEqual(release["source_transaction"], {"type": "refund", "refund": "re_1"})
        self.assertEqual(release["reason"], "hold_reversed")

    def test_plans_are_made_and_changed(self):
        after = self.platform.now() + 30 * DAY
        params = {"percent": 20, "type": "fixed_release", "currency": "usd",
                  "fixed_release": {"release_after": after}, "metadata": {"why": "new"}}
        response = self.client.raw_request("post", PLANS, **params)
        plan = self.typed(response)
        self.assertIsInstance(plan, stripe.reserve.Plan)
        self.assertEqual(plan.to_dict(), {
            "id": plan.id, "object": "reserve.plan", "created": plan.created,
            "created_by": "application", "currency": "usd", "destination": "risk_reserved",
            "disabled_at": None, "livemode": False, "metadata": {"why": "new"}, "percent": 20,
            "fixed_release": {"release_after": after, "scheduled_release": midnight_after(after)},
            "status": "active", "type": "fixed_release"})
        moved = self.post(f"{PLANS}/{plan.id}", percent=25, metadata={"why": ""},
                          fixed_release={"release_after": after + DAY})
        self.assertEqual((moved["percent"], moved["metadata"]), (25, {}))
        self.assertEqual(moved["fixed_release"]["release_after"], after + DAY)
        self.refused(f"{PLANS}/{plan.id}", code="parameter_unknown", param="rolling_release",
                     rolling_release={"days_after_charge": 9})
        rolling = self.platform.rolling()["id"]
        ends = self.post(f"{PLANS}/{rolling}", rolling_release={"expires_on": after})
        self.assertEqual(ends["rolling_release"], {"days_after_charge": 30, "expires_on": after})
        endless = self.post(f"{PLANS}/{rolling}", rolling_release={"expires_on": ""})
        self.assertIsNone(endless["rolling_release"]["expires_on"])
        manual = self.post(PLANS, percent=5, type="manual_release")
        self.assertEqual(manual["manual_release"], {})
        self.assertEqual([each["id"] for each in self.get(PLANS)["data"]],
                         [manual["id"], rolling, plan.id])

    def test_a_disabled_plan_gives_back_in_one_release(self):
        plan = self.platform.rolling()["id"]
        for name in ("ch_1", "ch_2"):
            self.platform.charge(name, fee=320)
        self.assertEqual(self.platform.disable(plan)["status"], "disabled")
        self.refused(f"{PLANS}/{plan}/disable")
        self.refused(f"{PLANS}/{plan}", percent=5)
        self.platform.advance(seconds=1)
        release, = self.get(f"{RELEASES}?reserve_plan={plan}")["data"]
        self.assertEqual((release["amount"], release["reason"]), (2904, "plan_disabled"))
        self.assertIsNone(release["reserve_hold"])
        holds = self.get(f"{HOLDS}?reserve_release={release['id']}")["data"]
        details = [{"amount": 1452, "reserve_release": release["id"]}]
        self.assertEqual([hold["release_details"] for hold in holds], [details, details])
        self.platform.charge("ch_3")
        self.assertEqual(len(self.get(HOLDS)["data"]), 2)

    def test_holds_are_made_and_moved(self):
        after = self.platform.now() + 10 * DAY
        params = {"amount": 1000, "currency": "usd", "source_type": "fpx",
                  "release_schedule": {"release_after": after}, "metadata": {"why": "new"}}
        hold = self.typed(self.client.raw_request("post", HOLDS, **params))
        self.assertIsInstance(hold, stripe.reserve.Hold)
        self.assertRegex(hold.id, r"^reshold_[A-Za-z0-9]{29}$")
        self.assertEqual(hold.to_dict(), {
            "id": hold.id, "object": "reserve.hold", "amount": 1000, "amount_releasable": 1000,
            "created": hold.created, "created_by": "application", "currency": "usd",
            "destination": "risk_reserved", "is_releasable": True, "livemode": False,
            "metadata": {"why": "new"}, "reason": "standalone", "release_details": [],
            "release_schedule": {"release_after": after,
                                 "scheduled_release": midnight_after(after)},
            "reserve_plan": None, "source_charge": None, "source_type": "fpx"})
        moved = self.post(f"{HOLDS}/{hold.id}", release_schedule={"release_after": after + DAY},
                          metadata={"by": "hand"})
        self.assertEqual(moved["release_schedule"]["release_after"], after + DAY)
        self.assertEqual(moved["metadata"], {"why": "new", "by": "hand"})
        late = {"release_schedule": {"release_after": hold.created + 181 * DAY}}
        self.refused(f"{HOLDS}/{hold.id}", param="release_schedule[release_after]", **late)
        self.refused(HOLDS, param="release_schedule[release_after]", amount=1, currency="usd",
                     **late)
        self.refused(HOLDS, code="parameter_missing", param="amount", currency="usd")
        self.refused(f"{HOLDS}/reshold_x", http=404, code="resource_missing", param="id",
                     metadata={"k": "v"})

    def test_holds_are_released_by_hand(self):
        hold = self.platform.hold()["id"]
        params = {"reserve_hold": hold, "amount": 300, "expand": ["reserve_hold"]}
        release = self.typed(self.client.raw_request("post", RELEASES, **params))
        self.assertIsInstance(release, stripe.reserve.Release)
        self.assertIsInstance(release.reserve_hold, stripe.reserve.Hold)
        self.assertEqual(release.reserve_hold.amount_releasable, 700)
        self.assertEqual((release.reason, release.created_by, release.destination),
                         ("hold_released_early", "application", "payments"))
        self.assertEqual(release.released_at, release.created)
        changed = self.post(f"{RELEASES}/{release.id}", metadata={"by": "hand"})
        self.assertEqual(changed["metadata"], {"by": "hand"})
        self.assertEqual(changed["reserve_hold"], hold)
        self.refused(RELEASES, param="amount", reserve_hold=hold, amount=701)
        self.refused(RELEASES, param="currency", reserve_hold=hold, currency="eur")
        self.refused(RELEASES, code="resource_missing", param="reserve_hold",
                     reserve_hold="reshold_x")
        self.assertEqual(self.platform.release(hold)["amount"], 700)
        self.refused(RELEASES, param="reserve_hold", reserve_hold=hold)
        self.assertEqual(self.amounts(f"{RELEASES}?reserve_hold={hold}"), [700, 300])

    def test_a_request_that_is_sent_again_is_done_once(self):
        options = {"idempotency_key": f"hold of {self.platform.account}"}
        after = self.platform.now() + 10 * DAY
        params = {"amount": 5, "currency": "usd", "release_schedule": {"release_after": after}}
        first, second = (self.client.raw_request("post", HOLDS, **params, **options)
                         for _ in range(2))
        self.assertEqual(first.data, second.data)
        self.assertEqual(second.headers["Idempotent-Replayed"], "true")
        self.assertEqual(self.amounts(HOLDS), [5])

    def test_time_passes(self):
        hold = self.platform.hold(days=3)
        rolling = self.platform.rolling(days=3, percent=10)["id"]
        after = self.platform.now() + 4 * DAY
        fixed = self.post(PLANS, percent=5, type="fixed_release",
                          fixed_release={"release_after": after})
        self.platform.charge("ch_1")
        due = hold["release_schedule"]["scheduled_release"]
        self.assertEqual(self.platform.advance(to=due - 60), due - 60)
        self.assertEqual(self.get(RELEASES)["data"], [])
        self.assertEqual(self.platform.advance(to=due), due)
        by_plan = {each["reserve_plan"]: each for each in self.get(RELEASES)["data"]}
        self.assertEqual({plan: each["amount"] for plan, each in by_plan.items()},
                         {None: 1000, rolling: 1000})
        self.assertEqual(by_plan[None]["reserve_hold"], hold["id"])
        self.assertTrue(all(each["reason"] == "hold_expired" for each in by_plan.values()))
        self.platform.advance(to=fixed["fixed_release"]["scheduled_release"])
        release = self.get(RELEASES)["data"][0]
        self.assertEqual((release["amount"], release["reserve_plan"]), (500, fixed["id"]))
        self.assertEqual(self.get(f"{PLANS}/{fixed['id']}")["status"], "expired")
        self.assertEqual(self.get(f"{PLANS}/{rolling}")["status"], "active")
        self.refused("/v1/test_helpers/clock/advance", param="to", to=due)


class Books(Case):
    """Balances, balance transactions and events, for which the SDK has methods."""

    def test_the_balance_has_what_can_be_paid_out(self):
        charge = self.platform.charge("ch_1")
        self.platform.charge("ch_2", 70, source_type="bank_account",
                             created=charge["created"], available_on=charge["created"])
        self.platform.charge("ch_3", 5, currency="eur")
        self.platform.hold(30)
        balance = self.client.v1.balance.retrieve()
        self.assertIsInstance(balance, stripe.Balance)
        shown = {each.currency: each.to_dict() for each in balance.available}
        self.assertEqual(shown["usd"], {"amount": 40, "currency": "usd",
                                        "source_types": {"bank_account": 70, "card": -30}})
        self.assertEqual(shown["eur"]["amount"], 0)
        self.assertEqual(self.standing(), [10_000, 40])
        self.assertNotIn("risk_reserved", balance.to_dict())
        reserved = self.client.v1.balance.retrieve(
            {}, {"stripe_version": "2026-10-14.preview"}).to_dict()["risk_reserved"]
        self.assertEqual({each["currency"]: each["amount"] for each in reserved["available"]},
                         {"usd": 30, "eur": 0})

    def test_balance_transactions_come_in_pairs(self):
        charge = self.platform.charge("ch_1", fee=320)
        hold = self.platform.hold()["id"]
        release = self.platform.release(hold)["id"]
        transactions = self.client.v1.balance_transactions
        for kind, source, sign in (("reserve_hold", hold, 1), ("reserve_release", release, -1)):
            pair = transactions.list({"source": source, "type": kind}).data
            self.assertEqual({each.balance_type: (each.amount, each.net) for each in pair},
                             {"payments": (-1000 * sign, -1000 * sign),
                              "risk_reserved": (1000 * sign, 1000 * sign)})
            self.assertTrue(all(each.reporting_category == kind for each in pair))
        one, = transactions.list({"source": "ch_1"}).data
        self.assertIsInstance(one, stripe.BalanceTransaction)
        self.assertEqual((one.amount, one.fee, one.net, one.status),
                         (10_000, 320, 9680, "pending"))
        self.assertEqual((one.type, one.available_on), ("charge", charge["available_on"]))
        fee, = one.fee_details
        self.assertEqual((fee.type, fee.amount), ("stripe_fee", 320))
        self.assertEqual(transactions.retrieve(one.id).to_dict(), one.to_dict())
        pages = transactions.list({"limit": 2}).auto_paging_iter()
        self.assertEqual([each.type for each in pages],
                         ["reserve_release"] * 2 + ["reserve_hold"] * 2 + ["charge"])
        newest = transactions.list({"created": {"gt": self.platform.now()}})
        self.assertEqual(newest.data, [])

    def test_payouts_have_their_transactions(self):
        self.platform.advance(to=self.platform.charge("ch_1")["available_on"])
        self.post("/v1/ledger/payouts", id="po_1", amount=10_000, currency="usd")
        self.post("/v1/ledger/payouts/po_1", status="canceled")
        listed = self.client.v1.balance_transactions.list({"payout": "po_1"}).data
        self.assertEqual([(each.type, each.amount) for each in listed],
                         [("payout_cancel", 10_000), ("payout", -10_000)])

    def test_events_tell_what_happened(self):
        plan = self.platform.rolling()["id"]
        self.post(f"{PLANS}/{plan}", percent=20)
        hold = self.platform.hold(days=3)["id"]
        self.platform.release(hold, amount=100)
        self.platform.disable(plan)
        self.platform.advance(seconds=1)
        self.assertEqual(self.events(type="reserve.*"), [
            "reserve.plan.created", "reserve.plan.updated", "reserve.hold.created",
            "reserve.release.created", "reserve.hold.updated", "reserve.plan.disabled"])
        updated, = self.client.v1.events.list({"types": ["reserve.plan.updated"]}).data
        self.assertIsInstance(updated, stripe.Event)
        self.assertIsInstance(updated.data.object, stripe.reserve.Plan)
        self.assertEqual((updated.data.object.id, updated.data.object.percent), (plan, 20))
        self.assertEqual(updated.data.previous_attributes.to_dict(), {"percent": 15})
        self.assertEqual(updated.account, self.platform.account)
        self.assertRegex(updated.request.id, "^req_")
        changed, = self.client.v1.events.list({"type": "reserve.hold.updated"}).data
        self.assertEqual(changed.data.previous_attributes["amount_releasable"], 1000)
        self.assertEqual(changed.data.object.amount_releasable, 900)
        disabled, = self.client.v1.events.list({"type": "reserve.plan.disabled"}).data
        self.assertIsNone(disabled.request.id)
        self.assertEqual(self.client.v1.events.retrieve(disabled.id).to_dict(),
                         disabled.to_dict())

    def test_what_the_clock_does_is_told(self):
        hold = self.platform.hold(days=3)
        after = self.platform.now() + 5 * DAY
        plan = self.post(PLANS, percent=10, type="fixed_release",
                         fixed_release={"release_after": after})["id"]
        self.platform.charge("ch_1")
        held, = self.get(f"{HOLDS}?reserve_plan={plan}")["data"]
        self.post(f"{PLANS}/{plan}", fixed_release={"release_after": after + DAY})
        self.platform.advance(seconds=1)
        moved, = self.client.v1.events.list({"type": "reserve.hold.updated"}).data
        self.assertEqual(moved.data.object.id, held["id"])
        self.assertEqual(moved.data.previous_attributes.to_dict(),
                         {"release_schedule": held["release_schedule"]})
        self.platform.advance(to=hold["release_schedule"]["scheduled_release"])
        release, = self.client.v1.events.list({"type": "reserve.release.created"}).data
        self.assertIsInstance(release.data.object, stripe.reserve.Release)
        self.assertEqual(release.data.object.reserve_hold, hold["id"])
        self.platform.advance(to=midnight_after(after + DAY))
        expired, = self.client.v1.events.list({"type": "reserve.plan.expired"}).data
        self.assertEqual((expired.data.object.id, expired.data.object.status),
                         (plan, "expired"))


class Versions(Case):
    """What callers of older versions see, by the version that they send."""

    def shown(self, path, version):
        response = self.client.raw_request("get", path, stripe_version=version)
        self.assertEqual(response.headers["Stripe-Version"], version)
        return response.data

    def test_fields_and_words_that_are_new(self):
        hold = self.platform.hold(days=3)
        plan = f"{PLANS}/{self.platform.rolling()['id']}"
        self.platform.advance(to=hold["release_schedule"]["scheduled_release"])
        release = f"{RELEASES}/{self.get(RELEASES)['data'][0]['id']}"
        hold = f"{HOLDS}/{hold['id']}"
        for version, destination, details, reason in (
                (reserves.WITH_DISABLING, False, False, "bulk_hold_expiry"),
                (reserves.BEFORE_DETAILS, False, False, "bulk_hold_expiry"),
                (reserves.WITH_DETAILS, False, True, "bulk_hold_expiry"),
                (reserves.BEFORE_DESTINATION, False, True, "bulk_hold_expiry"),
                (reserves.WITH_DESTINATION, True, True, "hold_expired"),
                (reserves.NEWEST, True, True, "hold_expired")):
            with self.subTest(version=version):
                for path in (hold, plan, release):
                    self.assertIs("destination" in self.shown(path, version), destination)
                self.assertIs("release_details" in self.shown(hold, version), details)
                self.assertEqual(self.shown(release, version)["reason"], reason)

    def test_a_client_of_an_older_version_sees_it_in_lists_and_in_answers(self):
        options = {"stripe_version": reserves.BEFORE_DETAILS,
                   "stripe_account": self.platform.account}
        older = reserves.developer().client(self.platform.key, **options)
        release = older.raw_request("post", RELEASES,
                                    reserve_hold=self.platform.hold(days=3)["id"]).data
        self.assertNotIn("destination", release)
        hold = self.platform.hold(days=3)
        self.platform.advance(to=hold["release_schedule"]["scheduled_release"])
        listed = older.raw_request("get", f"{RELEASES}?expand[]=data.reserve_hold").data["data"]
        self.assertEqual([each["reason"] for each in listed],
                         ["bulk_hold_expiry", "hold_released_early"])
        self.assertNotIn("release_details", listed[0]["reserve_hold"])
        # Events are written once, in the newest version.
        told = older.v1.events.list({"type": "reserve.release.created", "limit": 1}).data[0]
        self.assertEqual((told.data.object.reason, told.api_version),
                         ("hold_expired", reserves.NEWEST))

    def test_a_plan_that_is_being_emptied(self):
        older, newest = self.platform.draining()
        self.assertEqual((older["status"], older["disabled_at"]), ("disabling", None))
        self.assertEqual(newest["status"], "disabled")
        self.assertIsNotNone(newest["disabled_at"])
        path = f"{PLANS}/{older['id']}"
        self.assertEqual(self.shown(path, reserves.WITHOUT_DISABLING)["status"], "disabled")
        self.platform.advance(seconds=30)
        emptied = self.shown(path, reserves.WITH_DISABLING)
        self.assertEqual(emptied["status"], "disabled")
        told, = self.client.v1.events.list({"type": "reserve.plan.disabled", "limit": 1}).data
        self.assertEqual((told.data.object.id, told.created), (older["id"], emptied["disabled_at"]))
        later = self.shown(path, reserves.NEWEST)
        self.assertEqual(later["disabled_at"], newest["disabled_at"])

    def test_manual_plans_are_made_by_those_who_know_of_them(self):
        self.refused(PLANS, param="type", percent=5, type="manual_release",
                     stripe_version=reserves.BEFORE_DESTINATION)
        self.post(PLANS, percent=5, type="manual_release",
                  stripe_version=reserves.WITH_DESTINATION)


class Served(unittest.TestCase):
    """The same calls outside developer mode: installed accounts, and rights."""

    def setUp(self):
        self.app = server.shared().app()
        self.account = self.app.install()
        self.client = self.app.client(stripe_account=self.account)

    def charge(self, client, name="ch_1"):
        return client.raw_request("post", "/v1/ledger/charges", id=name, amount=100,
                                  currency="usd").data

    def test_the_account_and_the_platform_have_their_own_books(self):
        self.charge(self.client)
        self.assertEqual(self.client.v1.balance.retrieve().pending[0].amount, 100)
        own = self.app.client()
        self.assertEqual([row.amount for row in own.v1.balance.retrieve().pending], [0])
        after = self.charge(own)["created"] + 10 * DAY
        hold = own.raw_request("post", HOLDS, amount=1, currency="usd",
                               release_schedule={"release_after": after}).data
        for hidden in ("amount_releasable", "is_releasable", "metadata"):
            self.assertNotIn(hidden, hold)
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.client.raw_request("get", f"{HOLDS}/{hold['id']}")
        self.assertEqual(caught.exception.http_status, 404)

    def test_an_account_without_the_app_has_no_books(self):
        foreign = server.shared().app().install()
        with self.assertRaises(stripe.PermissionError) as caught:
            self.charge(self.app.client(stripe_account=foreign))
        self.assertEqual(caught.exception.error.code, "account_invalid")

    def test_restricted_keys_do_what_they_may(self):
        key = self.app.key(mode="test", permissions=["reserve_hold_read", "balance_read"])
        reader = server.shared().client(key, stripe_account=self.account)
        self.assertEqual(reader.raw_request("get", HOLDS).data["data"], [])
        self.assertEqual([row.amount for row in reader.v1.balance.retrieve().pending], [0])
        for denied in (lambda: self.charge(reader), lambda: reader.v1.events.list(),
                       lambda: reader.raw_request("get", RELEASES)):
            with self.assertRaises(stripe.PermissionError):
                denied()

    def test_there_is_no_clock(self):
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.client.raw_request("get", "/v1/test_helpers/clock")
        self.assertEqual(caught.exception.http_status, 404)
