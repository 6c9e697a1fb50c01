"""Who may ask for what, decided from a request's line and headers alone."""

from __future__ import annotations

import base64

import pytest
from forge_messages import as_headers

from qtisync.web.admission import Circle, Rules, admission, allowed_hosts

TOKEN = "tökén"
BEARER = ("Authorization", f"Bearer {TOKEN}".encode().decode("latin-1"))
HERE, THERE = ("Host", "localhost:8766"), ("Host", "evil.example.org")
RULES = Rules(token=TOKEN, hosts=allowed_hosts("127.0.0.1"))


def basic(text: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(text.encode()).decode()


def refused(rules: Rules, method: str, path: str, *headers: tuple[str, str]) -> int | None:
    refusal = admission(rules, method, path, as_headers(*headers))
    return None if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", None),
        ("/readyz", None),
        ("/metrics", None),
        ("/nothing", None),
        ("/hooks/github", None),
        ("/", 401),
        ("/api/v1/status", 401),
        ("/api/", 401),
    ],
)
def test_health_metrics_and_webhooks_need_no_token(path: str, status: int | None):
    assert refused(RULES, "GET", path, HERE) == status


@pytest.mark.parametrize(
    ("method", "header", "status"),
    [
        ("POST", BEARER, None),
        ("POST", ("Authorization", BEARER[1].replace("Bearer", "BEARER")), None),
        ("GET", BEARER, None),
        ("GET", basic(f"anybody:{TOKEN}"), None),
        ("HEAD", basic(f":{TOKEN}"), None),
        ("POST", basic(f"anybody:{TOKEN}"), 401),
        ("GET", basic(TOKEN), 401),
        ("GET", basic("anybody:"), 401),
        ("GET", ("Authorization", "Basic ???"), 401),
        ("GET", ("Authorization", "Bearer"), 401),
        ("GET", ("Authorization", "Bearer "), 401),
        ("GET", ("Authorization", TOKEN.encode().decode("latin-1")), 401),
        ("GET", ("Authorization", f"Token {TOKEN}".encode().decode("latin-1")), 401),
        ("GET", ("X-Token", "x"), 401),
    ],
)
def test_token_is_a_bearer_or_to_look_only_a_password(method: str, header: tuple[str, str], status: int | None):
    assert refused(RULES, method, "/api/v1/status", HERE, header) == status


def test_token_given_twice_is_no_token():
    assert refused(RULES, "GET", "/", HERE, BEARER, BEARER) == 401


@pytest.mark.parametrize("path", ["/", "/api/v1/sync", "/metrics"])
def test_without_a_configured_token_protected_paths_are_closed(path: str):
    rules = Rules(public_metrics=False)

    assert refused(rules, "GET", path, HERE, BEARER, ("X", "")) == 403
    assert refused(rules, "GET", path, HERE, ("Authorization", "Bearer ")) == 403


def test_trusted_place_asks_for_nothing():
    assert refused(Rules(circle=Circle.OWNER), "POST", "/api/v1/sync", THERE) is None


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/healthz", (THERE,), 421),
        ("/healthz", (), 421),
        ("/healthz", (HERE, HERE), 421),
        ("/healthz", (("Host", "[::1"),), 421),
        ("/healthz", (("Host", "LOCALHOST"),), None),
        ("/healthz", (("Host", "127.0.0.1.evil.example.org"),), 421),
        ("/metrics", (THERE,), 421),
        ("/", (THERE,), 421),
        ("/hooks/github", (THERE,), None),
        ("/api/v1/status", (THERE, BEARER), None),
    ],
)
def test_who_proves_nothing_must_ask_by_a_name_of_ours(path: str, headers: tuple[tuple[str, str], ...], status: int):
    assert refused(RULES, "GET", path, *headers) == status


@pytest.mark.parametrize(
    ("listen", "names"),
    [
        ("127.0.0.1", {"localhost", "127.0.0.1", "::1"}),
        ("127.0.1.1", {"localhost", "127.0.0.1", "::1", "127.0.1.1"}),
        ("::1", {"localhost", "127.0.0.1", "::1"}),
        ("0.0.0.0", set()),
        ("192.0.2.7", set()),
    ],
)
def test_names_are_minded_where_only_this_machine_listens(listen: str, names: set[str]):
    assert allowed_hosts(listen) == names


def test_challenge_of_the_page_lets_a_browser_ask_for_the_password():
    page, api = (admission(RULES, "GET", path, as_headers(HERE)) for path in ("/", "/api/v1/status"))

    assert page is not None
    assert api is not None
    assert ("Basic" in page.challenge, "Basic" in api.challenge) == (True, False)


def test_pushers_may_ring_and_hear_how_it_went_and_nothing_else():
    pushers = Rules(circle=Circle.PUSHERS, token=TOKEN)
    may = [("POST", "/api/v1/sync"), ("GET", "/api/v1/status"), ("GET", "/api/v1/jobs/1-2"), ("GET", "/healthz")]
    acts = ("approve", "pause", "resume", "retry")
    may_not = [("POST", f"/api/v1/{act}") for act in acts]
    may_not += [("POST", "/hooks/github"), ("GET", "/"), ("GET", "/metrics"), ("GET", "/api/v1/items/q1")]
    may_not += [("POST", "/api/v1/status"), ("POST", "/api/v1/jobs/1-2")]

    assert {refused(pushers, method, path, THERE) for method, path in may} == {None}
    assert {refused(pushers, method, path, HERE, BEARER) for method, path in may_not} == {403}
