"""The fault script and the real rate limit of the sandbox, over HTTP: what a client sees, and what was stored."""

from __future__ import annotations

import threading
import time
from email.utils import parsedate_to_datetime

import httpx
import pytest
from sandbox_calls import client, item_body, item_xml, token

from qtisync.sandbox.options import Options
from qtisync.sandbox.server import Sandbox


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        running.world.put_item("q1", item_xml("q1"), {"grade": "5"})
        yield running


@pytest.fixture
def api(sandbox):
    with client(sandbox, timeout=5) as calling:
        yield calling


def put(api):
    return api.put("/assessment-items/q1", json=item_body("q1", title="New"))


def written(sandbox):
    """Whether the item was changed, and whether the journal says so."""
    return ('title="New"' in sandbox.world.item("q1").xml, sandbox.journal.writes()[-1].applied)


@pytest.mark.parametrize(
    ("rule", "status", "applied"),
    [
        ("429", 429, False),
        ("500", 500, False),
        ("503", 503, False),
        ("500-after", 500, True),
        ("503-after", 503, True),
        ("401", 401, False),
        ("413", 413, False),
        ("html-502", 502, False),
        ("html-200", 200, True),
        ("empty-200", 200, True),
        ("empty-object", 200, True),
        ("e11000", 500, False),
        ("no-op", 200, False),
        ("lie", 200, False),
        ("wrong-item", 200, True),
        ("enveloped", 200, True),
        ("odd-item", 200, True),
        ("wrong-type", 200, True),
        ("redirect=https://elsewhere.invalid/", 301, False),
    ],
)
def test_answered_faults_say_whether_the_write_was_applied(sandbox, api, rule, status, applied):
    sandbox.faults.add(rule)

    assert put(api).status_code == status
    assert written(sandbox) == (applied, applied)
    assert (sandbox.journal[-1].fault, sandbox.journal[-1].status) == (rule, status)


@pytest.mark.parametrize(
    ("rule", "error", "applied"),
    [
        ("reset-before", httpx.ReadError, False),
        ("reset-after", httpx.ReadError, True),
        ("close-before", httpx.RemoteProtocolError, False),
        ("close-after", httpx.RemoteProtocolError, True),
        ("hang=0.02", httpx.RemoteProtocolError, False),
        ("hang-after=0.02", httpx.RemoteProtocolError, True),
        ("truncate", httpx.RemoteProtocolError, True),
    ],
)
def test_lost_answers_say_whether_the_write_was_applied(sandbox, api, rule, error, applied):
    sandbox.faults.add(f"{rule}:times=1")

    with pytest.raises(error):
        put(api)

    assert written(sandbox) == (applied, applied)
    assert put(api).status_code == 200


def test_hang_outlasts_the_patience_of_the_client_and_stops_with_the_sandbox():
    with Sandbox(Options(faults=("hang@GET",))) as sandbox, client(sandbox, timeout=0.05) as api:
        with pytest.raises(httpx.ReadTimeout):
            api.get("/assessment-items/q1")
        assert (sandbox.journal[-1].status, sandbox.journal[-1].finished, sandbox.journal.in_flight) == (None, None, 1)
    assert sandbox.journal.in_flight == 0


@pytest.mark.parametrize("rule", ["slow=0.05", "slow-body=0.05"])
def test_slow_answers_are_whole(sandbox, api, rule):
    sandbox.faults.add(rule)
    start = time.monotonic()

    assert put(api).json()["title"] == "New"
    assert time.monotonic() - start >= 0.05


def test_latency_delays_every_call():
    with Sandbox(Options(latency=(0.02, 0.03))) as sandbox, client(sandbox) as api:
        start = time.monotonic()
        api.get("/assessment-items")

        assert time.monotonic() - start >= 0.02


def test_rules_strike_by_method_path_identifier_count_and_turn(sandbox, api):
    sandbox.world.put_item("q2", item_xml("q2"))
    sandbox.faults.add("503@PUT:id=q1:times=1", "502@GET:nth=2", "504:path=/stimuli")

    answers = [
        api.put("/assessment-items/q2", json=item_body("q2")),
        put(api),
        put(api),
        api.get("/assessment-items/q1"),
        api.get("/assessment-items/q1"),
        api.get("/assessment-items/q1"),
        api.get("/stimuli"),
    ]

    assert [answer.status_code for answer in answers] == [200, 503, 200, 200, 502, 200, 504]
    assert sandbox.faults.counts() == {"503@PUT:id=q1:times=1": 1, "502@GET:nth=2": 1, "504:path=/stimuli": 1}
    sandbox.faults.clear()
    assert api.get("/stimuli").status_code == 200


def test_identifier_in_a_body_counts_too(sandbox, api):
    sandbox.faults.add("503:id=q7")

    answers = [api.post("/assessment-items", json=item_body(name)) for name in ("q7", "q8")]

    assert [answer.status_code for answer in answers] == [503, 201]


def test_token_endpoint_is_spared_unless_it_is_named(sandbox):
    sandbox.faults.add("503")
    assert token(sandbox)
    sandbox.faults.add("429:path=/oauth2/token:retry-after=7")

    answer = httpx.post(sandbox.token_url, data={}, verify=False)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(
    ("clause", "header"),
    [("2", "2"), ("1.5", "1.5"), ("none", None), ("huge", "31536000"), ("garbage", "in a little while, perhaps")],
)
def test_retry_after_of_a_fault_is_sent_as_asked(sandbox, api, clause, header):
    sandbox.faults.add(f"429:retry-after={clause}")

    assert put(api).headers.get("Retry-After") == header


def test_retry_after_of_a_fault_may_be_a_date(sandbox, api):
    sandbox.faults.add("503:retry-after=date+100")
    ahead = parsedate_to_datetime(put(api).headers["Retry-After"]).timestamp() - time.time()

    assert 98 <= ahead <= 101


def test_bodies_of_faults_are_what_they_claim(sandbox, api):
    sandbox.world.put_item("q2", item_xml("q2"))
    rules = ["html-502", "wrong-item", "enveloped", "odd-item", "e11000", "no-op", "lie", "empty-object"]
    sandbox.faults.add(*(f"{rule}@PUT:times=1" for rule in rules))
    page, wrong, enveloped, odd, duplicate, no_op, lie, nothing = (put(api) for _ in rules)

    assert page.headers["content-type"].startswith("text/html")
    assert wrong.json()["identifier"] == "q2"
    assert list(enveloped.json()) == ["assessmentItem"]
    assert (odd.json()["type"], odd.json()["metadata"], "surprise" in odd.json()) == ("gap-match", None, True)
    assert "E11000 duplicate key error" in duplicate.json()["message"]
    assert (no_op.json()["__v"], lie.json()["__v"], nothing.json()) == (3, 4, {})
    assert sandbox.world.item("q1").version == 4


def test_stale_read_shows_what_was_there_before_the_write(sandbox, api):
    sandbox.faults.add("stale@GET:times=1")
    put(api)

    assert [api.get("/assessment-items/q1").json()["title"] for _ in range(2)] == ["A question", "New"]


def test_item_vanishes_just_before_the_call(sandbox, api):
    sandbox.faults.add("vanish@PUT")

    assert put(api).status_code == 404


def test_list_omits_an_item(sandbox, api):
    sandbox.world.put_item("q2", item_xml("q2"))
    sandbox.faults.add("omit=q1@GET")

    assert [item["identifier"] for item in api.get("/assessment-items").json()["items"]] == ["q2"]


def test_percentage_is_drawn_with_the_seed():
    def story(seed):
        with Sandbox(Options(seed=seed, faults=("500:30%",))) as sandbox, client(sandbox) as api:
            return [api.get("/stimuli").status_code for _ in range(60)]

    assert story(1) == story(1)
    assert story(1) != story(2)
    assert 5 <= story(1).count(500) <= 35


def test_limit_lets_the_burst_through_and_then_its_rate():
    with Sandbox(Options(rate=50, burst=5)) as sandbox, client(sandbox) as api:
        start = time.monotonic()
        statuses = [api.get("/stimuli").status_code for _ in range(40)]
        elapsed = time.monotonic() - start

        assert statuses[:5] == [200] * 5
        assert statuses.count(200) <= 5 + 50 * elapsed
        assert (sandbox.bucket.passed, sandbox.bucket.refused) == (statuses.count(200), statuses.count(429))
        assert sandbox.bucket.refused > 0
        sandbox.set_rate(None)
        assert api.get("/stimuli").status_code == 200


def test_limit_says_when_to_come_back_and_what_is_left():
    with Sandbox(Options(rate=0.5, burst=1, retry_after="seconds", rate_headers="ietf")) as sandbox:
        with client(sandbox) as api:
            first, second = api.get("/stimuli"), api.get("/stimuli")

        assert [first.headers["RateLimit-Remaining"], second.status_code] == ["0", 429]
        assert second.headers["Retry-After"] == "2"
        assert sandbox.journal[-1].status == 429


def test_limit_spares_the_token_endpoint():
    with Sandbox(Options(rate=0.1, burst=1)) as sandbox:
        assert [bool(token(sandbox)) for _ in range(3)] == [True, True, True]


def test_journal_knows_how_many_requests_were_in_flight(sandbox, api):
    sandbox.faults.add("slow=0.2@GET")
    threads = [threading.Thread(target=api.get, args=("/assessment-items/q1",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sandbox.journal.peak == 3
    assert sorted(entry.in_flight for entry in sandbox.journal if entry.method == "GET") == [1, 2, 3]
