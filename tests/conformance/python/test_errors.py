"""What is refused becomes the exception that the SDK has for it."""

import http.client
import time
import unittest

import stripe

import server

ACCOUNT = {"type": "account"}
SECRET = {"name": "token", "payload": "value", "scope": ACCOUNT}
CENTURY = 100 * 366 * 86400


def without(param):
    return {key: value for key, value in SECRET.items() if key != param}


# What is wrong, the parameters of a create, and the code and param of its 400.
BAD_PARAMETERS = [
    ("no name", without("name"), "parameter_missing", "name"),
    ("no payload", without("payload"), "parameter_missing", "payload"),
    ("no scope", without("scope"), "parameter_missing", "scope"),
    ("no type", {**SECRET, "scope": {"user": "usr_1"}}, "parameter_missing", "scope[type]"),
    ("no user", {**SECRET, "scope": {"type": "user"}}, "parameter_missing", "scope[user]"),
    ("a user too many", {**SECRET, "scope": {"type": "account", "user": "usr_1"}}, None,
     "scope[user]"),
    ("another type", {**SECRET, "scope": {"type": "team"}}, None, "scope[type]"),
    ("scope is text", {**SECRET, "scope": "account"}, None, "scope"),
    ("empty name", {**SECRET, "name": ""}, "parameter_invalid_empty", "name"),
    ("empty payload", {**SECRET, "payload": ""}, "parameter_invalid_empty", "payload"),
    ("unknown", {**SECRET, "metadata": {"a": "b"}}, "parameter_unknown", "metadata"),
    ("no time", {**SECRET, "expires_at": "soon"}, "parameter_invalid_integer", "expires_at"),
    ("the past", {**SECRET, "expires_at": int(time.time()) - 60}, None, "expires_at"),
    ("too far", {**SECRET, "expires_at": int(time.time()) + CENTURY}, None, "expires_at"),
    ("no such expansion", {**SECRET, "expand": ["nonsense"]}, None, None),
]


class Errors(unittest.TestCase):
    def setUp(self):
        self.app = server.shared().app()
        self.secrets = self.app.client().v1.apps.secrets

    def refused(self, kind, status, call, *arguments, **options):
        """Asserts that the call raises just this class and status; gives the exception."""
        with self.assertRaises(stripe.StripeError) as caught:
            call(*arguments, **options)
        error = caught.exception
        self.assertIs(type(error), kind, error)
        self.assertEqual(error.http_status, status, error)
        self.assertRegex(error.request_id, r"^req_[A-Za-z0-9]{14}$")
        self.assertTrue(error.user_message)
        return error

    def test_what_is_not_there_is_a_404(self):
        self.secrets.create({**SECRET, "name": "another"})
        for call in (self.secrets.find, self.secrets.delete_where):
            params = {"name": "token", "scope": ACCOUNT}
            error = self.refused(stripe.InvalidRequestError, 404, call, params)
            self.assertEqual((error.code, error.param), ("resource_missing", "name"))
            self.assertEqual(error.user_message, "No such secret: 'token'")

    def test_wrong_parameters_are_a_400_that_names_them(self):
        for what, params, code, param in BAD_PARAMETERS:
            with self.subTest(what):
                error = self.refused(stripe.InvalidRequestError, 400, self.secrets.create, params)
                self.assertEqual((error.code, error.param), (code, param), error)
        self.assertEqual(self.secrets.list({"scope": ACCOUNT}).data, [])

    def test_list_hints_at_the_path_of_an_expansion(self):
        params = {"scope": ACCOUNT, "expand": ["payload"]}
        error = self.refused(stripe.InvalidRequestError, 400, self.secrets.list, params)
        self.assertIn("data.payload", error.user_message)

    def test_both_cursors_exclude_each_other(self):
        cursor = self.secrets.create(SECRET).id
        params = {"scope": ACCOUNT, "starting_after": cursor, "ending_before": cursor}
        self.refused(stripe.InvalidRequestError, 400, self.secrets.list, params)

    def test_a_wrong_key_is_a_401_and_is_not_shown(self):
        key = "sk_test_coffer_thisKeyIsNotOneOfTheServers1234"
        secrets = server.shared().client(key).v1.apps.secrets
        error = self.refused(stripe.AuthenticationError, 401, secrets.list, {"scope": ACCOUNT})
        self.assertIn("Invalid API Key provided: sk_test_", error.user_message)
        self.assertNotIn("thisKeyIsNotOneOfTheServers", str(error))

    def test_a_refusal_leaves_the_connection_to_the_next_request(self):
        """The SDK sends the body after the head; what the head refuses must not cut it off."""
        connection = http.client.HTTPConnection("127.0.0.1", server.shared().port, timeout=300)
        self.addCleanup(connection.close)
        connection.connect()
        # Without this, Python would quietly connect again.
        connection.auto_open = 0
        body = b"name=token&payload=value&scope[type]=account"
        for _ in range(3):
            connection.putrequest("POST", "/v1/apps/secrets")
            connection.putheader("Authorization", "Bearer sk_test_coffer_nobody1234")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders()
            time.sleep(0.2)
            connection.send(body)
            response = connection.getresponse()
            self.assertEqual(response.status, 401)
            response.read()

    def test_a_revoked_key_is_a_401(self):
        made = server.shared().admin("/v1/admin/api_keys", app=self.app.id, mode="test")
        secrets = server.shared().client(made["key"]).v1.apps.secrets
        secrets.create(SECRET)
        server.shared().admin(f"/v1/admin/api_keys/{made['id']}/revoke")
        error = self.refused(stripe.AuthenticationError, 401, secrets.list, {"scope": ACCOUNT})
        self.assertEqual(error.error.code, "api_key_expired")
        self.assertEqual(len(self.secrets.list({"scope": ACCOUNT}).data), 1)

    def test_a_publishable_key_is_a_403(self):
        secrets = server.shared().client("pk_test_coffer_anything1234").v1.apps.secrets
        error = self.refused(stripe.PermissionError, 403, secrets.list, {"scope": ACCOUNT})
        self.assertEqual(error.error.code, "secret_key_required")

    def test_an_admin_key_opens_no_secret(self):
        client = server.shared().client(server.shared().founded["admin_key"])
        self.refused(stripe.PermissionError, 403, client.v1.apps.secrets.list, {"scope": ACCOUNT})

    def test_an_unknown_url_is_a_404(self):
        client = self.app.client()
        path = "/v1/apps/secrets/appsecret_1"
        error = self.refused(stripe.InvalidRequestError, 404, client.raw_request, "get", path)
        self.assertIn(f"GET: {path}", error.user_message)

    def test_another_version_of_the_api_is_sent_back(self):
        secrets = self.app.client(stripe_version="2024-06-20").v1.apps.secrets
        answer = secrets.list({"scope": ACCOUNT}).last_response
        self.assertEqual(answer.headers["Stripe-Version"], "2024-06-20")
        secrets = self.app.client(stripe_version="yesterday").v1.apps.secrets
        self.refused(stripe.InvalidRequestError, 400, secrets.list, {"scope": ACCOUNT})
