"""The status API, health and metrics, asked over real sockets."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_control import HEAD, NOW, TOKEN, Served, a_report, served, until
from jsonschema import Draft202012Validator

from qtisync.errors import ConfigError, ConfigProblem
from qtisync.report.job import JobState
from qtisync.report.schema import REPORT_SCHEMA
from qtisync.report.value import as_json
from qtisync.web.threads import QUICK, WAITING

SAFE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
}
PATHS = ("/", "/api/v1/status", "/api/v1/items/geo-0040", "/api/v1/jobs/j-1")
ACTS = ("/api/v1/sync", "/api/v1/approve", "/api/v1/pause", "/api/v1/resume", "/api/v1/retry")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as one:
        yield one


def post(site: Served, path: str, document: Any = None) -> Any:
    body = None if document is None else json.dumps(document).encode()
    return site.ask("POST", path, body, token=TOKEN).told


def test_health_says_whether_the_turns_go_round(site: Served):
    assert site.ask("GET", "/healthz").told == (200, {"alive": True})
    site.control.lives = False
    assert site.ask("GET", "/healthz").told == (503, {"alive": False})


def test_readiness_names_its_reasons(site: Served):
    assert site.ask("GET", "/readyz").told == (200, {"ready": True, "reasons": []})
    site.control.reasons = ("the first pass is not done",)
    assert site.ask("GET", "/readyz").told == (503, {"ready": False, "reasons": ["the first pass is not done"]})


def test_status_is_the_published_report(site: Served):
    status, document = site.ask("GET", "/api/v1/status", token=TOKEN).told

    assert (status, document) == (200, as_json(site.control.report))
    Draft202012Validator(REPORT_SCHEMA).validate(document)


def test_item_is_found_by_its_percent_encoded_identifier(site: Served):
    status, document = site.ask("GET", "/api/v1/items/geo%2F%C3%A4%20b", token=TOKEN).told

    assert (status, document["status"]["history"]) == (200, [])
    assert site.control.calls == [("item", "geo/ä b")]
    assert site.ask("GET", "/api/v1/items/nope", token=TOKEN).json["error"] == "no-such-item"


def test_sync_rings_and_names_the_job(site: Served):
    reply = site.ask("POST", "/api/v1/sync", token=TOKEN)

    assert (reply.status, reply.headers["location"], reply.json["state"]) == (202, "/api/v1/jobs/j-1", "waiting")
    assert site.ask("GET", reply.headers["location"], token=TOKEN).told == (200, reply.json)


@pytest.mark.parametrize(
    ("said", "rung"), [({"origin": "hook"}, "hook"), ({"origin": "x"}, "command"), ({}, "command")]
)
def test_who_rings_over_http_is_a_command_or_a_hook(site: Served, said: dict[str, str], rung: str):
    post(site, "/api/v1/sync", said)

    assert site.control.calls == [("ring", rung)]


def test_waiting_for_a_job_ends_with_the_job(site: Served):
    job = post(site, "/api/v1/sync")[1]["id"]
    answers: list[Any] = []
    asking = threading.Thread(
        target=lambda: answers.append(site.ask("GET", f"/api/v1/jobs/{job}?wait=30", token=TOKEN).told)
    )
    asking.start()
    until(lambda: ("job", job) in site.control.calls)
    site.control.end(job, JobState.HELD)
    asking.join(60)

    [(status, document)] = answers
    assert (status, document["state"], document["ended"], document["commit"]) == (200, "held", True, HEAD)
    assert document["report"] == as_json(site.control.report)


def test_waiting_is_over_after_so_many_seconds(site: Served):
    job = post(site, "/api/v1/sync")[1]["id"]

    assert site.ask("GET", f"/api/v1/jobs/{job}?wait=0.05", token=TOKEN).json["state"] == "waiting"


@pytest.mark.parametrize("wait", ["x", "nan", "-1", "inf", ""])
def test_wait_must_be_a_number_of_seconds(site: Served, wait: str):
    assert site.ask("GET", f"/api/v1/jobs/j-1?wait={wait}", token=TOKEN).json["message"] == (
        "wait must be a number of seconds."
    )


def test_unknown_job_is_not_found(site: Served):
    assert site.ask("GET", "/api/v1/jobs/j-9?wait=30", token=TOKEN).json["error"] == "no-such-job"


def test_those_who_wait_for_jobs_do_not_hold_up_the_others(site: Served):
    job = post(site, "/api/v1/sync")[1]["id"]
    answers: list[Any] = []

    def wait() -> None:
        answers.append(site.ask("GET", f"/api/v1/jobs/{job}?wait=30", token=TOKEN).told)

    asking = [threading.Thread(target=wait) for _ in range(WAITING + QUICK)]
    for one in asking:
        one.start()
    assert site.ask("GET", "/api/v1/status", token=TOKEN).status == 200
    assert site.ask("GET", "/healthz").status == 200
    site.control.end(job)
    for one in asking:
        one.join(60)

    assert [(status, document["state"]) for status, document in answers] == [(200, "done")] * (WAITING + QUICK)


@pytest.mark.parametrize(
    ("asked", "reason", "until"),
    [
        (None, "", None),
        ({}, "", None),
        ({"reason": "exam week"}, "exam week", None),
        ({"reason": "x", "until": NOW + 60}, "x", NOW + 60),
        ({"until": "2030-01-01T00:00:00Z"}, "", 1893456000.0),
        ({"until": "2030-01-01T01:00:00+01:00"}, "", 1893456000.0),
    ],
)
def test_pause_with_a_reason_and_an_end(site: Served, asked: Any, reason: str, until: float | None):
    status, document = post(site, "/api/v1/pause", asked)

    assert (status, document["paused"], document["reason"]) == (200, True, reason)
    assert site.control.calls == [("pause", reason, until)]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v1/pause", {"reason": 1}),
        ("/api/v1/pause", {"reason": "x" * 501}),
        ("/api/v1/pause", {"until": "soon"}),
        ("/api/v1/pause", {"until": "2030-01-01T00:00:00"}),
        ("/api/v1/pause", {"until": True}),
        ("/api/v1/pause", {"until": 1e300}),
        ("/api/v1/pause", {"until": NOW}),
        ("/api/v1/pause", []),
        ("/api/v1/retry", {"identifiers": "a"}),
        ("/api/v1/retry", {"identifiers": [1]}),
        ("/api/v1/approve", {"checksum": "sha256:1"}),
        ("/api/v1/approve", {"checksum": "", "rules": ["mass-update"]}),
        ("/api/v1/approve", {"checksum": "sha256:1", "rules": []}),
        ("/api/v1/sync", "x"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(site: Served, path: str, asked: Any):
    status, document = post(site, path, asked)

    assert (status, bool(document["message"]), site.control.calls) == (400, True, [])


def test_resume_retry_and_approve_reach_the_daemon(site: Served):
    assert post(site, "/api/v1/resume") == (200, {"paused": False, "halted": None})
    assert post(site, "/api/v1/retry") == (200, {"queued": 7})
    assert post(site, "/api/v1/retry", {"identifiers": ["a", "b"]}) == (200, {"queued": 2})
    assert post(site, "/api/v1/approve", {"checksum": "sha256:1", "rules": ["mass-update"]})[0] == 202
    assert site.control.calls == [
        ("resume",),
        ("retry", None),
        ("retry", ("a", "b")),
        ("approve", "sha256:1", ("mass-update",), "command"),
    ]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_shown(site: Served, path: str):
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": TOKEN},
    ):
        reply = site.ask("GET", path, headers=headers)
        assert reply.status == 401
        assert "Bearer" in reply.headers["www-authenticate"]
        assert HEAD.encode() not in reply.body
    assert site.control.calls == []


@pytest.mark.parametrize("path", ACTS)
def test_without_the_token_nothing_is_done(site: Served, path: str):
    password = base64.b64encode(f"me:{TOKEN}".encode()).decode()

    assert site.ask("POST", path).status == 401
    assert site.ask("POST", path, headers={"Authorization": f"Basic {password}"}).status == 401, (
        "sent unasked by browsers"
    )
    assert site.control.calls == []


def test_a_browser_may_give_the_token_as_a_password(site: Served):
    asked = site.ask("GET", "/")
    password = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    shown = site.ask("GET", "/", headers={"Authorization": f"Basic {password}"})

    assert (asked.status, 'Basic realm="qtisync"' in asked.headers["www-authenticate"]) == (401, True)
    assert (shown.status, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("path", [*PATHS, "/metrics"])
def test_without_a_configured_token_the_answer_says_what_to_do(tmp_path: Path, path: str):
    with served(tmp_path, token=None, public_metrics=False) as site:
        reply = site.ask("GET", path, token="guessed")

        assert (reply.status, b"daemon.token" in reply.body) == (403, True)
        assert site.ask("GET", "/healthz").status == 200


def test_token_that_cannot_be_read_closes_the_api_and_not_the_health(tmp_path: Path):
    def broken() -> str:
        raise ConfigError((ConfigProblem(where="daemon.token", message="is not set"),))

    with served(tmp_path) as site:
        object.__setattr__(site.surface, "token", broken)

        assert site.ask("GET", "/api/v1/status", token=TOKEN).json["error"] == "no-token"
        assert site.ask("GET", "/healthz").status == 200


def test_metrics_are_public_or_not(tmp_path: Path, site: Served):
    assert b"qtisync_build_info" in site.ask("GET", "/metrics").body
    folder = tmp_path / "other"
    folder.mkdir()
    with served(folder, public_metrics=False) as closed:
        assert closed.ask("GET", "/metrics").status == 401
        reply = closed.ask("GET", "/metrics", token=TOKEN)
        assert (reply.status, reply.headers["content-type"].split(";")[0]) == (200, "text/plain")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8766", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("evil.example.org", 421),
        ("localhost.evil.org", 421),
    ],
)
def test_a_browser_led_here_by_somebodys_dns_gets_nothing(site: Served, host: str, status: int):
    assert site.ask("GET", "/readyz", headers={"Host": host}).status == status


def test_with_the_token_a_proxy_may_ask_by_its_own_name(site: Served):
    assert site.ask("GET", "/api/v1/status", headers={"Host": "qti.example.org"}, token=TOKEN).status == 200


@pytest.mark.parametrize("path", ["/healthz", "/", "/nothing", "/api/v1/status", "/metrics"])
def test_every_answer_carries_the_headers_that_keep_browsers_from_harm(site: Served, path: str):
    for token in (None, TOKEN):
        headers = site.ask("GET", path, token=token).headers

        assert {name: headers.get(name) for name in SAFE} == SAFE
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script" not in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/healthz/", 404, "not-found"),
        ("GET", "/api/v2/status", 404, "not-found"),
        ("POST", "/healthz", 405, "wrong-method"),
        ("GET", "/api/v1/sync", 405, "wrong-method"),
        ("DELETE", "/api/v1/status", 405, "wrong-method"),
        ("GET", "/hooks/github", 405, "wrong-method"),
    ],
)
def test_wrong_paths_and_methods_are_told_in_json(site: Served, method: str, path: str, status: int, error: str):
    reply = site.ask(method, path, token=TOKEN)

    assert (reply.status, reply.json["error"]) == (status, error)
    assert ("allow" in reply.headers) == (status == 405)


def test_a_bug_shows_nothing_of_itself(site: Served, caplog: pytest.LogCaptureFixture):
    site.control.crash = RuntimeError("a secret detail")
    reply = site.ask("GET", "/api/v1/status", token=TOKEN)

    assert (reply.status, reply.json["error"]) == (500, "failed")
    assert b"secret detail" not in reply.body
    assert b"Traceback" not in reply.body
    assert reply.headers["x-content-type-options"] == "nosniff"
    until(lambda: "Exception in ASGI application" in caplog.text)


def test_a_daemon_that_hangs_is_told_and_health_still_answers(tmp_path: Path):
    with served(tmp_path) as site:
        site.surface.threads._patience = 0.1
        site.control.hang.clear()

        replies = [site.ask("GET", "/api/v1/status", token=TOKEN) for _ in range(QUICK + 1)]

        assert {(reply.status, reply.json["error"], reply.headers["retry-after"]) for reply in replies} == {
            (503, "busy", "5")
        }
        assert site.ask("GET", "/healthz").status == 200
        site.control.hang.set()


def test_over_the_socket_of_this_machine_everything_is_allowed(tmp_path: Path):
    from qtisync.adapters.control_client import ControlClient

    with served(tmp_path, token=None, listen=None) as site:
        client = ControlClient(site.file)

        assert site.server.address is None
        assert client.call("GET", "/api/v1/status") == (200, as_json(site.control.report))
        assert client.call("POST", "/api/v1/pause", {"reason": "x"})[0] == 200
        assert client.call("GET", "/")[0] == 200


def test_oversize_and_unreadable_requests_are_refused(site: Served):
    assert site.ask("POST", "/api/v1/pause", b"{", token=TOKEN).json["error"] == "unreadable"
    assert site.ask("POST", "/api/v1/pause", b"x" * 70_000, token=TOKEN).json["error"] == "too-large"


def test_status_of_many_items_is_no_matter(site: Served):
    item = site.control.report.items[0]
    site.control.report = a_report(items=tuple([item] * 5_000))

    assert len(site.ask("GET", "/api/v1/status", token=TOKEN).json["items"]) == 5_000
    assert site.ask("GET", "/", token=TOKEN).body.count(b"<li>") <= 101
