"""Whether a webhook really comes from who knows its secret: over the raw body, in constant time, a plain yes or no.

A signature that is missing, malformed, there twice, not ASCII or of the wrong length is a no like any other. Where a
forge sends the same signature under several names, all that are there must be right.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
from urllib.parse import parse_qs

from qtisync.web.headers import Headers

TOLERANCE = 300.0
"""Seconds that the time of a signed delivery may differ from ours (Standard Webhooks)."""
MANY_SIGNATURES = 8
"""While a secret is rotated a delivery carries one signature for each; nobody needs more."""
_SIGNING = "whsec_"
_FORM = b"application/x-www-form-urlencoded"
_TIMESTAMP_DIGITS = 12


class Forge(enum.StrEnum):
    """Who may tell of a push, named as in the path of its webhook."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    """Forgejo too."""
    BITBUCKET = "bitbucket"
    """Bitbucket Cloud and Data Center."""
    GENERIC = "generic"


def is_genuine(forge: Forge, secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """Whether ``body`` was sent by somebody who knows ``secret``; ``now`` is in seconds since the epoch."""
    if not secret:
        return False
    key = secret.encode()
    match forge:
        case Forge.GITHUB:
            return _all_right(key, headers, body, prefixed=("X-Hub-Signature-256",))
        case Forge.BITBUCKET:
            return _all_right(key, headers, body, prefixed=("X-Hub-Signature",))
        case Forge.GENERIC:
            return _all_right(key, headers, body, prefixed=("X-Signature-256",))
        case Forge.GITEA:
            return _of_gitea(key, headers, body)
        case Forge.GITLAB:
            return _of_gitlab(secret, headers, body, now)


def form_payload(headers: Headers, body: bytes) -> bytes | None:
    """The JSON in a form body (GitHub and Gitea can be set to send one); ``None``: it is no form."""
    kind = headers.only("Content-Type")
    if kind is None or kind.split(b";")[0].strip().lower() != _FORM:
        return None
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=16, errors="surrogateescape")
    except ValueError:
        return b""
    return fields.get("payload", [""])[0].encode(errors="surrogateescape")


def _of_gitea(key: bytes, headers: Headers, body: bytes) -> bool:
    # Gitea signs the JSON also when it sends it as a form.
    payload = form_payload(headers, body)
    return _all_right(
        key,
        headers,
        body if payload is None else payload,
        bare=("X-Gitea-Signature", "X-Forgejo-Signature"),
        prefixed=("X-Hub-Signature-256",),
    )


def _all_right(
    key: bytes, headers: Headers, body: bytes, *, prefixed: tuple[str, ...], bare: tuple[str, ...] = ()
) -> bool:
    """Whether there is a signature of the body, and none that is wrong."""
    expected = hmac.new(key, body, hashlib.sha256).hexdigest().encode()
    forms = [(name, b"sha256=") for name in prefixed] + [(name, b"") for name in bare]
    verdicts = [_equal(headers.only(name), before + expected) for name, before in forms if headers.has(name)]
    return bool(verdicts) and all(verdicts)


def _of_gitlab(secret: str, headers: Headers, body: bytes, now: float) -> bool:
    """A signing token (``whsec_…``) demands a signature; a secret token is sent as it is, in a header."""
    if secret.startswith(_SIGNING):
        return _standard(secret.removeprefix(_SIGNING), headers, body, now)
    given = headers.only("X-Gitlab-Token")
    if given is None:
        return False
    # Digests, so that not even the length of the secret shows in the time that this takes.
    return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(secret.encode()).digest())


def _standard(encoded: str, headers: Headers, body: bytes, now: float) -> bool:
    """Standard Webhooks: ``v1,<base64>`` of ``{webhook-id}.{webhook-timestamp}.{body}``."""
    message, at = headers.only("webhook-id"), headers.only("webhook-timestamp")
    given = headers.only("webhook-signature")
    if not message or not at or not given or not at.isdigit() or len(at) > _TIMESTAMP_DIGITS:
        return False
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    if not key or abs(now - int(at)) > TOLERANCE:
        return False
    signed = hmac.new(key, b".".join((message, at, body)), hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(signed)
    verdicts = [_equal(one, expected) for one in given.split()[:MANY_SIGNATURES]]
    return any(verdicts)


def _equal(given: bytes | None, expected: bytes) -> bool:
    return given is not None and hmac.compare_digest(given, expected)
