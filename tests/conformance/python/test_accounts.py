"""Whom a key speaks for: accounts, apps, users, and rights."""

import unittest

import stripe

import server

ACCOUNT = {"type": "account"}
SECRET = {"name": "token", "payload": "value", "scope": ACCOUNT}
FIND = {"name": "token", "scope": ACCOUNT, "expand": ["payload"]}


def on(account):
    return {"stripe_account": account}


class Case(unittest.TestCase):
    def setUp(self):
        self.app = server.shared().app()
        self.client = self.app.client()
        self.secrets = self.client.v1.apps.secrets

    def denied(self, call, *arguments):
        with self.assertRaises(stripe.PermissionError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.http_status, 403)
        return caught.exception


class Accounts(Case):
    def test_each_account_has_its_own_secrets(self):
        accounts = [None, self.app.install(), self.app.install()]
        ids = set()
        for account in accounts:
            params = {**SECRET, "payload": f"of {account}"}
            created = self.secrets.create(params, on(account))
            self.assertEqual(created.last_response.headers.get("Stripe-Account"), account)
            ids.add(created.id)
        self.assertEqual(len(ids), 3)
        found = [self.secrets.find(FIND, on(account)).payload for account in accounts]
        self.assertEqual(found, [f"of {account}" for account in accounts])
        self.secrets.delete_where({"name": "token", "scope": ACCOUNT}, on(accounts[1]))
        left = [len(self.secrets.list({"scope": ACCOUNT}, on(account)).data)
                for account in accounts]
        self.assertEqual(left, [1, 0, 1])

    def test_the_developers_account_can_be_named(self):
        self.secrets.create(SECRET)
        self.assertEqual(self.secrets.find(FIND, on(self.app.account)).payload, "value")

    def test_a_client_may_be_set_up_for_an_account(self):
        account = self.app.install()
        theirs = self.app.client(stripe_account=account).v1.apps.secrets
        theirs.create(SECRET)
        self.assertEqual(self.secrets.find(FIND, on(account)).payload, "value")
        self.assertEqual(self.secrets.list({"scope": ACCOUNT}).data, [])
        context = {"stripe_context": account}
        self.assertEqual(self.secrets.find(FIND, context).payload, "value")

    def test_paging_stays_on_the_account(self):
        account = self.app.install()
        for number in range(5):
            self.secrets.create({**SECRET, "name": f"{number}"}, on(account))
            self.secrets.create({**SECRET, "name": f"own {number}"})
        pages = self.secrets.list({"scope": ACCOUNT, "limit": 2}, on(account))
        names = [secret.name for secret in pages.auto_paging_iter()]
        self.assertEqual(names, ["4", "3", "2", "1", "0"])

    def test_without_an_install_there_is_no_account(self):
        foreign = server.shared().app().install()
        for account in (foreign, "acct_nobody"):
            for call, params in ((self.secrets.find, FIND), (self.secrets.create, SECRET),
                                 (self.secrets.list, {"scope": ACCOUNT})):
                error = self.denied(call, params, on(account))
                self.assertEqual(error.error.code, "account_invalid")

    def test_uninstalling_shuts_the_door_and_installing_opens_it(self):
        admin = server.shared().client(server.shared().founded["admin_key"])
        account = self.app.install()
        self.secrets.create(SECRET, on(account))
        installs = admin.raw_request("get", f"/v1/admin/installs?app={self.app.id}").data["data"]
        self.assertEqual([install["account"] for install in installs], [account])
        admin.raw_request("delete", f"/v1/admin/installs/{installs[0]['id']}")
        error = self.denied(self.secrets.find, FIND, on(account))
        self.assertEqual(error.error.code, "account_invalid")
        server.shared().admin("/v1/admin/installs", app=self.app.id, account=account)
        self.assertEqual(self.secrets.find(FIND, on(account)).payload, "value")

    def test_apps_do_not_see_each_other(self):
        account = self.app.install()
        other = server.shared().app()
        server.shared().admin("/v1/admin/installs", app=other.id, account=account)
        theirs = other.client().v1.apps.secrets
        self.secrets.create(SECRET, on(account))
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            theirs.find(FIND, on(account))
        self.assertEqual(caught.exception.http_status, 404)
        theirs.create({**SECRET, "payload": "theirs"}, on(account))
        self.assertEqual(self.secrets.find(FIND, on(account)).payload, "value")


class RestrictedKeys(Case):
    def restricted(self, *permissions):
        key = self.app.key(mode="test", permissions=list(permissions))
        self.assertRegex(key, "^rk_test_coffer_")
        return server.shared().client(key).v1.apps.secrets

    def test_one_that_reads_does_not_write(self):
        self.secrets.create(SECRET)
        reader = self.restricted("secret_read")
        self.assertEqual(reader.find(FIND).payload, "value")
        self.assertEqual(len(reader.list({"scope": ACCOUNT}).data), 1)
        error = self.denied(reader.create, SECRET)
        self.assertIn("secret_write", error.user_message)
        self.denied(reader.delete_where, {"name": "token", "scope": ACCOUNT})
        self.assertEqual(self.secrets.find(FIND).payload, "value")

    def test_one_that_writes_reads_as_well(self):
        writer = self.restricted("secret_write")
        writer.create(SECRET)
        self.assertEqual(writer.find(FIND).payload, "value")
        self.assertIs(writer.delete_where({"name": "token", "scope": ACCOUNT}).deleted, True)

    def test_one_with_another_permission_does_neither(self):
        self.secrets.create(SECRET)
        other = self.restricted("ephemeral_key_write")
        self.denied(other.find, FIND)
        self.denied(other.create, SECRET)


class EphemeralKeys(Case):
    """What a page in the browser holds: the key of one user."""

    OWN = {"type": "user", "user": "usr_own"}
    OTHER = {"type": "user", "user": "usr_other"}

    def ephemeral(self, **params):
        made = self.client.raw_request("post", "/v1/ephemeral_keys", user="usr_own", **params)
        self.assertRegex(made.data["secret"], "^ek_test_coffer_")
        return server.shared().client(made.data["secret"]).v1.apps.secrets

    def test_it_does_everything_in_its_users_scope(self):
        own = self.ephemeral()
        created = own.create({**SECRET, "scope": self.OWN})
        self.assertEqual(self.secrets.find({**FIND, "scope": self.OWN}).id, created.id)
        self.assertEqual(own.find({**FIND, "scope": self.OWN}).payload, "value")
        self.assertEqual(len(own.list({"scope": self.OWN}).data), 1)
        self.assertIs(own.delete_where({"name": "token", "scope": self.OWN}).deleted, True)

    def test_another_users_scope_is_a_403(self):
        self.secrets.create({**SECRET, "scope": self.OTHER})
        own = self.ephemeral(account_access="write")
        for call, params in ((own.create, SECRET), (own.find, FIND), (own.list, {}),
                             (own.delete_where, {"name": "token"})):
            error = self.denied(call, {**params, "scope": self.OTHER})
            self.assertEqual(error.error.param, "scope[user]")
        self.assertEqual(self.secrets.find({**FIND, "scope": self.OTHER}).payload, "value")

    def test_it_reads_the_accounts_scope_and_writes_it_only_if_it_may(self):
        self.secrets.create(SECRET)
        reader, writer = self.ephemeral(), self.ephemeral(account_access="write")
        self.assertEqual(reader.find(FIND).payload, "value")
        self.denied(reader.create, {**SECRET, "payload": "changed"})
        self.assertEqual(self.secrets.find(FIND).payload, "value")
        writer.create({**SECRET, "payload": "changed"})
        self.assertEqual(self.secrets.find(FIND).payload, "changed")

    def test_it_stays_on_the_account_for_which_it_was_made(self):
        account = self.app.install()
        own = self.ephemeral(stripe_account=account)
        own.create({**SECRET, "scope": self.OWN})
        self.assertEqual(self.secrets.list({"scope": self.OWN}).data, [])
        self.assertEqual(len(self.secrets.list({"scope": self.OWN}, on(account)).data), 1)
        self.denied(own.list, {"scope": self.OWN}, on(self.app.account))

    def test_it_makes_no_keys(self):
        made = self.client.raw_request("post", "/v1/ephemeral_keys", user="usr_own").data
        own = server.shared().client(made["secret"])
        with self.assertRaises(stripe.PermissionError):
            own.raw_request("post", "/v1/ephemeral_keys", user="usr_own")
        self.client.raw_request("delete", f"/v1/ephemeral_keys/{made['id']}")
        with self.assertRaises(stripe.AuthenticationError):
            own.v1.apps.secrets.list({"scope": self.OWN})
