"""Stripe's stand-in, which the feeder is tested against: the SDK reads what it serves as its own
types, and the example feeds a ledger from it."""

import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

import stripe

import server

ROOT = Path(__file__).parents[3]


class Feeding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        binary = Path(os.environ["COFFER_BIN"]).with_name("coffer-stripe-standin")
        cls.standin = subprocess.Popen([binary, "7", "3", "450"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.end)
        cls.url, accounts = cls.standin.stdout.readline().split()
        cls.accounts = accounts.split(",")
        cls.client = stripe.StripeClient("rk_test_reader", base_addresses={"api": cls.url})

    @classmethod
    def end(cls):
        cls.standin.stdin.close()
        cls.standin.wait()
        cls.standin.stdout.close()

    def all(self, service, **params):
        options = {"stripe_account": self.accounts[0]}
        return list(service.list({"limit": 100, **params}, options).auto_paging_iter())

    def test_objects_are_the_sdks_types(self):
        v1 = self.client.v1
        transactions = self.all(v1.balance_transactions, expand=["data.source"])
        self.assertEqual(len(transactions), 150)
        kinds = set()
        for one in transactions:
            self.assertIsInstance(one, stripe.BalanceTransaction)
            self.assertEqual(one.net, one.amount - one.fee)
            self.assertEqual(one.fee, sum(detail.amount for detail in one.fee_details))
            if one.source is not None:
                kinds.add(type(one.source))
        self.assertLessEqual({stripe.Charge, stripe.Refund, stripe.Dispute, stripe.Payout}, kinds)
        for service, kind in ((v1.payouts, stripe.Payout), (v1.disputes, stripe.Dispute),
                              (v1.events, stripe.Event)):
            found = self.all(service)
            self.assertTrue(found, kind)
            self.assertTrue(all(isinstance(one, kind) for one in found), kind)

    def test_the_balance_is_the_sum(self):
        balance = self.client.v1.balance.retrieve(
            options={"stripe_account": self.accounts[0]})
        self.assertIsInstance(balance, stripe.Balance)
        transactions = self.all(self.client.v1.balance_transactions)
        payments = [one.net for one in transactions if one.balance_type == "payments"]
        buckets = [*balance.available, *balance.pending]
        self.assertEqual(sum(bucket.amount for bucket in buckets), sum(payments))

    def test_filters(self):
        now = int(time.time())
        recent = self.all(self.client.v1.balance_transactions, created={"gte": now - 864_000})
        self.assertTrue(recent)
        self.assertTrue(all(one.created >= now - 864_000 for one in recent))
        charges = self.all(self.client.v1.balance_transactions, type="charge")
        self.assertEqual({one.type for one in charges}, {"charge"})

    def test_the_example_feeds_a_ledger(self):
        coffer = server.Server(developer=True)
        self.addCleanup(coffer.stop)
        environment = {**os.environ, "ACCOUNT": self.accounts[1], "COFFER_URL": coffer.base,
                       "COFFER_API_KEY": "sk_test_feeding", "STRIPE_READ_KEY": "rk_test_reader",
                       "STRIPE_READ_URL": self.url}
        run = subprocess.run([sys.executable, ROOT / "examples/python/feed.py"], check=True,
                             env=environment, stdout=subprocess.PIPE, text=True)
        self.assertEqual(run.stdout, "150 transactions\n")


if __name__ == "__main__":
    unittest.main()
