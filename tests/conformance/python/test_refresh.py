"""The example of docs/refresh-tokens.md: many workers, and a provider that forgives nothing."""

import importlib.util
import json
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import stripe

import server

EXAMPLE = Path(__file__).parents[3] / "docs/examples/refresh.py"
SCOPE = {"type": "account"}


class Provider:
    """Gives a pair of tokens for a refresh token, once; a second time ends them all."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0
        self.revoked = False

    def tokens(self, lifetime):
        return {"access": f"access-{self.number}", "refresh": f"refresh-{self.number}",
                "expires_at": time.time() + lifetime}

    def exchange(self, refresh):
        time.sleep(0.05)
        with self.lock:
            if self.revoked or refresh != f"refresh-{self.number}":
                self.revoked = True
                raise RuntimeError("invalid_grant")
            self.number += 1
            return self.tokens(3600)


class Refresh(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server()
        cls.addClassCleanup(cls.server.stop)
        spec = importlib.util.spec_from_file_location("refresh", EXAMPLE)
        cls.example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(cls.example)

    def test_workers_refresh_once(self):
        client, provider = server.App(self.server).client(), Provider()
        for round in range(1, 4):
            stale = json.dumps(provider.tokens(-1))
            client.v1.apps.secrets.create({"name": "oauth", "payload": stale, "scope": SCOPE})
            with ThreadPoolExecutor(20) as workers:
                asked = [workers.submit(self.example.access_token, client, provider.exchange)
                         for _ in range(20)]
                access = {one.result() for one in asked}
            self.assertEqual((access, provider.number), ({f"access-{round}"}, round))
        self.assertFalse(provider.revoked)

    def test_a_refusal_is_stripes_own_error(self):
        client = server.App(self.server).client()
        client.v1.apps.secrets.create({"name": "oauth", "payload": "a", "scope": SCOPE})
        with self.assertRaises(stripe.StripeError) as caught:
            client.v1.apps.secrets.create({"name": "oauth", "payload": "b", "scope": SCOPE},
                                          {"headers": {"Coffer-If-Version": "0"}})
        error = caught.exception
        code = error.json_body["error"]["code"]
        self.assertEqual((error.http_status, code), (409, "secret_version_changed"))


if __name__ == "__main__":
    unittest.main()
