"""The SDK's iterators, in both directions, also while objects go away."""

import unittest

import stripe

import server

ACCOUNT = {"type": "account"}
OLDEST_FIRST = [f"name {number}" for number in range(10)]
NEWEST_FIRST = OLDEST_FIRST[::-1]


class Paging(unittest.TestCase):
    def setUp(self):
        self.secrets = server.shared().app().client().v1.apps.secrets
        self.ids = {}
        for name in OLDEST_FIRST:
            params = {"name": name, "payload": f"payload of {name}", "scope": ACCOUNT}
            self.ids[name] = self.secrets.create(params).id

    def list(self, **params):
        return self.secrets.list({"scope": ACCOUNT, "limit": 3, **params})

    def delete(self, name):
        self.secrets.delete_where({"name": name, "scope": ACCOUNT})

    def test_forward(self):
        for limit in (1, 3, 5, 9, 10, 100):
            with self.subTest(limit=limit):
                page = self.list(limit=limit)
                self.assertEqual(len(page.data), min(limit, 10))
                self.assertIs(page.has_more, limit < 10)
                names = [secret.name for secret in page.auto_paging_iter()]
                self.assertEqual(names, NEWEST_FIRST)

    def test_backward(self):
        """The page before the oldest has what is next newer, the newest at its top."""
        page = self.list(ending_before=self.ids["name 0"])
        self.assertEqual([secret.name for secret in page.data], ["name 3", "name 2", "name 1"])
        self.assertIs(page.has_more, True)
        names = [secret.name for secret in page.auto_paging_iter()]
        self.assertEqual(names, OLDEST_FIRST[1:])

    def test_from_the_middle(self):
        older = self.list(starting_after=self.ids["name 5"]).auto_paging_iter()
        self.assertEqual([secret.name for secret in older], NEWEST_FIRST[5:])
        newer = self.list(ending_before=self.ids["name 5"]).auto_paging_iter()
        self.assertEqual([secret.name for secret in newer], OLDEST_FIRST[6:])

    def test_every_page_is_expanded(self):
        pages = self.list(expand=["data.payload"]).auto_paging_iter()
        payloads = [secret.payload for secret in pages]
        self.assertEqual(payloads, [f"payload of {name}" for name in NEWEST_FIRST])

    def test_pages_by_hand(self):
        first = self.list(limit=5)
        second = first.next_page()
        self.assertEqual([secret.name for secret in second.data], NEWEST_FIRST[5:])
        self.assertIs(second.has_more, False)
        self.assertEqual(second.next_page().data, [])
        back = self.list(limit=5, ending_before=second.data[0].id)
        self.assertEqual([secret.name for secret in back.data], NEWEST_FIRST[:5])

    def test_forward_while_everything_is_deleted(self):
        """The cursor of the next page is gone each time."""
        names = []
        for secret in self.list().auto_paging_iter():
            names.append(secret.name)
            self.delete(secret.name)
        self.assertEqual(names, NEWEST_FIRST)
        self.assertEqual(self.list().data, [])

    def test_backward_while_everything_is_deleted(self):
        names = []
        for secret in self.list(ending_before=self.ids["name 0"]).auto_paging_iter():
            names.append(secret.name)
            self.delete(secret.name)
        self.assertEqual(names, OLDEST_FIRST[1:])
        self.assertEqual([secret.name for secret in self.list().data], ["name 0"])

    def test_what_is_made_meanwhile_does_not_shift_the_pages(self):
        names = []
        for secret in self.list().auto_paging_iter():
            names.append(secret.name)
            if secret.name == "name 9":
                self.delete("name 8")
                self.delete("name 0")
                params = {"name": "new", "payload": "new", "scope": ACCOUNT}
                self.secrets.create(params)
        # The first page was read before, the others were not.
        self.assertEqual(names, NEWEST_FIRST[:-1])

    def test_an_unknown_cursor_is_refused(self):
        for cursor in ("starting_after", "ending_before"):
            with self.assertRaises(stripe.InvalidRequestError) as caught:
                self.list(**{cursor: "appsecret_unknown"})
            error = caught.exception
            self.assertEqual((error.http_status, error.code, error.param),
                             (400, "resource_missing", cursor))

    def test_a_cursor_of_another_scope_is_refused(self):
        elsewhere = {"type": "user", "user": "usr_1"}
        params = {"name": "other", "payload": "value", "scope": elsewhere}
        cursor = self.secrets.create(params).id
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.list(starting_after=cursor)
        self.assertEqual(caught.exception.code, "resource_missing")
