"""Rows of what is not the same everywhere: calm, aligned, one line each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_values import NOW, a_place

from qtisync.report.divergence import Divergence, KeyChange, Observation
from qtisync.report.divergence_rows import divergence_rows, key_words, remarks
from qtisync.report.text import render_text
from qtisync.report.value import Report, ReportPin

DRIFT = Divergence(
    divergence="drift",
    identifier="geo-0033",
    kind="item",
    path="items/geometry/geo-0033.xml",
    what=("metadata",),
    keys=(KeyChange(name="difficulty", sides={"git": "medium", "recorded": "medium", "remote": "hard"}),),
    remote_version=5,
    updated_at="2026-11-28T07:00:00.000Z",
    by="pat",
    verdict="report",
)
CONFLICT = Divergence(
    divergence="conflict", identifier="alg-0102", kind="item", path="items/alg-0102.xml", what=("content",)
)
REPORT = Report(
    kind="check",
    at=NOW,
    place=a_place(base=None),
    summary={"pending": 1, "drift": 2, "conflict": 1, "unmanaged": 1, "foreign": 2, "pinned": 1, "noop": 1236},
    sent=27,
    took=3.0,
    drift=(DRIFT, replace(DRIFT, identifier="geo-0034", what=("vanished",), keys=(), updated_at=None, by=None)),
    conflicts=(CONFLICT,),
    unmanaged=(Divergence(divergence="unmanaged", identifier="alg-0999", kind="stimulus", title="Old"),),
    pins=(ReportPin(identifier="alg-0001", kind="item", path="items/alg-0001.xml", commit="8be0d44a", since=NOW),),
    observed=Observation(at=NOW, objects=1242, foreign=2, complete=False, reasons=("its total changed",)),
)


def test_check_reads_like_a_plan():
    assert (
        render_text(REPORT)
        == """\
qtisync check  target=staging  127.0.0.1:8765  repo=content@3f2a9c1 (main)
  ≠ drift     geo-0033           items/geometry/geo-0033.xml  metadata  difficulty: git medium, API hard  version 5, \
2026-11-28T07:00:00.000Z, by pat  report only
  ≠ drift     geo-0034           items/geometry/geo-0033.xml  vanished  version 5  report only
  ! conflict  alg-0102           items/alg-0102.xml           content
  ? unmanaged stimulus alg-0999  -                            "Old"
  = pinned    alg-0001           items/alg-0001.xml           at 8be0d44, until `qtisync state unpin` or an edit
Check: 1 pending, 2 drift, 1 conflict, 1 unmanaged, 1 pinned, 2 foreign, 1,236 in sync.  27 calls in 3 s.  \
Last checked 2027-01-15T08:00:00.000Z.
The API could not be read completely: its total changed.
"""
    )


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ({"git": "b", "recorded": "a", "remote": "c"}, "k: git b (was a), API c"),
        ({"git": "a", "recorded": "a"}, "k: git a, API (none)"),
        ({"recorded": "a", "remote": "c"}, "k: git a, API c"),
        ({"remote": [1, True]}, "k: git (none), API [1, true]"),
        ({"staging": "a", "production": None}, "k: production null, staging a"),
        ({"git": "x" * 60, "remote": "a\n b"}, f"k: git {'x' * 39}…, API a b"),
    ],
)
def test_key_says_what_each_side_has(sides: dict[str, object], words: str):
    assert key_words(KeyChange(name="k", sides=sides)) == words


def test_hidden_key_shows_no_value():
    assert key_words(KeyChange(name="modelAnswer", sides={"git": "secret"}, hidden=True)) == "modelAnswer: (changed)"


def test_many_keys_are_cut():
    keys = tuple(KeyChange(name=f"k{n}", sides={"git": n, "remote": n + 1}) for n in range(5))

    assert remarks(replace(DRIFT, keys=keys)).count("API") == 3
    assert " …" in remarks(replace(DRIFT, keys=keys))


def test_words_stand_where_nothing_else_is_known():
    found = Divergence(divergence="conflict", identifier="q", kind="item", message="it is not ours")

    assert divergence_rows([found]) == [("bad", "!", "conflict", "q", "-", "it is not ours")]
