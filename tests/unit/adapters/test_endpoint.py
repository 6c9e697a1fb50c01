"""The values that describe a target."""

from __future__ import annotations

from functools import partial

from qtisync.adapters.endpoint import Endpoint, Timeouts


def test_endpoint_does_not_show_where_its_secrets_come_from():
    endpoint = Endpoint(
        base_url="https://qti.example.org/api",
        token_url="https://login.example.org/token",
        client_id=partial(str, "CANARY-ID"),
        client_secret=partial(str, "CANARY-SECRET"),
    )

    assert "CANARY" not in repr(endpoint)


def test_longest_send_is_two_tries_and_four_token_calls():
    assert Timeouts(total=10.0, token_total=2.0).longest == 28.0
