"""The four calls: what each does, and what it answers."""

import contextlib
import time
import unittest

import stripe

import server

ACCOUNT = {"type": "account"}
SECRET_ID = r"^appsecret_[A-Za-z0-9]{30}$"


def user(name):
    return {"type": "user", "user": name}


class Operations(unittest.TestCase):
    def setUp(self):
        self.app = server.shared().app()
        self.secrets = self.app.client().v1.apps.secrets

    def create(self, name="token", payload="value", scope=ACCOUNT, **more):
        return self.secrets.create({"name": name, "payload": payload, "scope": scope, **more})

    def find(self, name="token", scope=ACCOUNT):
        params = {"name": name, "scope": scope, "expand": ["payload"]}
        return self.secrets.find(params)

    def names(self, scope=ACCOUNT):
        return [secret.name for secret in self.secrets.list({"scope": scope}).data]

    def test_create_shows_a_secret_without_its_payload(self):
        before = int(time.time())
        secret = self.create()
        self.assertRegex(secret.id, SECRET_ID)
        self.assertIsInstance(secret, stripe.apps.Secret)
        self.assertTrue(before <= secret.created <= time.time())
        rest = {key: value for key, value in secret.to_dict().items() if key not in
                ("id", "created")}
        self.assertEqual(rest, {"object": "apps.secret", "expires_at": None, "livemode": False,
                                "name": "token", "scope": {"type": "account"}})

    def test_create_find_and_list_show_the_payload_if_it_is_expanded(self):
        created = self.create(expand=["payload"])
        self.assertEqual(created.payload, "value")
        self.assertEqual(self.find().payload, "value")
        listed = self.secrets.list({"scope": ACCOUNT, "expand": ["data.payload"]})
        self.assertEqual([secret.payload for secret in listed.data], ["value"])
        hidden = self.secrets.find({"name": "token", "scope": ACCOUNT})
        self.assertNotIn("payload", hidden.to_dict())
        hidden = self.secrets.list({"scope": ACCOUNT}).data[0]
        self.assertNotIn("payload", hidden.to_dict())

    def test_create_again_replaces_and_keeps_id_and_time(self):
        first = self.create(expires_at=int(time.time()) + 3600)
        self.create(name="later")
        second = self.create(payload="other")
        self.assertEqual((second.id, second.created), (first.id, first.created))
        self.assertIsNotNone(first.expires_at)
        self.assertIsNone(second.expires_at)
        self.assertEqual(self.find().payload, "other")
        self.assertEqual(self.names(), ["later", "token"])

    def test_list_has_the_newest_first(self):
        for name in ("a", "b", "c"):
            self.create(name=name)
        page = self.secrets.list({"scope": ACCOUNT})
        self.assertEqual([secret.name for secret in page.data], ["c", "b", "a"])
        self.assertEqual((page.object, page.url, page.has_more),
                         ("list", "/v1/apps/secrets", False))

    def test_delete_where_deletes_one_and_shows_three_fields(self):
        kept, gone = self.create(name="kept"), self.create()
        deleted = self.secrets.delete_where({"name": "token", "scope": ACCOUNT})
        self.assertEqual(deleted.to_dict(),
                         {"id": gone.id, "object": "apps.secret", "deleted": True})
        self.assertEqual(self.names(), [kept.name])
        again = self.create()
        self.assertNotEqual(again.id, gone.id)

    def test_each_user_and_the_account_have_scopes_of_their_own(self):
        scopes = [ACCOUNT, user("usr_1"), user("usr_2")]
        for number, scope in enumerate(scopes):
            created = self.create(payload=f"value {number}", scope=scope)
            self.assertEqual(created.scope.to_dict(), scope)
        found = [self.find(scope=scope).payload for scope in scopes]
        self.assertEqual(found, ["value 0", "value 1", "value 2"])
        self.secrets.delete_where({"name": "token", "scope": scopes[1]})
        self.assertEqual([self.names(scope) for scope in scopes], [["token"], [], ["token"]])

    def test_a_secret_expires_by_itself(self):
        self.create(name="stays")
        # On a busy machine a moment may be over before it was looked at.
        for seconds in (2, 10, 60):
            soon = int(time.time()) + seconds
            self.assertEqual(self.create(expires_at=soon).expires_at, soon)
            with contextlib.suppress(stripe.InvalidRequestError):
                found = self.find()
            if time.time() < soon:
                break
        self.assertEqual(found.payload, "value")
        time.sleep(max(0, soon - time.time()) + 0.1)
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.find()
        self.assertEqual(caught.exception.http_status, 404)
        self.assertEqual(self.names(), ["stays"])

    def test_a_scope_holds_ten_and_a_full_one_still_replaces(self):
        for number in range(10):
            self.create(name=f"{number}")
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.create(name="one too many")
        self.assertEqual(caught.exception.http_status, 400)
        self.create(name="0", payload="replaced")
        self.assertEqual(self.find("0").payload, "replaced")
        self.assertEqual(len(self.names()), 10)
        self.create(scope=user("usr_1"))

    def test_the_live_key_sees_live_mode_only(self):
        live = server.shared().client(self.app.key(mode="live")).v1.apps.secrets
        created = live.create({"name": "token", "payload": "live", "scope": ACCOUNT})
        self.assertIs(created.livemode, True)
        self.assertEqual(self.names(), [])
        self.assertIs(self.create().livemode, False)
        self.assertEqual(live.find(
            {"name": "token", "scope": ACCOUNT, "expand": ["payload"]}).payload, "live")

    def test_every_answer_has_its_headers(self):
        created = self.create()
        response = created.last_response
        self.assertEqual(response.code, 200)
        self.assertRegex(response.request_id, r"^req_[A-Za-z0-9]{14}$")
        self.assertEqual(response.headers["Stripe-Version"], stripe.api_version)
        self.assertTrue(response.idempotency_key)
        found = self.find().last_response
        self.assertRegex(found.request_id, r"^req_[A-Za-z0-9]{14}$")
        self.assertNotEqual(found.request_id, response.request_id)


class Founded(unittest.TestCase):
    """The keys that `coffer init` printed."""

    def test_the_first_keys_work_in_their_modes(self):
        founded = server.shared().founded
        for key, live in ((founded["test_key"], False), (founded["live_key"], True)):
            secrets = server.shared().client(key).v1.apps.secrets
            created = secrets.create({"name": "first", "payload": "v", "scope": ACCOUNT})
            self.assertIs(created.livemode, live)


class ModuleStyle(unittest.TestCase):
    """The older style: functions of the module, which is set up globally."""

    def setUp(self):
        self.addCleanup(setattr, stripe, "api_key", stripe.api_key)
        self.addCleanup(setattr, stripe, "api_base", stripe.api_base)
        stripe.api_key = server.shared().app().test_key
        stripe.api_base = server.shared().base

    def test_the_four_functions(self):
        names = ["a", "b", "c"]
        for name in names:
            stripe.apps.Secret.create(name=name, payload=f"value {name}", scope=ACCOUNT)
        found = stripe.apps.Secret.find(name="b", scope=ACCOUNT, expand=["payload"])
        self.assertEqual(found.payload, "value b")
        listed = stripe.apps.Secret.list(scope=ACCOUNT, limit=2)
        self.assertTrue(listed.has_more)
        self.assertEqual([secret.name for secret in listed.auto_paging_iter()], ["c", "b", "a"])
        self.assertIs(stripe.apps.Secret.delete_where(name="b", scope=ACCOUNT).deleted, True)
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            stripe.apps.Secret.find(name="b", scope=ACCOUNT)
        self.assertEqual((caught.exception.http_status, caught.exception.param), (404, "name"))
