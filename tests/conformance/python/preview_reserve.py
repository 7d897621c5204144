"""Reserves with the preview SDK, which lists and retrieves plans, holds and releases.

What it has no methods for is set up by raw requests; `test_reserve.py` is about those.
"""

import typing
import unittest

import stripe

import reserves
from reserves import DAY, HOLDS, PLANS, midnight_after

# The fields of a class that are not the object's.
OF_THE_CLASS = {"OBJECT_NAME", "_inner_class_types"}


def fields(kind):
    """The fields that the SDK knows of an object."""
    return set(kind.__annotations__) - OF_THE_CLASS


def words(annotation):
    """The words that the SDK knows for a field, or none if it can be anything."""
    if typing.get_origin(annotation) is typing.Literal:
        return set(typing.get_args(annotation))
    return set().union(*map(words, typing.get_args(annotation)))


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.platform = reserves.Platform()
        self.client = self.platform.client
        self.reserve = self.client.v1.reserve

    def as_the_sdk_knows_it(self, item, kind, absent=()):
        """The object is of its class, with all its fields, and with words that the SDK knows."""
        self.assertIsInstance(item, kind)
        self.assertEqual(set(item.to_dict()), fields(kind) - set(absent))
        for field, annotation in kind.__annotations__.items():
            known = words(annotation)
            if known and field not in {*OF_THE_CLASS, *absent}:
                self.assertIn(getattr(item, field), known, field)

    def refused(self, call, *arguments, http=400, code=None, param=None):
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            call(*arguments)
        error = caught.exception
        self.assertEqual((error.http_status, error.code, error.param), (http, code, param))

    def expire(self, hold):
        """Lets a hold's date come, and gives the release."""
        self.platform.advance(to=hold["release_schedule"]["scheduled_release"])
        return self.reserve.releases.list({"limit": 1}).data[0]


class Objects(Case):
    """Each object as the SDK's types have it."""

    def test_a_hold_that_was_made_by_hand(self):
        made = self.platform.hold(1000, days=10, metadata={"why": "new"})
        hold = self.reserve.holds.retrieve(made["id"])
        self.as_the_sdk_knows_it(hold, stripe.reserve.Hold)
        self.assertEqual(hold.to_dict(), made)
        self.assertEqual((hold.amount, hold.amount_releasable, hold.is_releasable),
                         (1000, 1000, True))
        self.assertEqual((hold.reason, hold.destination, hold.source_type, hold.created_by),
                         ("standalone", "risk_reserved", "card", "application"))
        self.assertIsInstance(hold.release_schedule, stripe.reserve.Hold.ReleaseSchedule)
        self.assertEqual(hold.release_schedule.scheduled_release,
                         midnight_after(hold.release_schedule.release_after))
        self.assertEqual(hold.metadata["why"], "new")
        self.assertIsNone(hold.reserve_plan)
        self.assertEqual(hold.last_response.headers["Stripe-Version"], stripe.api_version)
        self.assertRegex(stripe.api_version, r"\.preview$")

    def test_a_hold_that_a_plan_made_and_its_release(self):
        plan = self.platform.rolling(days=3)["id"]
        charge = self.platform.charge("ch_1", fee=320)
        hold, = self.reserve.holds.list().data
        self.as_the_sdk_knows_it(hold, stripe.reserve.Hold)
        self.assertEqual((hold.amount, hold.reason, hold.reserve_plan, hold.source_charge),
                         (1452, "charge", plan, "ch_1"))
        self.assertIsNone(hold.release_schedule.release_after)
        self.assertEqual(hold.release_schedule.scheduled_release,
                         midnight_after(charge["created"] + 3 * DAY))
        self.assertEqual(hold.release_details, [])
        release = self.expire(hold)
        # What happened by itself has no metadata, and no refund or dispute behind it.
        absent = ("metadata", "source_transaction")
        self.as_the_sdk_knows_it(release, stripe.reserve.Release, absent)
        self.assertEqual((release.amount, release.reason, release.created_by),
                         (1452, "hold_expired", "stripe"))
        self.assertEqual((release.reserve_hold, release.reserve_plan), (hold.id, plan))
        self.assertEqual(self.reserve.releases.retrieve(release.id).to_dict(), release.to_dict())
        gone = self.reserve.holds.retrieve(hold.id)
        self.as_the_sdk_knows_it(gone, stripe.reserve.Hold)
        self.assertEqual((gone.amount, gone.amount_releasable, gone.is_releasable),
                         (1452, 0, False))
        detail, = gone.release_details
        self.assertIsInstance(detail, stripe.reserve.Hold.ReleaseDetail)
        self.assertEqual((detail.amount, detail.reserve_release), (1452, release.id))

    def test_plans_of_each_type(self):
        after = self.platform.now() + 30 * DAY
        blocks = {"fixed_release": {"release_after": after},
                  "rolling_release": {"days_after_charge": 9, "expires_on": after},
                  "manual_release": None}
        for kind, block in blocks.items():
            with self.subTest(type=kind):
                params = {"percent": 5, "type": kind, **({kind: block} if block else {})}
                made = self.platform.post(PLANS, **params)
                plan = self.reserve.plans.retrieve(made["id"])
                self.as_the_sdk_knows_it(plan, stripe.reserve.Plan, set(blocks) - {kind})
                self.assertEqual((plan.type, plan.status, plan.percent), (kind, "active", 5))
                self.assertEqual((plan.currency, plan.disabled_at), (None, None))
                self.assertEqual(plan.to_dict(), made)
        manual, rolling, fixed = self.reserve.plans.list().data
        self.assertIsInstance(fixed.fixed_release, stripe.reserve.Plan.FixedRelease)
        self.assertEqual(fixed.fixed_release.scheduled_release, midnight_after(after))
        self.assertIsInstance(rolling.rolling_release, stripe.reserve.Plan.RollingRelease)
        self.assertEqual((rolling.rolling_release.days_after_charge,
                          rolling.rolling_release.expires_on), (9, after))
        self.assertIsInstance(manual.manual_release, stripe.reserve.Plan.ManualRelease)

    def test_releases_of_each_reason(self):
        plan = self.platform.rolling()["id"]
        for name in ("ch_1", "ch_2", "ch_3"):
            self.platform.charge(name)
        self.platform.post("/v1/ledger/refunds", id="re_1", charge="ch_1", amount=100)
        self.platform.post("/v1/ledger/disputes", id="du_1", charge="ch_2", amount=200)
        self.platform.release(self.platform.hold()["id"], metadata={"by": "hand"})
        self.platform.disable(plan)
        self.platform.advance(seconds=1)
        disabled, early, disputed, refunded = self.reserve.releases.list().data
        for release, reason, absent in (
                (refunded, "hold_reversed", ["metadata"]),
                (disputed, "hold_reversed", ["metadata"]),
                (early, "hold_released_early", ["source_transaction"]),
                (disabled, "plan_disabled", ["metadata", "source_transaction"])):
            self.as_the_sdk_knows_it(release, stripe.reserve.Release, absent)
            self.assertEqual(release.reason, reason)
            self.assertEqual(release.destination, "payments")
        self.assertIsInstance(refunded.source_transaction,
                              stripe.reserve.Release.SourceTransaction)
        self.assertEqual((refunded.source_transaction.type, refunded.source_transaction.refund),
                         ("refund", "re_1"))
        self.assertEqual(disputed.source_transaction.to_dict(),
                         {"type": "dispute", "dispute": "du_1"})
        self.assertEqual(early.metadata["by"], "hand")
        self.assertEqual((disabled.amount, disabled.reserve_hold, disabled.reserve_plan),
                         (4500 - 300, None, plan))

    def test_an_unknown_id_is_not_found(self):
        for service in (self.reserve.holds, self.reserve.plans, self.reserve.releases):
            self.refused(service.retrieve, "unknown", http=404, code="resource_missing",
                         param="id")

    def test_the_balance_has_what_is_reserved(self):
        self.platform.rolling(percent=10)
        charge = self.platform.charge("ch_1")
        self.platform.hold(30, source_type="bank_account")
        reserved = self.client.v1.balance.retrieve().risk_reserved
        self.assertIsInstance(reserved, stripe.Balance.RiskReserved)
        pending, = reserved.pending
        self.assertIsInstance(pending, stripe.Balance.RiskReserved.Pending)
        self.assertEqual((pending.amount, pending.currency, pending.source_types.card),
                         (1000, "usd", 1000))
        available, = reserved.available
        self.assertEqual((available.amount, available.source_types.bank_account), (30, 30))
        self.platform.advance(to=charge["available_on"])
        reserved = self.client.v1.balance.retrieve().risk_reserved
        self.assertEqual((reserved.pending[0].amount, reserved.available[0].amount), (0, 1030))
        plain = self.client.v1.balance.retrieve({}, {"stripe_version": reserves.NEWEST})
        self.assertNotIn("risk_reserved", plain.to_dict())


class Lists(Case):
    """Pages, filters, and what is expanded in them."""

    def test_pages_in_both_directions(self):
        oldest_first = [self.platform.hold(amount)["id"] for amount in range(1, 8)]
        holds = self.reserve.holds
        first = holds.list({"limit": 3})
        self.assertEqual((first.url, first.has_more), (HOLDS, True))
        self.assertEqual([hold.id for hold in first.auto_paging_iter()], oldest_first[::-1])
        newer = holds.list({"limit": 3, "ending_before": oldest_first[0]})
        self.assertEqual([hold.id for hold in newer.auto_paging_iter()], oldest_first[1:])
        older = holds.list({"limit": 3, "starting_after": oldest_first[4]}).auto_paging_iter()
        self.assertEqual([hold.id for hold in older], oldest_first[3::-1])
        releases = [self.platform.release(hold)["id"] for hold in oldest_first]
        pages = self.reserve.releases.list({"limit": 2}).auto_paging_iter()
        self.assertEqual([release.id for release in pages], releases[::-1])
        plans = [self.platform.rolling()["id"] for _ in range(5)]
        pages = self.reserve.plans.list({"limit": 2}).auto_paging_iter()
        self.assertEqual([plan.id for plan in pages], plans[::-1])

    def narrowed(self, service, params, filters, key):
        """Each filter that the SDK has narrows the list as it should; `filters` has them all."""
        other = {"ending_before", "expand", "limit", "starting_after",
                 *stripe.RequestOptions.__annotations__}
        used = {name for one, _ in filters for name in one}
        self.assertEqual(used, set(params.__annotations__) - other)
        for one, expected in filters:
            with self.subTest(**one):
                pages = service.list({**one, "limit": 1}).auto_paging_iter()
                self.assertEqual([getattr(item, key) for item in pages], expected)

    def test_filters_of_holds(self):
        plan = self.platform.rolling(percent=10)["id"]
        self.platform.charge("ch_1", 1000)
        self.platform.charge("ch_2", 2000, currency="eur")
        self.platform.hold(50)
        release = self.platform.release(self.platform.hold(60)["id"])["id"]
        self.narrowed(self.reserve.holds, stripe.params.reserve.HoldListParams, [
            ({"currency": "eur"}, [200]),
            ({"currency": "usd"}, [60, 50, 100]),
            ({"is_releasable": True}, [50, 200, 100]),
            ({"is_releasable": False}, [60]),
            ({"reason": "charge"}, [200, 100]),
            ({"reason": "standalone"}, [60, 50]),
            ({"reserve_plan": plan}, [200, 100]),
            ({"reserve_plan": plan, "currency": "eur"}, [200]),
            ({"reserve_release": release}, [60]),
            ({"source_charge": "ch_1"}, [100]),
            ({"source_charge": "ch_3"}, []),
        ], "amount")
        self.refused(self.reserve.holds.list, {"reason": "other"}, param="reason")

    def test_filters_of_plans(self):
        ends = self.platform.now() + DAY
        for percent in (1, 2):
            self.platform.rolling(percent)
        self.platform.disable(self.platform.rolling(3)["id"])
        self.platform.post(PLANS, percent=4, type="rolling_release",
                           rolling_release={"days_after_charge": 3, "expires_on": ends})
        self.platform.advance(to=ends)
        self.narrowed(self.reserve.plans, stripe.params.reserve.PlanListParams, [
            ({"status": "active"}, [2, 1]),
            ({"status": "disabled"}, [3]),
            ({"status": "expired"}, [4]),
            ({"destination": "risk_reserved"}, [4, 3, 2, 1]),
            ({"destination": "settlement_reserved"}, []),
        ], "percent")

    def test_filters_of_releases(self):
        plan = self.platform.rolling(percent=10, days=3)["id"]
        self.platform.charge("ch_1", 5000)
        alone = self.platform.hold(60, days=20)["id"]
        euros = self.platform.hold(70, days=20, currency="eur")["id"]
        self.platform.release(alone, amount=10)
        self.platform.release(euros)
        self.platform.release(alone)
        held, = self.reserve.holds.list({"source_charge": "ch_1"}).data
        self.expire(held)
        self.narrowed(self.reserve.releases, stripe.params.reserve.ReleaseListParams, [
            ({"currency": "eur"}, [70]),
            ({"currency": "usd"}, [500, 50, 10]),
            ({"reserve_hold": alone}, [50, 10]),
            ({"reserve_plan": plan}, [500]),
            ({"reserve_plan": "resplan_x"}, []),
        ], "amount")

    def test_links_are_expanded(self):
        plan = self.platform.rolling(days=3)["id"]
        self.platform.charge("ch_1", application_fee=100, source_transfer="tr_1")
        listed, = self.reserve.holds.list(
            {"expand": ["data.reserve_plan", "data.source_charge"]}).data
        hold = self.reserve.holds.retrieve(
            listed.id, {"expand": ["reserve_plan", "source_charge", "release_details"]})
        self.assertEqual(hold.to_dict(), listed.to_dict())
        self.as_the_sdk_knows_it(hold.reserve_plan, stripe.reserve.Plan,
                                 ("fixed_release", "manual_release"))
        self.assertIsInstance(hold.source_charge, stripe.Charge)
        self.assertEqual((hold.source_charge.amount, hold.source_charge.application_fee_amount,
                          hold.source_charge.source_transfer), (10_000, 100, "tr_1"))
        release = self.expire(hold)
        links = ["reserve_hold", "reserve_plan"]
        release = self.reserve.releases.retrieve(release.id, {"expand": links})
        self.as_the_sdk_knows_it(release.reserve_hold, stripe.reserve.Hold)
        self.assertEqual((release.reserve_hold.id, release.reserve_plan.id), (hold.id, plan))
        listed = self.reserve.releases.list({"expand": [f"data.{link}" for link in links]})
        self.assertEqual(listed.data[0].to_dict(), release.to_dict())


class ModuleStyle(Case):
    """The older style: functions of the module, which is set up globally."""

    def setUp(self):
        super().setUp()
        self.addCleanup(setattr, stripe, "api_key", stripe.api_key)
        self.addCleanup(setattr, stripe, "api_base", stripe.api_base)
        stripe.api_key = self.platform.key
        stripe.api_base = reserves.developer().base

    def test_lists_and_retrieves(self):
        self.platform.rolling(days=3)
        self.platform.charge("ch_1")
        on = {"stripe_account": self.platform.account}
        held, = stripe.reserve.Hold.list(**on).data
        self.expire(held)
        for kind in (stripe.reserve.Hold, stripe.reserve.Plan, stripe.reserve.Release):
            listed, = kind.list(limit=1, **on).data
            self.assertIsInstance(listed, kind)
            self.assertEqual(kind.retrieve(listed.id, **on).to_dict(), listed.to_dict())


class Versions(Case):
    """What callers of older versions see, by the version that they send."""

    def test_fields_and_words_that_are_new(self):
        hold = self.platform.hold(days=3)
        plan = self.platform.rolling()["id"]
        release = self.expire(hold).id
        for version, destination, details, reason in (
                (reserves.WITH_DISABLING, False, False, "bulk_hold_expiry"),
                (reserves.BEFORE_DETAILS, False, False, "bulk_hold_expiry"),
                (reserves.WITH_DETAILS, False, True, "bulk_hold_expiry"),
                (reserves.BEFORE_DESTINATION, False, True, "bulk_hold_expiry"),
                (reserves.WITH_DESTINATION, True, True, "hold_expired"),
                (stripe.api_version, True, True, "hold_expired")):
            with self.subTest(version=version):
                options = {"stripe_version": version}
                shown = [self.reserve.holds.retrieve(hold["id"], {}, options),
                         self.reserve.plans.retrieve(plan, {}, options),
                         self.reserve.releases.retrieve(release, {}, options)]
                for item in shown:
                    self.assertIs("destination" in item.to_dict(), destination)
                self.assertIs("release_details" in shown[0].to_dict(), details)
                self.assertEqual(shown[2].reason, reason)
                listed = self.reserve.releases.list({}, options).data
                self.assertEqual([item.reason for item in listed], [reason])

    def test_a_plan_that_is_being_emptied(self):
        older, newest = self.platform.draining()
        self.assertEqual((older["status"], older["disabled_at"]), ("disabling", None))
        self.platform.advance(seconds=30)
        plan = self.reserve.plans.retrieve(older["id"])
        self.as_the_sdk_knows_it(plan, stripe.reserve.Plan, ("fixed_release", "manual_release"))
        self.assertEqual((plan.status, plan.disabled_at), ("disabled", newest["disabled_at"]))
        emptied = self.reserve.plans.retrieve(
            older["id"], {}, {"stripe_version": reserves.WITH_DISABLING})
        told, = self.client.v1.events.list({"type": "reserve.plan.disabled", "limit": 1}).data
        self.assertEqual((emptied.status, emptied.disabled_at), ("disabled", told.created))
