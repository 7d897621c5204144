"""Faults that a request asks for: the SDK retries what can be retried, and goes through."""

import unittest

import stripe

import server

ACCOUNT = {"type": "account"}
SECRET = {"name": "token", "payload": "value", "scope": ACCOUNT}
FIND = {"name": "token", "scope": ACCOUNT, "expand": ["payload"]}


class Simulating(stripe.RequestsClient):
    """The SDK's own client, which asks for a fault in each request, and counts them."""

    def __init__(self, fault, **options):
        super().__init__(**options)
        self.fault = fault
        self.sent = 0

    def request(self, method, url, headers, post_data=None):
        self.sent += 1
        headers = {**headers, "Coffer-Simulate": self.fault}
        return super().request(method, url, headers, post_data)


class Simulate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server(developer=True)
        cls.addClassCleanup(cls.server.stop)

    def secrets(self, fault, retries=2, **options):
        http = Simulating(fault, **options)
        key = f"sk_test_{self._testMethodName}"
        client = self.server.client(key, http_client=http, max_network_retries=retries)
        return http, client.v1.apps.secrets

    def test_what_can_be_retried_goes_through(self):
        for fault in ["rate_limit", "lock_timeout", "500", "drop_after_commit"]:
            with self.subTest(fault):
                http, secrets = self.secrets(fault)
                secret = secrets.create({**SECRET, "name": fault})
                self.assertEqual((secret.name, http.sent), (fault, 2))

    def test_without_retries_the_fault_is_the_sdks_own_error(self):
        for fault, error, status in [("rate_limit", stripe.RateLimitError, 429),
                                     ("lock_timeout", stripe.RateLimitError, 429),
                                     ("500", stripe.APIError, 500),
                                     ("drop_after_commit", stripe.APIConnectionError, None)]:
            with self.subTest(fault):
                _http, secrets = self.secrets(fault, retries=0)
                with self.assertRaises(error) as caught:
                    secrets.create(SECRET)
                self.assertEqual(caught.exception.http_status, status)

    def test_a_lost_answer_was_carried_out(self):
        _http, secrets = self.secrets("drop_after_commit", retries=0)
        with self.assertRaises(stripe.APIConnectionError):
            secrets.create(SECRET)
        plain = self.server.client(f"sk_test_{self._testMethodName}").v1.apps.secrets
        self.assertEqual(plain.find(FIND).payload, "value")

    def test_an_answer_that_does_not_come_is_given_up(self):
        http, secrets = self.secrets("timeout", timeout=1)
        self.assertEqual(secrets.create(SECRET).name, "token")
        self.assertEqual(http.sent, 2)
