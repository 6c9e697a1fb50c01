"""Whatever a stranger sends, the answer is a plain no or a plain value, never an exception."""

from __future__ import annotations

import json

from forge_messages import NOW, SECRET, SIGNING_TOKEN, as_headers, hexmac
from hypothesis import given
from hypothesis import strategies as st

from qtisync.web.admission import Rules, admission, allowed_hosts
from qtisync.web.headers import Headers
from qtisync.web.pushes import NotAPush, Ping, Push, Unreadable, delivery_id, read_push
from qtisync.web.signatures import Forge, is_genuine

NAMES = st.sampled_from(
    [
        b"x-hub-signature-256",
        b"x-hub-signature",
        b"x-gitea-signature",
        b"x-forgejo-signature",
        b"x-signature-256",
        b"x-gitlab-token",
        b"webhook-id",
        b"webhook-timestamp",
        b"webhook-signature",
        b"content-type",
        b"x-github-event",
        b"x-event-key",
        b"authorization",
        b"host",
    ]
)
VALUES = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(
        [
            b"push",
            b"repo:push",
            b"repo:refs_changed",
            b"application/x-www-form-urlencoded",
            b"sha256=" + b"0" * 64,
            b"v1,",
            str(int(NOW)).encode(),
            b"Basic eDp5",
            b"[::1",
        ]
    ),
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8).map(lambda lines: Headers(tuple(lines)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["ref", "refs", "push", "changes", "new", "old", "name", "type", "id", "object_kind", "event_name"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda document: json.dumps(document).encode())


@given(forge=st.sampled_from(Forge), headers=HEADERS, body=BODIES, signing=st.booleans())
def test_stranger_is_never_taken_for_genuine(forge: Forge, headers: Headers, body: bytes, signing: bool):
    assert not is_genuine(forge, SIGNING_TOKEN if signing else SECRET, headers, body, NOW)


@given(forge=st.sampled_from(Forge), headers=HEADERS, body=BODIES)
def test_message_is_always_read_as_something(forge: Forge, headers: Headers, body: bytes):
    told = read_push(forge, headers, body)

    assert isinstance(told, Push | Ping | NotAPush | Unreadable)
    if isinstance(told, Push):
        assert all(isinstance(ref, str) and ref for ref in told.refs)
    assert delivery_id(forge, headers) is None or headers.lines


@given(body=BODIES, change=st.integers(min_value=0), bit=st.integers(min_value=0, max_value=7))
def test_one_flipped_bit_breaks_the_signature(body: bytes, change: int, bit: int):
    headers = as_headers(("X-Hub-Signature-256", f"sha256={hexmac(body)}"))
    assert is_genuine(Forge.GITHUB, SECRET, headers, body, NOW)
    if body:
        place = change % len(body)
        other = body[:place] + bytes([body[place] ^ (1 << bit)]) + body[place + 1 :]
        assert not is_genuine(Forge.GITHUB, SECRET, headers, other, NOW)


@given(headers=HEADERS, method=st.sampled_from(["GET", "POST", "PUT"]), path=st.sampled_from(["/", "/api/v1/sync"]))
def test_stranger_never_gets_behind_the_token(headers: Headers, method: str, path: str):
    for rules in (Rules(token=SECRET), Rules(token=SECRET, hosts=allowed_hosts("127.0.0.1")), Rules()):
        assert admission(rules, method, path, headers) is not None
