"""Names and payloads of all kinds come back as they went in."""

import unittest

import stripe

import server

NAMES = {
    "slashes": "a/b//c/",
    "the folder above": "../../etc/passwd",
    "a dot, or two": "..",
    "an address": "https://user@host:1/path?query=1&more=2#end",
    "marks of forms": "a=b&c[d]=e;f+g%20h%",
    "brackets": "scope[type]",
    "quotes": "'\"`\\",
    "blanks around": "  token  ",
    "a line's end": "one\r\ntwo\tthree",
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u202eabc\u202c \u0645\u0631\u062d\u0628\u0627",
    "four bytes": "\U0001d11e\U0001f600\U0010ffff",
    "composed": "\u00e9",
    "decomposed": "e\u0301",
    "lower case": "token",
    "upper case": "TOKEN",
    "a path of the API": "find",
}
LONGEST = {"one byte": "x" * 5000, "four bytes": "\U0001f511" * 5000}


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.app = server.shared().app(secrets_per_scope=100)
        cls.secrets = cls.app.client().v1.apps.secrets

    def round_trip(self, name, payload, scope):
        """Every call with this name, in a scope that has nothing else."""
        created = self.secrets.create({"name": name, "payload": payload, "scope": scope})
        self.assertEqual(created.name, name)
        found = self.secrets.find({"name": name, "scope": scope, "expand": ["payload"]})
        self.assertEqual((found.id, found.name, found.payload), (created.id, name, payload))
        listed = self.secrets.list({"scope": scope, "expand": ["data.payload"]}).data
        self.assertEqual([(one.name, one.payload) for one in listed], [(name, payload)])
        self.secrets.delete_where({"name": name, "scope": scope})
        self.assertEqual(self.secrets.list({"scope": scope}).data, [])

    def test_every_call_takes_odd_names(self):
        for what, name in NAMES.items():
            with self.subTest(what):
                self.round_trip(name, f"payload of {name}", {"type": "account"})

    def test_odd_users_are_users(self):
        for what, name in NAMES.items():
            with self.subTest(what):
                self.round_trip("token", "value", {"type": "user", "user": name})

    def test_no_two_names_are_taken_for_one(self):
        scope = {"type": "user", "user": "all names"}
        for what, name in NAMES.items():
            self.secrets.create({"name": name, "payload": what, "scope": scope})
        for what, name in NAMES.items():
            params = {"name": name, "scope": scope, "expand": ["payload"]}
            self.assertEqual(self.secrets.find(params).payload, what)

    def test_five_thousand_characters_fit(self):
        for what, text in LONGEST.items():
            with self.subTest(what):
                self.round_trip(text, text, {"type": "account"})

    def test_one_more_does_not(self):
        for what, text in LONGEST.items():
            for param in ("name", "payload"):
                with self.subTest(what, param=param):
                    params = {"name": "token", "payload": "value", "scope": {"type": "account"}}
                    params[param] = text + text[0]
                    with self.assertRaises(stripe.InvalidRequestError) as caught:
                        self.secrets.create(params)
                    self.assertEqual(caught.exception.http_status, 400)
                    self.assertEqual(caught.exception.param, param)
        self.assertEqual(self.secrets.list({"scope": {"type": "account"}}).data, [])

    def test_a_zero_byte_is_no_part_of_text(self):
        good = {"name": "token", "payload": "value", "scope": {"type": "account"}}
        for param in ("name", "payload"):
            with self.subTest(param):
                with self.assertRaises(stripe.InvalidRequestError) as caught:
                    self.secrets.create({**good, param: "before\0after"})
                error = caught.exception
                self.assertEqual((error.http_status, error.param), (400, param))
