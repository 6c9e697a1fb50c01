"""Tokens of the sandbox (``api.md`` b), over HTTP."""

from __future__ import annotations

import base64
import json
import time

import httpx
import pytest
from sandbox_calls import client, item_body, item_xml, token

from qtisync.sandbox.options import ALL_SCOPES, READ_SCOPE, Options
from qtisync.sandbox.server import Sandbox

FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


def mint(sandbox, form=FORM, **more):
    return httpx.post(sandbox.token_url, data=form, verify=False, **more)


def bearer(sandbox, value):
    return httpx.get(f"{sandbox.base_url}/assessment-items", headers={"Authorization": value}, verify=False)


def test_credentials_may_come_in_the_form_or_as_basic(sandbox):
    basic = mint(sandbox, auth=(sandbox.client_id, sandbox.client_secret))

    assert set(basic.json()) == {"access_token", "expires_in", "token_type"}
    assert (basic.json()["expires_in"], basic.json()["token_type"]) == (3600, "Bearer")
    assert bearer(sandbox, f"Bearer {basic.json()['access_token']}").status_code == 200
    assert bearer(sandbox, f"Bearer {token(sandbox)}").status_code == 200
    assert sandbox.tokens.mints == 2


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (FORM | {"client_id": "sandbox-client", "client_secret": "sandbox-secret "}, "invalid_client"),
        (FORM | {"client_id": "other", "client_secret": "sandbox-secret"}, "invalid_client"),
        (FORM, "invalid_client"),
        ({"client_id": "sandbox-client", "client_secret": "sandbox-secret"}, "unsupported_grant_type"),
        (FORM | {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "scope": "admin"}, "invalid_scope"),
    ],
)
def test_wrong_token_request_is_refused(sandbox, form, error):
    answer = mint(sandbox, form)

    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert sandbox.tokens.mints == 0


@pytest.mark.parametrize("value", ["Basic eDp5", "Basic %%%"])
def test_wrong_basic_credentials_are_refused(sandbox, value):
    answer = mint(sandbox, headers={"Authorization": value})

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_client"})


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer made-up", "Basic eDp5"])
def test_calls_without_a_known_token_are_401(sandbox, value):
    assert (bearer(sandbox, value).status_code, bearer(sandbox, value).json()["error"]) == (401, "Unauthorized")


def test_token_expires_with_the_words_of_the_api():
    with Sandbox(Options(token_life=0.05)) as sandbox:
        value = f"Bearer {token(sandbox)}"
        assert bearer(sandbox, value).status_code == 200
        time.sleep(0.06)

        answer = bearer(sandbox, value)

        assert (answer.status_code, answer.json()) == (401, {"message": "jwt expired"})


def test_token_may_claim_another_life_than_it_has():
    with Sandbox(Options(token_claim=1)) as sandbox:
        answer = mint(sandbox, auth=(sandbox.client_id, sandbox.client_secret))

        assert answer.json()["expires_in"] == 1


def test_revoked_tokens_are_unknown_and_new_ones_work(sandbox):
    value = f"Bearer {token(sandbox)}"
    sandbox.revoke_tokens()

    assert bearer(sandbox, value).status_code == 401
    assert bearer(sandbox, f"Bearer {token(sandbox)}").status_code == 200


def test_rotated_secret_is_the_only_one_that_works(sandbox):
    sandbox.tokens.set_secret("rotated")

    answers = [mint(sandbox, auth=(sandbox.client_id, secret)) for secret in (sandbox.client_secret, "rotated")]

    assert [answer.status_code for answer in answers] == [400, 200]


def test_read_only_client_reads_and_validates_but_does_not_write():
    with Sandbox(Options(scopes=(READ_SCOPE,))) as sandbox, client(sandbox) as api:
        sandbox.world.put_item("q1", item_xml("q1"))

        answers = [
            api.get("/assessment-items/q1"),
            api.post("/validate", json={"schema": "item", "xml": item_xml()}),
            api.put("/assessment-items/q1", json=item_body("q1")),
            api.post("/assessment-items", json=item_body("q2")),
            api.post("/assessment-items/metadata", json=item_body("q1", metadata={})),
            api.delete("/assessment-items/q1"),
        ]

        assert [answer.status_code for answer in answers] == [200, 200, 403, 403, 403, 403]


def test_token_shows_its_scopes_as_a_jwt_does(sandbox):
    claims = token(sandbox).split(".")[1]

    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["scope"] == " ".join(ALL_SCOPES)
