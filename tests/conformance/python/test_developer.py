"""`coffer dev`: the SDK works with any test key, and nothing is set up before."""

import subprocess
import sys
import unittest

import stripe

import server

ACCOUNT = {"type": "account"}
SECRET = {"name": "token", "payload": "value", "scope": ACCOUNT}
FIND = {"name": "token", "scope": ACCOUNT, "expand": ["payload"]}


class Developer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server(developer=True)
        cls.addClassCleanup(cls.server.stop)

    def secrets(self, key, **options):
        return self.server.client(key, **options).v1.apps.secrets

    def test_any_test_key_is_an_app_and_any_account_has_it(self):
        first, second = self.secrets("sk_test_first"), self.secrets("sk_test_second")
        first.create(SECRET)
        first.create({**SECRET, "payload": "theirs"}, {"stripe_account": "acct_merchant"})
        self.assertEqual(first.find(FIND).payload, "value")
        theirs = first.find(FIND, {"stripe_account": "acct_merchant"})
        self.assertEqual(theirs.payload, "theirs")
        self.assertEqual(second.list({"scope": ACCOUNT}).data, [])
        self.assertIs(first.delete_where({"name": "token", "scope": ACCOUNT}).deleted, True)
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            first.find(FIND)
        self.assertEqual((caught.exception.http_status, caught.exception.code),
                         (404, "resource_missing"))

    def test_a_live_key_is_refused(self):
        with self.assertRaises(stripe.AuthenticationError) as caught:
            self.secrets("sk_live_anything").list({"scope": ACCOUNT})
        self.assertIn("developer mode", caught.exception.user_message)

    def test_what_the_banner_says_works_as_pasted(self):
        said = self.server.said()
        snippet = said[said.index("# Python"):said.index("// Node")]
        self.assertRegex(self.printed(snippet), r"^appsecret_\w{30}\n$")

    def printed(self, code):
        """What a program prints that is run with the same SDK."""
        program = [sys.executable, "-c", code]
        return subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True).stdout
