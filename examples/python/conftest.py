"""A pytest fixture: a Coffer server for the suite, and an app of its own for each test.

Copy it beside your tests. `coffer` must be on the PATH.
"""

import subprocess

import pytest
import stripe


@pytest.fixture(scope="session")
def coffer_server():
    """The variables of a server that ends with the suite, also if that is killed."""
    command = ["coffer", "dev", "--port", "0", "--temporary", "--print-env",
               "--exit-with-parent", "--log-level", "warn"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = [server.stdout.readline().strip() for _ in range(9)]
    yield dict(line.split("=", 1) for line in lines)
    server.terminate()
    server.wait()


@pytest.fixture
def coffer(coffer_server, request):
    """The SDK's client with a key that no other test has: its app is empty."""
    name = "".join(letter if letter.isalnum() else "_" for letter in request.node.nodeid)
    return stripe.StripeClient(f"sk_test_{name}"[:200], max_network_retries=2,
                               base_addresses={"api": coffer_server["STRIPE_API_BASE"]})
