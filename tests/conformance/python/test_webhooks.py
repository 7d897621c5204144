"""Webhooks with the SDK: endpoints by its methods, deliveries verified and constructed by it."""

import http.server
import queue
import threading
import unittest

import stripe

import server

PATIENCE = 60


class Receiver(http.server.BaseHTTPRequestHandler):
    """Puts each request into the queue of its server, and answers with success."""

    def do_POST(self):
        length = int(self.headers["content-length"])
        self.server.arrived.put((self.rfile.read(length), self.headers["stripe-signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server(developer=True)

    def setUp(self):
        self.receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.receiver.arrived = queue.Queue()
        threading.Thread(target=self.receiver.serve_forever, daemon=True).start()
        self.addCleanup(self.receiver.server_close)
        self.addCleanup(self.receiver.shutdown)
        self.url = f"http://127.0.0.1:{self.receiver.server_port}/hooks"
        self.client = self.server.client("sk_test_" + self.id().rsplit(".", 1)[-1])
        self.endpoints = self.client.v1.webhook_endpoints

    def endpoint(self, **more):
        return self.endpoints.create({"url": self.url, "enabled_events": ["*"], **more})

    def happen(self):
        """Makes a plan; the event's id."""
        self.client.raw_request(
            "post", "/v1/reserve/plans", percent=10, type="rolling_release",
            rolling_release={"days_after_charge": 30})
        return self.client.v1.events.list({"limit": 1}).data[0].id

    def arrived(self):
        return self.receiver.arrived.get(timeout=PATIENCE)

    def test_endpoints_have_the_types_of_the_sdk(self):
        made = self.endpoint(description="mine", metadata={"k": "v"})
        self.assertIsInstance(made, stripe.WebhookEndpoint)
        self.assertTrue(made.secret.startswith("whsec_"))
        read = self.endpoints.retrieve(made.id)
        self.assertEqual((read.url, read.status, read.description), (self.url, "enabled", "mine"))
        self.assertFalse(hasattr(read, "secret"))
        changed = self.endpoints.update(made.id, {"disabled": True, "metadata": {"k": ""}})
        self.assertEqual((changed.status, changed.metadata.to_dict()), ("disabled", {}))
        self.assertEqual([each.id for each in self.endpoints.list().data], [made.id])
        self.assertTrue(self.endpoints.delete(made.id).deleted)
        with self.assertRaises(stripe.InvalidRequestError) as caught:
            self.endpoints.retrieve(made.id)
        self.assertEqual(caught.exception.code, "resource_missing")

    def test_a_delivery_is_verified_and_constructed(self):
        made = self.endpoint()
        happened = self.happen()
        body, signature = self.arrived()
        event = self.client.construct_event(body, signature, made.secret)
        self.assertIsInstance(event, stripe.Event)
        self.assertEqual((event.id, event.type), (happened, "reserve.plan.created"))
        self.assertEqual(event.data.object["object"], "reserve.plan")
        self.assertEqual(event.pending_webhooks, 1)
        with self.assertRaises(stripe.SignatureVerificationError):
            self.client.construct_event(body.replace(b"10", b"11"), signature, made.secret)
        with self.assertRaises(stripe.SignatureVerificationError):
            self.client.construct_event(body, signature, made.secret + "x")

    def test_while_a_secret_is_rolled_both_verify(self):
        made = self.endpoint()
        rolled = self.client.deserialize(
            self.client.raw_request("post", f"/v1/webhook_endpoints/{made.id}/roll_secret"),
            api_mode="V1")
        self.assertNotEqual(made.secret, rolled.secret)
        happened = self.happen()
        body, signature = self.arrived()
        for secret in (made.secret, rolled.secret):
            self.assertEqual(stripe.Webhook.construct_event(body, signature, secret).id, happened)

    def test_a_test_event_is_constructed(self):
        made = self.endpoint()
        self.client.raw_request("post", f"/v1/webhook_endpoints/{made.id}/test")
        body, signature = self.arrived()
        event = self.client.construct_event(body, signature, made.secret)
        self.assertEqual((event.type, event.data.object["id"]), ("coffer.webhook.test", made.id))

    def test_an_older_version_is_rendered_for_its_endpoint(self):
        made = self.endpoint(api_version="2025-12-15.clover")
        self.happen()
        body, signature = self.arrived()
        event = self.client.construct_event(body, signature, made.secret)
        self.assertEqual(event.api_version, "2025-12-15.clover")
        self.assertNotIn("destination", event.data.object)


if __name__ == "__main__":
    unittest.main()
