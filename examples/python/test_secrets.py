"""Tests that use the fixture of conftest.py."""

import pytest
import stripe

ACCOUNT = {"type": "account"}


def test_a_secret_is_found(coffer):
    coffer.v1.apps.secrets.create({"name": "oauth", "payload": "value", "scope": ACCOUNT})
    found = coffer.v1.apps.secrets.find(
        {"name": "oauth", "scope": ACCOUNT, "expand": ["payload"]})
    assert found.payload == "value"


def test_each_test_has_an_app_of_its_own(coffer):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        coffer.v1.apps.secrets.find({"name": "oauth", "scope": ACCOUNT})
    assert caught.value.code == "resource_missing"
