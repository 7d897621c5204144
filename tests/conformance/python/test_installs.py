"""App installs: every call of the SDK, by those who may make it."""

import unittest

import stripe

import server

CREATED, DELETED = "apps.install.created", "apps.install.deleted"


def on(account):
    return {"stripe_account": account}


class Installs(unittest.TestCase):
    def setUp(self):
        self.app = server.shared().app()
        self.client = self.app.client()
        self.installs = self.client.v1.apps.installs

    def let(self, app, **params):
        """Sets something of an app, as an operator."""
        app.server.admin(f"/v1/admin/apps/{app.id}", **params)

    def test_an_account_and_its_own_app(self):
        made = self.installs.create({"app": self.app.id, "channel": "private_test"})
        self.assertIsInstance(made, stripe.apps.Install)
        self.assertEqual((made.object, made.status, made.livemode),
                         ("apps.install", "installed", False))
        self.assertEqual((made.account, made.app), (self.app.account, self.app.id))
        self.assertIsNone(made.auth_code)
        self.assertEqual(made.content_security_policy_granted.connect_src, [])
        self.assertEqual(self.installs.retrieve(made.id).id, made.id)
        self.assertEqual(self.installs.update(made.id).id, made.id)
        self.assertEqual([one.id for one in self.installs.list().data], [made.id])
        gone = self.installs.uninstall(made.id)
        self.assertEqual(gone.status, "uninstalling")
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.installs.retrieve(made.id)
        self.assertEqual(caught.exception.code, "resource_missing")
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.installs.create({"app": self.app.id})
        self.assertEqual(caught.exception.param, "channel")

    def test_an_app_on_somebodys_account(self):
        account = server.shared().admin("/v1/admin/accounts", name="Merchant")["id"]
        with self.assertRaises(stripe.PermissionError):
            self.installs.create({"app": self.app.id}, on(account))
        self.let(self.app, self_install="true")
        made = self.installs.create(
            {"app": self.app.id, "code_challenge": "x" * 43, "code_challenge_method": "S256"},
            on(account))
        secrets = self.client.v1.apps.secrets
        secret = {"name": "token", "payload": "value", "scope": {"type": "account"}}
        secrets.create(secret, on(account))
        self.installs.uninstall(made.id, None, on(account))
        with self.assertRaises(stripe.PermissionError) as caught:
            secrets.create(secret, on(account))
        self.assertEqual(caught.exception.error.code, "account_invalid")
        again = self.installs.create({"app": self.app.id}, on(account))
        self.assertNotEqual(again.id, made.id)
        events = self.client.v1.events.list({"type": "apps.install.*"}, on(account)).data
        self.assertEqual([event.type for event in events], [CREATED, DELETED, CREATED])
        self.assertEqual((events[0].account, events[0].data.object["id"]), (account, again.id))

    def test_an_app_pages_through_its_installs(self):
        accounts = [self.app.install() for _ in range(5)]
        pages = self.installs.list({"app": self.app.id, "limit": 2})
        seen = [install.account for install in pages.auto_paging_iter()]
        self.assertEqual(seen, accounts[::-1])
        one = self.installs.list({"app": self.app.id, "account": accounts[0], "status": "installed",
                                  "approval_required": False, "channel": "public",
                                  "created": {"gt": 0}})
        self.assertEqual([install.account for install in one.data], accounts[:1])

    def test_a_platform_embeds_an_app(self):
        platform = server.shared().app()
        self.let(self.app, embedders=[platform.account], permissions=["secret_write"])
        account = platform.install()
        theirs = platform.client().v1.apps.installs
        made = theirs.create({"app": self.app.id}, on(account))
        self.assertEqual((made.created_by, made.permissions_granted),
                         (platform.account, ["secret_write"]))
        self.let(self.app, permissions=["secret_write", "event_read"])
        waiting = theirs.retrieve(made.id, None, on(account))
        self.assertEqual((waiting.approval_required, waiting.permissions_pending),
                         (True, ["event_read"]))
        granted = theirs.update(made.id, None, on(account))
        self.assertEqual((granted.approval_required, granted.permissions_pending), (False, []))
        self.assertEqual([one.id for one in theirs.list(None, on(account)).data], [made.id])

    def test_raw_requests_of_older_sdks(self):
        made = self.client.raw_request(
            "post", "/v1/apps/installs", app=self.app.id, channel="private_test")
        made = self.client.deserialize(made, api_mode="V1")
        self.assertEqual(made.object, "apps.install")
        old = stripe.StripeClient(self.app.test_key, stripe_version="2025-12-15.clover",
                                  base_addresses={"api": self.app.server.base})
        shown = old.raw_request("get", f"/v1/apps/installs/{made.id}")
        self.assertEqual(old.deserialize(shown, api_mode="V1").status, "installed")

    def test_accounts(self):
        account = self.app.install()
        self.assertEqual(self.client.v1.accounts.retrieve_current().id, self.app.account)
        shown = self.client.v1.accounts.retrieve(account)
        self.assertEqual((shown.id, shown.business_profile.name), (account, "Merchant"))
        with self.assertRaises(stripe.PermissionError):
            self.client.v1.accounts.retrieve("acct_nobody")
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.client.v1.customers.list()
        self.assertIn("Stripe's API has this", str(caught.exception))


class InDeveloperMode(unittest.TestCase):
    def test_an_app_tests_its_uninstalling(self):
        own = server.Server(developer=True)
        self.addCleanup(own.stop)
        client = own.client("sk_test_suite")
        secret = {"name": "token", "payload": "value", "scope": {"type": "account"}}
        client.v1.apps.secrets.create(secret, on("acct_made_up"))
        apps = own.client("ak_coffer_anything").raw_request("get", "/v1/admin/apps").data
        app = apps["data"][0]["id"]
        installs = client.v1.apps.installs
        made = installs.list({"app": app}, on("acct_made_up")).data[0]
        installs.uninstall(made.id, None, on("acct_made_up"))
        with self.assertRaises(stripe.PermissionError):
            client.v1.apps.secrets.create(secret, on("acct_made_up"))
        installs.create({"app": app}, on("acct_made_up"))
        client.v1.apps.secrets.create(secret, on("acct_made_up"))


if __name__ == "__main__":
    unittest.main()
