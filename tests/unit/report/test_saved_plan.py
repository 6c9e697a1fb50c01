"""A saved plan holds only in the world that it was made from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from builders import a_commit
from report_values import HEAD, NOW, URL, a_place, sample_plan, valid

from qtisync.planning.plan import Hold, Plan
from qtisync.report.build import plan_report
from qtisync.report.divergence import Observation
from qtisync.report.saved_plan import SavedPlan, differences, dump_plan, load_plan, why_stale


def saved(plan: Plan, only: tuple[str, ...] = ()) -> SavedPlan:
    return load_plan(dump_plan(plan_report(plan, a_place(), NOW), only))


def edited(**others: Any) -> str:
    document = json.loads(dump_plan(plan_report(sample_plan(), a_place(), NOW), ()))
    return json.dumps({name: value for name, value in {**document, **others}.items() if value is not ...})


def test_saved_plan_is_read_back():
    assert saved(sample_plan(), ("alg-*", "geo-0033")) == SavedPlan(
        checksum=sample_plan().checksum,
        commit=HEAD,
        ref="refs/heads/main",
        target="staging",
        base_url=URL,
        only=("alg-*", "geo-0033"),
        bound=sample_plan().bound,
    )


def test_saved_plan_holds_the_report_for_people_and_scripts():
    report = plan_report(sample_plan(), a_place(), NOW)

    assert json.loads(dump_plan(report, ()))["report"] == valid(report)


def test_unchanged_world_is_not_stale():
    assert why_stale(saved(sample_plan()), sample_plan()) is None


def test_held_plan_stays_bound_to_what_was_seen():
    hold = Hold(rule="mass-update", limit="30%", actual="4 of 10", message="many")

    assert why_stale(saved(sample_plan(holds=(hold,))), sample_plan(holds=(hold,))) is None
    assert why_stale(saved(sample_plan()), sample_plan(holds=(hold,))) is not None


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (
            sample_plan(commit=a_commit("2")),
            f"it was made for commit {HEAD[:12]}, and refs/heads/main is at {a_commit('2')[:12]} now",
        ),
        (
            sample_plan(changes=()),
            "the record or the configuration changed since it was made; gone: alg-0102, alg-0417, geo-0033",
        ),
        (
            sample_plan(destination=replace(sample_plan().destination, target="live")),
            f"it was made for staging at {URL}",
        ),
        (
            sample_plan(destination=replace(sample_plan().destination, base_url="http://127.0.0.1:1/api")),
            f"it was made for staging at {URL}",
        ),
    ],
)
def test_changed_world_makes_it_stale(now: Plan, words: str):
    assert why_stale(saved(sample_plan()), now) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ("[]", "it was not written by `qtisync plan --out`"),
        ('{"kind": "plan"}', "it was not written by `qtisync plan --out`"),
        (edited(format_version="2.0"), "its format is 2.0, this version reads 1.1"),
        (edited(format_version=...), "its format is None, this version reads 1.1"),
        (edited(checksum=...), "it is incomplete"),
        (edited(commit=5), "it is incomplete"),
        (edited(only="alg"), "it is incomplete"),
        (edited(only=5), "it is incomplete"),
    ],
)
def test_anything_else_is_refused_in_words(text: str, words: str):
    with pytest.raises(ValueError) as refused:
        load_plan(text)

    assert str(refused.value) == words


def test_newer_minor_format_is_read():
    assert load_plan(edited(format_version="1.7", only=...)).only == ()


def test_difference_names_what_is_new_gone_and_changed():
    before = sample_plan(observed={"q1": "a", "q2": "b"})
    now = sample_plan(changes=before.changes[1:], observed={"q2": "c", "q3": "d"})

    assert differences(saved(before), now) == {
        "new": ("q3 at the API",),
        "gone": ("alg-0102", "q1 at the API"),
        "changed": ("q2 at the API",),
    }


def test_refreshed_plan_is_bound_to_what_the_api_showed():
    report = replace(plan_report(sample_plan(observed={"q1": "a"}), a_place(), NOW), observed=Observation(at=NOW))
    kept = load_plan(dump_plan(report, ()))

    assert kept.refresh
    assert why_stale(kept, sample_plan(observed={"q1": "a"})) is None
    assert why_stale(kept, sample_plan(observed={})) == (
        "the record, the API or the configuration changed since it was made; gone: q1 at the API"
    )


def test_many_differences_are_cut():
    plan = sample_plan(observed={f"q{n:02}": "" for n in range(12)})

    assert (why_stale(saved(sample_plan()), plan) or "").endswith("q09 at the API and 2 more")


def test_saved_plan_keeps_no_body_of_an_item():
    report = plan_report(sample_plan(), a_place(), 0.0)
    shown = replace(report, items=tuple(replace(item, bodies={"git": "<the answer/>"}) for item in report.items))

    assert "<the answer/>" not in dump_plan(shown, ())
