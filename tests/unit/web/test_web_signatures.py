"""A signature is right or it is not: nothing that is malformed is more than a no."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from forge_messages import (
    ID,
    MESSAGES,
    NOW,
    SECRET,
    SIGNING_TOKEN,
    Message,
    as_headers,
    body_of,
    form_of,
    github_push,
    hexmac,
    signature_of,
    standard,
)

from qtisync.web.signatures import Forge, form_payload, is_genuine

BODY = b'{"ref": "refs/heads/main"}'
MAC = hexmac(BODY)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_what_a_forge_signs_is_genuine(message: Message):
    headers = as_headers(*message.headers, *signature_of(message))

    assert is_genuine(message.forge, SECRET, headers, message.body, NOW)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_another_secret_or_no_signature_is_not_genuine(message: Message):
    signed = as_headers(*message.headers, *signature_of(message))

    assert not is_genuine(message.forge, "another secret", signed, message.body, NOW)
    assert not is_genuine(message.forge, "", signed, message.body, NOW)
    assert not is_genuine(message.forge, SECRET, as_headers(*message.headers), message.body, NOW)


@pytest.mark.parametrize(
    "message",
    [message for message in MESSAGES.values() if message.forge is not Forge.GITLAB],
    ids=[name for name, message in MESSAGES.items() if message.forge is not Forge.GITLAB],
)
def test_a_body_changed_by_one_byte_is_not_genuine(message: Message):
    headers = as_headers(*message.headers, *signature_of(message))

    assert not is_genuine(message.forge, SECRET, headers, message.body + b" ", NOW)
    assert not is_genuine(message.forge, SECRET, headers, b"", NOW)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (("X-Hub-Signature-256", ""),),
        (("X-Hub-Signature-256", "sha256="),),
        (("X-Hub-Signature-256", MAC),),
        (("X-Hub-Signature-256", f"sha256={MAC[:-1]}"),),
        (("X-Hub-Signature-256", f"sha256={MAC}0"),),
        (("X-Hub-Signature-256", f"sha256 = {MAC}"),),
        (("X-Hub-Signature-256", f"sha1={MAC}"),),
        (("X-Hub-Signature-256", f"sha256={'é' * 64}"),),
        (("X-Hub-Signature-256", f"sha256={MAC}"), ("X-Hub-Signature-256", f"sha256={MAC}")),
        (("X-Hub-Signature", "sha1=" + hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()),),
        (("X-Gitea-Signature", MAC),),
    ],
)
def test_a_malformed_or_repeated_signature_is_a_no(lines: tuple[tuple[str, str], ...]):
    assert not is_genuine(Forge.GITHUB, SECRET, as_headers(*lines), BODY, NOW)


def test_space_around_a_header_does_no_harm():
    assert is_genuine(Forge.GITHUB, SECRET, as_headers(("X-Hub-Signature-256", f" sha256={MAC} ")), BODY, NOW)


@pytest.mark.parametrize(
    ("lines", "genuine"),
    [
        ((("X-Gitea-Signature", MAC),), True),
        ((("X-Forgejo-Signature", MAC),), True),
        ((("X-Hub-Signature-256", f"sha256={MAC}"),), True),
        ((("X-Gogs-Signature", MAC),), False),
        ((("X-Forgejo-Signature", "0" * 64), ("X-Gitea-Signature", MAC)), False),
        ((("X-Hub-Signature-256", "sha256=" + "0" * 64), ("X-Gitea-Signature", MAC)), False),
        ((("X-Gitea-Signature", f"sha256={MAC}"),), False),
    ],
)
def test_gitea_and_forgejo_sign_under_several_names_and_all_must_be_right(
    lines: tuple[tuple[str, str], ...], genuine: bool
):
    assert is_genuine(Forge.GITEA, SECRET, as_headers(*lines), BODY, NOW) is genuine


def test_gitea_signs_the_json_of_a_form_and_github_the_form_itself():
    body, form = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), form_of(github_push())
    payload = form_payload(as_headers(body), form)
    assert payload is not None

    of_json, of_form = hexmac(payload), hexmac(form)

    assert is_genuine(Forge.GITEA, SECRET, as_headers(body, ("X-Gitea-Signature", of_json)), form, NOW)
    assert not is_genuine(Forge.GITEA, SECRET, as_headers(body, ("X-Gitea-Signature", of_form)), form, NOW)
    assert is_genuine(Forge.GITHUB, SECRET, as_headers(body, ("X-Hub-Signature-256", f"sha256={of_form}")), form, NOW)


@pytest.mark.parametrize("given", ["", SECRET[:-1], SECRET + "x", "é" * len(SECRET), SECRET.upper()])
def test_gitlab_secret_token_must_be_the_same(given: str):
    assert not is_genuine(Forge.GITLAB, SECRET, as_headers(("X-Gitlab-Token", given)), BODY, NOW)


def test_gitlab_secret_token_given_twice_is_a_no():
    token = ("X-Gitlab-Token", SECRET)

    assert not is_genuine(Forge.GITLAB, SECRET, as_headers(token, token), BODY, NOW)


def signed(body: bytes = BODY, **others: str) -> list[tuple[str, str]]:
    values = {"webhook-id": ID, "webhook-timestamp": str(int(NOW)), "webhook-signature": standard(body), **others}
    return list(values.items())


OTHER = "v1,MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.mark.parametrize(
    ("lines", "genuine"),
    [
        (signed(), True),
        (signed(**{"webhook-signature": f"{OTHER} {standard(BODY)}"}), True),
        (signed(**{"webhook-signature": f"v1a,xyz  {standard(BODY)} {OTHER}"}), True),
        (signed(**{"webhook-signature": " ".join([OTHER] * 8 + [standard(BODY)])}), False),
        (signed(**{"webhook-signature": OTHER}), False),
        (signed(**{"webhook-signature": standard(BODY).removeprefix("v1,")}), False),
        (signed(**{"webhook-signature": standard(BODY).replace("v1,", "v2,")}), False),
        (signed(**{"webhook-signature": standard(BODY).rstrip("=")}), False),
        (signed(**{"webhook-signature": ""}), False),
        (signed(**{"webhook-signature": "v1,é"}), False),
        (signed(b"another body"), False),
        (signed(**{"webhook-id": "another"}), False),
        (signed(**{"webhook-id": ""}), False),
        (signed(**{"webhook-timestamp": str(int(NOW) + 1)}), False),
        (signed(**{"webhook-timestamp": "-1"}), False),
        (signed(**{"webhook-timestamp": "9" * 400}), False),
        (signed(**{"webhook-timestamp": "²³"}), False),
        (signed(**{"webhook-timestamp": f"{NOW}"}), False),
        (signed() + signed(), False),
        (signed()[:2], False),
        (signed()[1:], False),
        ([("X-Gitlab-Token", SIGNING_TOKEN)], False),
        ([*signed(), ("X-Gitlab-Token", "whatever")], True),
    ],
)
def test_gitlab_signing_token_demands_a_standard_webhooks_signature(lines: list[tuple[str, str]], genuine: bool):
    assert is_genuine(Forge.GITLAB, SIGNING_TOKEN, as_headers(*lines), BODY, NOW) is genuine


@pytest.mark.parametrize(("late", "genuine"), [(300, True), (-300, True), (301, False), (-301, False), (1e9, False)])
def test_a_signed_delivery_is_good_for_five_minutes(late: float, genuine: bool):
    assert is_genuine(Forge.GITLAB, SIGNING_TOKEN, as_headers(*signed()), BODY, NOW + late) is genuine


@pytest.mark.parametrize("token", ["whsec_", "whsec_not base64!", "whsec_abc"])
def test_signing_token_that_is_no_base64_trusts_nobody(token: str):
    assert not is_genuine(Forge.GITLAB, token, as_headers(*signed()), BODY, NOW)


def test_form_payload_is_the_json_of_a_form_and_of_nothing_else():
    form = as_headers(("Content-Type", "Application/X-WWW-Form-Urlencoded"))

    assert form_payload(form, b"payload=%7B%22a%22%3A%22%C3%A4%22%7D") == '{"a":"ä"}'.encode()
    assert form_payload(form, b"payload=%FF") == b"\xff"
    assert form_payload(form, b"other=1") == b""
    assert form_payload(form, b"\xff") == b""
    assert form_payload(form, b"&".join([b"payload=1"] * 17)) == b""
    assert form_payload(as_headers(("Content-Type", "application/json")), body_of({})) is None
    assert form_payload(as_headers(), b"") is None
