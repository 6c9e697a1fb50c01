"""JUnit XML: a case for each object, counts that add up, and a document that is valid whatever is in a name."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from report_values import NOW, a_place, full_report, rows_after_push, sample_plan

from qtisync.planning.plan import Hold
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.junit import render_junit
from qtisync.report.value import Report, ReportProblem


def cases(report: Report) -> list[tuple[str, str, str, str]]:
    """Suite, name, how it ended, message."""
    found = []
    for case in ET.fromstring(render_junit(report)).iter("testcase"):
        ends = [end for end in case if end.tag != "system-out"]
        end, message = (ends[0].tag, ends[0].get("message", "")) if ends else ("passed", "")
        found.append((case.get("classname", ""), case.get("name", ""), end, message))
    return found


def test_push_as_cases():
    report = push_report("apply", sample_plan(), rows_after_push(), a_place(), NOW, Course(sent=3, took=1.25))

    assert cases(report) == [
        ("qtisync apply", "apply as a whole", "passed", ""),
        ("items/algebra", "alg-0007 (orphan)", "skipped", "no file asks for it any more; the API keeps it"),
        ("items/algebra", "alg-0102", "failure", "RequestError 400: Stimulus(s) not found"),
        ("items/algebra", "alg-0417", "passed", ""),
        ("items/bio", "bio-0009", "passed", ""),
        ("items/geometry", "geo-0033", "skipped", "pending: not settled in this run"),
        ("items/geometry", "geo-0040.xml (geo-0040)", "failure", 'correct response "D" is not a choice'),
    ]


def test_suite_says_where_and_when_and_counts_its_cases():
    root = ET.fromstring(render_junit(push_report("apply", sample_plan(), {}, a_place(), NOW, Course(took=1.25))))
    suite = root[-1]

    assert root.attrib == {
        "name": "qtisync apply  target=staging  127.0.0.1:8765  repo=content@3f2a9c1 (main)  base=8be0d44",
        "tests": "7",
        "failures": "1",
        "errors": "0",
        "skipped": "4",
        "time": "1.250",
    }
    assert suite.attrib == {
        "name": "items/geometry",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
        "time": "0.000",
        "timestamp": "2027-01-15T08:00:00",
    }
    assert {one.get("name"): one.get("value") for one in suite.iter("property")} == {
        "commit": a_place().head,
        "ref": "refs/heads/main",
        "target": "staging",
        "base_url": "http://127.0.0.1:8765/api",
    }


def test_broken_file_is_one_case_with_all_its_problems():
    first = ReportProblem(path="a/b.xml", line=3, identifier="q1", code="one", message="first", hint="mend it")
    report = Report(
        kind="validate",
        at=NOW,
        place=a_place(),
        broken=(first, replace(first, line=None, code="two", message="second", hint="")),
        warnings=(replace(first, path="a/c.xml", identifier=None, code="odd", message="third"),),
    )
    root = ET.fromstring(render_junit(report))
    _, broken, warned = root.iter("testcase")

    assert broken.attrib == {
        "classname": "a",
        "name": "b.xml (q1)",
        "time": "0",
        "file": "a/b.xml",
        "line": "3",
    }
    assert (broken[0].tag, broken[0].attrib) == ("failure", {"message": "first", "type": "one"})
    assert broken[0].text == "a/b.xml:3: first (one)\n    mend it\na/b.xml: second (two)"
    assert [(part.tag, part.text) for part in warned] == [("system-out", "a/c.xml:3: third (odd)\n    mend it")]


def test_what_is_not_the_same_everywhere_fails_and_what_is_not_ours_is_skipped():
    ends = {name: end for _, name, end, _ in cases(full_report())}

    assert ends == {
        "check as a whole": "passed",
        "alg-0102 (conflict)": "failure",
        "alg-0999 (unmanaged)": "skipped",
        "geo-0033 (drift)": "failure",
        "q-altered (altered)": "failure",
        "theirs (foreign)": "skipped",
    }


def test_held_plan_fails_as_a_whole_and_skips_its_changes():
    hold = Hold(rule="mass-update", limit="30%", actual="4 of 10", message="4 of 10 would be updated")
    found = cases(plan_report(sample_plan(holds=(hold,)), a_place(), NOW))

    assert found[0][2:] == ("failure", "held by mass-update: 4 of 10 would be updated")
    assert [end for _, name, end, _ in found if name in {"alg-0102", "alg-0417", "geo-0033"}] == ["skipped"] * 3


def test_run_that_ended_early_is_an_error():
    report = Report(kind="plan", at=NOW, place=a_place(), errored=True, error="git failed")

    assert cases(report) == [("qtisync plan", "plan as a whole", "error", "git failed")]


def test_control_characters_never_break_the_document():
    odd = "".join(map(chr, range(32))) + "\x7f\x85\u202e\ud800\ufffe\uffff]]><&\"'"
    problem = ReportProblem(path=odd, line=1, identifier=odd, code=odd, message=odd, hint=odd)
    report = Report(
        kind="validate", at=NOW, place=a_place(target=odd, ref=odd), broken=(problem,), warnings=(problem,), error=odd
    )
    text = render_junit(report)

    text.encode()
    assert len(list(ET.fromstring(text).iter("testcase"))) == 2
