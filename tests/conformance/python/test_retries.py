"""A call that is tried again, by the SDK or by its user, is done once."""

import concurrent.futures
import unittest

import stripe

import proxy
import server

ACCOUNT = {"type": "account"}
SECRET = {"name": "token", "payload": "value", "scope": ACCOUNT}
REPLAYED = "Idempotent-Replayed"


class Retries(unittest.TestCase):
    def setUp(self):
        self.app = server.shared().app()
        self.direct = self.app.client().v1.apps.secrets

    def through(self, *plan):
        """A proxy with this plan, and the SDK's calls through it, with two retries."""
        between = proxy.Proxy(server.shared().port, plan)
        self.addCleanup(between.stop)
        client = server.shared().client(self.app.test_key, between.base, max_network_retries=2)
        return between, client.v1.apps.secrets

    def assert_one_secret(self, secret_id):
        listed = self.direct.list({"scope": ACCOUNT})
        self.assertEqual([secret.id for secret in listed.data], [secret_id])

    def assert_one_key(self, between, attempts):
        keys = [headers["Idempotency-Key"] for headers in between.seen]
        self.assertEqual(len(keys), attempts)
        self.assertEqual(len(set(keys)), 1)
        self.assertTrue(keys[0])

    def test_an_answer_that_was_lost_is_given_again(self):
        between, secrets = self.through(proxy.LOSE_THE_ANSWER)
        created = secrets.create({**SECRET, "expand": ["payload"]})
        self.assert_one_key(between, attempts=2)
        headers = created.last_response.headers
        self.assertEqual(headers[REPLAYED], "true")
        self.assertRegex(headers["Original-Request"], r"^req_")
        self.assertNotEqual(headers["Original-Request"], created.last_response.request_id)
        self.assertEqual(created.payload, "value")
        self.assert_one_secret(created.id)

    def test_an_answer_that_was_lost_twice_is_given_again(self):
        between, secrets = self.through(proxy.LOSE_THE_ANSWER, proxy.LOSE_THE_ANSWER)
        created = secrets.create(SECRET)
        self.assert_one_key(between, attempts=3)
        self.assertEqual(created.last_response.headers[REPLAYED], "true")
        self.assert_one_secret(created.id)

    def test_a_delete_whose_answer_was_lost_is_no_404(self):
        secret_id = self.direct.create(SECRET).id
        between, secrets = self.through(proxy.LOSE_THE_ANSWER)
        deleted = secrets.delete_where({"name": "token", "scope": ACCOUNT})
        self.assert_one_key(between, attempts=2)
        self.assertEqual((deleted.id, deleted.deleted), (secret_id, True))
        self.assertEqual(deleted.last_response.headers[REPLAYED], "true")

    def test_a_read_whose_answer_was_lost_is_read_again(self):
        self.direct.create(SECRET)
        between, secrets = self.through(proxy.LOSE_THE_ANSWER)
        params = {"name": "token", "scope": ACCOUNT, "expand": ["payload"]}
        found = secrets.find(params)
        self.assertEqual(found.payload, "value")
        self.assertEqual(len(between.seen), 2)
        self.assertNotIn(REPLAYED, found.last_response.headers)

    def test_a_request_that_never_arrived_is_done_afterwards(self):
        for status in (proxy.CONFLICT, proxy.UNAVAILABLE):
            with self.subTest(status):
                between, secrets = self.through(status)
                created = secrets.create(SECRET)
                self.assert_one_key(between, attempts=2)
                self.assertNotIn(REPLAYED, created.last_response.headers)
                self.assert_one_secret(created.id)

    def test_the_older_style_retries_as_well(self):
        between, _ = self.through(proxy.LOSE_THE_ANSWER, proxy.UNAVAILABLE)
        self.addCleanup(setattr, stripe, "api_base", stripe.api_base)
        stripe.api_base = between.base
        created = stripe.apps.Secret.create(**SECRET, api_key=self.app.test_key)
        self.assert_one_key(between, attempts=3)
        self.assertEqual(created.last_response.headers[REPLAYED], "true")
        self.assert_one_secret(created.id)


class IdempotencyKeys(unittest.TestCase):
    def setUp(self):
        self.app = server.shared().app()
        self.secrets = self.app.client().v1.apps.secrets

    def create(self, key, **more):
        return self.secrets.create({**SECRET, **more}, {"idempotency_key": key})

    def test_the_same_again_gives_the_first_answer(self):
        first, second = self.create("key"), self.create("key")
        self.assertNotIn(REPLAYED, first.last_response.headers)
        self.assertEqual(second.last_response.headers[REPLAYED], "true")
        self.assertEqual(second.last_response.headers["Original-Request"],
                         first.last_response.request_id)
        self.assertEqual(second.last_response.idempotency_key, "key")
        self.assertEqual(second.last_response.body, first.last_response.body)

    def test_other_parameters_or_another_call_are_refused(self):
        created = self.create("key")
        calls = [
            lambda: self.create("key", payload="other"),
            lambda: self.create("key", expand=["payload"]),
            lambda: self.secrets.delete_where(
                {"name": "token", "scope": ACCOUNT}, {"idempotency_key": "key"}),
        ]
        for number, call in enumerate(calls):
            with self.subTest(number):
                with self.assertRaises(stripe.IdempotencyError) as caught:
                    call()
                self.assertEqual(caught.exception.http_status, 400)
        params = {"name": "token", "scope": ACCOUNT, "expand": ["payload"]}
        found = self.secrets.find(params)
        self.assertEqual((found.id, found.payload), (created.id, "value"))

    def test_a_replay_does_not_bring_back_what_was_deleted(self):
        created = self.create("key")
        self.secrets.delete_where({"name": "token", "scope": ACCOUNT})
        self.assertEqual(self.create("key").id, created.id)
        self.assertEqual(self.secrets.list({"scope": ACCOUNT}).data, [])

    def test_a_404_is_kept_and_a_wrong_parameter_is_not(self):
        options = {"idempotency_key": "deletes"}
        for _ in range(2):
            with self.assertRaises(stripe.InvalidRequestError) as caught:
                self.secrets.delete_where({"name": "token", "scope": ACCOUNT}, options)
            self.create("creates")
        self.assertEqual(caught.exception.headers[REPLAYED], "true")
        with self.assertRaises(stripe.InvalidRequestError):
            self.create("corrected", expires_at=1)
        self.create("corrected")

    def test_apps_do_not_share_keys(self):
        other = server.shared().app().client().v1.apps.secrets
        first = self.create("key")
        second = other.create({**SECRET, "payload": "other"}, {"idempotency_key": "key"})
        self.assertNotEqual(second.id, first.id)

    def test_all_at_once_one_is_executed(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            tries = [pool.submit(self.create, "key") for _ in range(16)]
            answers = [one.result() for one in tries]
        self.assertEqual(len({answer.id for answer in answers}), 1)
        replayed = [REPLAYED in answer.last_response.headers for answer in answers]
        self.assertEqual(replayed.count(False), 1)
