"""`coffer dev --rate-limit`: the SDK meets the real refusal, tries again, and goes through."""

import concurrent.futures
import unittest

import stripe

import server

ACCOUNT = {"type": "account"}


class RateLimit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server(developer=True, flags=["--rate-limit", "2"])
        cls.addClassCleanup(cls.server.stop)

    def test_who_does_not_try_again_meets_the_error(self):
        secrets = self.server.client("sk_test_hasty").v1.apps.secrets
        secrets.list({"scope": ACCOUNT})
        with self.assertRaises(stripe.RateLimitError) as caught:
            # Faster than two a second, whatever the machine does: they are sent together.
            while True:
                with concurrent.futures.ThreadPoolExecutor(16) as pool:
                    list(pool.map(lambda _: secrets.list({"scope": ACCOUNT}), range(32)))
        error = caught.exception
        self.assertEqual((error.http_status, error.error.code), (429, "rate_limit"))
        self.assertEqual(error.error.type, "invalid_request_error")
        self.assertEqual(error.headers["Stripe-Rate-Limited-Reason"], "global-rate")
        self.assertEqual(error.headers["Stripe-Should-Retry"], "true")

    def test_who_tries_again_goes_through(self):
        secrets = self.server.client("sk_test_patient", max_network_retries=20).v1.apps.secrets
        names = [f"name{number}" for number in range(8)]
        for name in names:
            secrets.create({"name": name, "payload": "value", "scope": ACCOUNT})
        listed = secrets.list({"scope": ACCOUNT})
        self.assertEqual(sorted(secret.name for secret in listed.data), names)

