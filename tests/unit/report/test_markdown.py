"""The report as a comment on a pull request: nothing that a file or a server says becomes markup."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_values import NOW, a_place, sample_plan

from qtisync.planning.plan import Hold
from qtisync.report.build import plan_report
from qtisync.report.markdown import MAX_ROWS, render_markdown
from qtisync.report.value import ItemOutcome, Report, ReportItem, ReportProblem


def a_report(**others: object) -> Report:
    return replace(plan_report(sample_plan(), a_place(), NOW), **others)


def an_entry(**others: object) -> ReportItem:
    return replace(ReportItem(identifier="q1", kind="item", path="items/q1.xml", reason="moved"), **others)


def lines_of(report: Report) -> list[str]:
    return render_markdown(report).splitlines()


def test_plan_as_markdown():
    assert (
        render_markdown(a_report())
        == """\
### qtisync plan target=staging 127.0.0.1:8765 repo=content@3f2a9c1 (main) base=8be0d44


| | item | path | what | outcome |
|---|---|---|---|---|
| ✏️ | `alg-0102` | `items/algebra/alg-0102.xml` | content; ⚠️ answer key | pending |
| \N{HEAVY PLUS SIGN} | `alg-0417` | `items/algebra/alg-0417.xml` | content, metadata | pending |
| ➡️ | `bio-0009` | `items/bio/old.xml` → `items/bio/new.xml` | moved | skipped |
| ✏️ | `geo-0033` | `items/geometry/geo-0033.xml` | metadata; difficulty: medium → hard | pending |

**Files that cannot be sent**

| file | problem | what to do |
|---|---|---|
| `items/geometry/geo-0040.xml:17` | correct response "D" is not a choice | Add the choice or correct the key. |

**Orphans** (left alone): `alg-0007`

**Plan: 1 create, 2 update, 0 delete, 1 moved, 1 orphan, 1 invalid, 1,236 unchanged. 3 calls, ≈ 1 s.**
"""
    )


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("a | b", r"a \| b"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("**bold** _it_ ~~no~~", r"\*\*bold\*\* \_it\_ \~\~no\~\~"),
        ("[click](http://127.0.0.1)", r"\[click\](http://127.0.0.1)"),
        ("a `code` b", r"a \`code\` b"),
        ("back\\|slash", r"back\\\|slash"),
        ("two\nlines\r\n# and a heading", "two lines # and a heading"),
        ("&lt;script&gt;", "&amp;lt;script&amp;gt;"),
    ],
)
def test_words_of_files_and_servers_are_never_markup(words: str, shown: str):
    refused = an_entry(outcome=ItemOutcome(status="parked", error=words), details=(words,))
    (row,) = [line for line in lines_of(a_report(items=(refused,))) if "items/q1.xml" in line]

    assert row == f"| ➡️ | `q1` | `items/q1.xml` | {shown} | parked: {shown} |"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a_b*c<d>.xml", "`a_b*c<d>.xml`"),
        ("a|b.xml", r"`a\|b.xml`"),
        ("a`b.xml", "`a'b.xml`"),
        ("a\nb.xml", "`a b.xml`"),
    ],
)
def test_paths_are_code_that_nothing_ends_early(path: str, shown: str):
    problem = ReportProblem(path=path, line=None, identifier=None, code="x", message="m", hint="h")

    assert f"| {shown} | m | h |" in lines_of(a_report(broken=(problem,)))
    assert f"- {shown} m" in lines_of(a_report(warnings=(problem,)))


def test_long_report_is_cut_with_a_count():
    problem = ReportProblem(path="a.xml", line=1, identifier=None, code="x", message="m", hint="h")
    text = render_markdown(
        a_report(
            items=(an_entry(),) * (MAX_ROWS + 7),
            broken=(problem,) * (MAX_ROWS + 8),
            warnings=(problem,) * (MAX_ROWS + 9),
        )
    )

    assert [f"… and {count} more." in text for count in (7, 8, 9)] == [True] * 3
    assert text.count("`q1`") == MAX_ROWS
    assert f"<summary>{MAX_ROWS + 9} warnings</summary>" in text


def test_held_plan_says_so_before_everything_else():
    hold = Hold(rule="mass-update", limit="30%", actual="4 of 10", message="4 of 10 recorded objects would be updated")

    assert lines_of(plan_report(sample_plan(holds=(hold,)), a_place(), NOW))[2] == (
        "> **Held by `mass-update`**: 4 of 10 recorded objects would be updated"
    )


def test_rename_is_shown_with_the_old_identifier():
    assert "renamed from `old`" in render_markdown(a_report(items=(an_entry(renamed_from="old"),)))
