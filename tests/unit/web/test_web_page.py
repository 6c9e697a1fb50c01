"""The status page: readable without scripts, and nothing from outside becomes part of its code."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from fake_control import HEAD, PARKED, PROBLEM, SYNCED, a_report

from qtisync.report.value import ItemOutcome, Report
from qtisync.web.page import MAX_ROWS, render_page

EVIL = "<script>alert(1)</script>\x1b[31m"


class Texts(HTMLParser):
    """The texts and tags of a page; fails at an end tag without its beginning."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.parts: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), "no script in attributes"
            assert name != "style", "the policy would refuse it"
            assert not (value or "").lower().startswith("javascript:")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.parts).split())


def shown(report: Report) -> Texts:
    return Texts(render_page(report).html)


def test_page_says_what_is_where():
    page = shown(a_report(broken=(PROBLEM,)))

    for words in (
        "staging",
        "https://qti.example.org/api",
        f"head {HEAD[:10]} of refs/heads/main",
        f"synced {SYNCED[:10]}",
        "1,236 synced",
        "3 queued",
        "1 in flight",
        "1 parked",
        "12.5 requests/s (ceiling 50)",
        "geo-0040 parked",
        "400: Stimulus(s) not found",
        "qtisync retry --failed",
        "items/geometry/geo-0041.xml:17",
        'correct response "D" is not a choice',
        "/srv/content.git",
    ):
        assert words in page.text, words


@pytest.mark.parametrize(
    ("status", "counts", "verdict"),
    [
        ({"in_sync": True}, {"noop": 1}, "In sync"),
        ({}, {"pending": 1204}, "1,204 to be sent"),
        ({}, {"parked": 1}, "Some items need attention"),
        ({}, {"invalid": 1}, "Some items need attention"),
        ({}, {}, "Not in sync yet"),
        ({"degraded": ["x"], "in_sync": True}, {}, "Degraded"),
        ({"paused": {"reason": "", "since": "2026-11-28T08:00:00Z", "until": None}}, {}, "Paused"),
        ({"held_pass": {"commit": HEAD, "rules": [], "command": "c"}}, {"pending": 1}, "Held by a safety rule"),
        (
            {"daemon": {"since": "x", "halted": {"reason": "r", "until": "2026-11-28T08:00:00Z"}, "jobs": []}},
            {},
            "Halted: nothing is sent",
        ),
        ({"daemon": None, "in_sync": True}, {}, "In sync"),
    ],
)
def test_verdict_is_the_gravest_thing(status: dict[str, Any], counts: dict[str, int], verdict: str):
    html = render_page(a_report(status=status, summary=counts, items=())).html

    assert re.search(r"<title>staging: (.*) · qtisync</title>", html)[1] == verdict


def test_hold_names_rule_numbers_and_the_command_that_continues():
    held = {
        "commit": HEAD,
        "checksum": "sha256:1",
        "rules": [{"rule": "mass-update", "message": "412 of 1240 would change"}],
        "command": "qtisync apply /var/lib/plan.json --allow mass-update",
    }
    text = shown(a_report(status={"held_pass": held})).text

    assert "mass-update : 412 of 1240 would change" in text
    assert "qtisync apply /var/lib/plan.json --allow mass-update" in text


def test_pause_halt_degraded_and_jobs_are_told_with_what_to_do():
    status = {
        "paused": {"reason": "exam week", "since": "2026-11-28T08:00:00.000Z", "until": "2026-11-29T08:00:00.000Z"},
        "degraded": ["file events cannot be had"],
        "daemon": {
            "since": "2026-11-01T00:00:00.000Z",
            "halted": {"reason": "credentials refused", "until": "2026-11-28T08:05:00.000Z"},
            "jobs": [
                {
                    "id": "1",
                    "origin": "webhook/github, poll",
                    "state": "failed",
                    "at": "2026-11-28T08:00:00.000Z",
                    "commit": None,
                    "error": "git took too long",
                }
            ],
        },
    }
    text = shown(a_report(status=status)).text

    for words in (
        "exam week",
        "Since 2026-11-28 08:00:00 UTC, until 2026-11-29 08:00:00 UTC",
        "qtisync resume",
        "file events cannot be had",
        "credentials refused",
        "rung by webhook/github, poll",
        "git took too long",
    ):
        assert words in text, words


def test_daemon_before_its_first_pass_can_be_looked_at():
    report = a_report(
        status={"head": "", "synced_commit": None, "synced_at": None, "pace": None, "last_pass": None},
        items=(),
        summary={},
    )
    page = shown(replace(report, place=replace(report.place, head="", base=None)))

    assert "The ref was not read yet." in page.text


def test_nothing_from_outside_becomes_markup_or_steers():
    outcome = ItemOutcome(status="parked", error=EVIL)
    item = replace(PARKED, identifier=EVIL, path=EVIL, outcome=outcome, blocked_by=EVIL)
    held = {"commit": EVIL, "rules": [{"rule": EVIL, "message": EVIL}], "command": EVIL}
    report = a_report(
        items=(item,),
        broken=(replace(PROBLEM, path=EVIL, message=EVIL, hint=EVIL),),
        status={"held_pass": held, "degraded": [EVIL], "paused": {"reason": EVIL, "since": EVIL, "until": EVIL}},
    )
    page = render_page(
        replace(report, place=replace(report.place, repository=EVIL, base_url=EVIL, target=EVIL, ref=EVIL))
    )

    assert "script" not in Texts(page.html).tags
    assert page.html.count("\x1b") <= page.html.count("&lt;script&gt;")


def test_page_needs_no_script_and_allows_only_its_own_style():
    page = render_page(a_report())
    style = re.search(r"<style>(.*)</style>", page.html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()

    assert page.policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert Texts(page.html).tags.isdisjoint({"script", "link", "img", "iframe", "form"})
    assert '<meta http-equiv="refresh" content="15">' in page.html
    assert "prefers-color-scheme: dark" in style[1]


def test_long_lists_are_cut_and_say_where_the_rest_is():
    page = shown(a_report(items=(PARKED,) * (MAX_ROWS + 1204), broken=(PROBLEM,) * (MAX_ROWS + 1)))

    assert "and 1,204 more: qtisync status -v" in page.text
    assert "and 1 more: qtisync validate" in page.text


def test_times_in_what_works_less_well_are_for_people():
    why = "the API gives no usable answer since 2026-11-28T11:27:27.465Z: refused"
    page = render_page(a_report(status={"degraded": [why]})).html

    assert "the API gives no usable answer since 2026-11-28 11:27:27 UTC: refused" in page
