"""The report as a comment on a pull request: nothing that a file or a server says becomes markup."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_key
from report_values import NOW, a_place, full_report, sample_plan

from qtisync.planning.plan import Hold
from qtisync.report.build import plan_report
from qtisync.report.markdown import MAX_CHARACTERS, MAX_ROWS, marker, render_markdown
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
<!-- qtisync:plan:staging -->
### ⚠️ 3 changes to send, and files that cannot be

`qtisync plan target=staging 127.0.0.1:8765 repo=content@3f2a9c1 (main) base=8be0d44`

**Plan: 1 create, 2 update, 0 delete, 1 moved, 1 orphan, 1 invalid, 1,236 unchanged. 3 calls, ≈ 1 s.**

⚠️ **1 answer key changed**: `alg-0102`

**Files that cannot be sent (1)**

| file | problem | what to do |
|---|---|---|
| `items/geometry/geo-0040.xml:17` | correct response "D" is not a choice | Add the choice or correct the key. |

**Changes (4)**

| | item | path | what | outcome |
|---|---|---|---|---|
| ✏️ | `alg-0102` | `items/algebra/alg-0102.xml` | content; ⚠️ answer key | pending |
| \N{HEAVY PLUS SIGN} | `alg-0417` | `items/algebra/alg-0417.xml` | content, metadata | pending |
| ➡️ | `bio-0009` | `items/bio/old.xml` → `items/bio/new.xml` | moved | skipped |
| ✏️ | `geo-0033` | `items/geometry/geo-0033.xml` | metadata; difficulty: medium → hard | pending |

**Orphans, left alone (1)**

- `alg-0007` (new)
"""
    )


def test_check_as_markdown():
    text = render_markdown(full_report())

    assert (
        text
        == """\
<!-- qtisync:check:staging -->
### ⚠️ The API could not be read completely

`qtisync check target=staging 127.0.0.1:8765 repo=content@3f2a9c1 (main) base=8be0d44`

**Check: 1 conflict, 1,236 in sync. Last checked 2027-01-15T08:00:00.000Z.**

The API could not be read completely: its total changed.

**Conflicts: changed in git and at the API (1)**

| item | path | what | what to do |
|---|---|---|---|
| `alg-0102` | `items/alg-0102.xml` | content, metadata modelAnswer: (changed) | Look at both. |

**Drift: changed at the API since our last write (1)**

| item | path | what | what to do |
|---|---|---|---|
| `geo-0033` | `items/geo-0033.xml` | metadata difficulty: git medium, API hard version 5, by pat report only | Write it again. |

**Stored differently by the API (1)**

| item | path | what | what to do |
|---|---|---|---|
| `q-altered` | `items/q-altered.xml` | content |  |

**Unmanaged: ours at the API, not in git (1)**

| item | path | what | what to do |
|---|---|---|---|
| stimulus `alg-0999` | - | "Old" |  |

**Somebody else's (1)**

| item | path | what | what to do |
|---|---|---|---|
| `theirs` | - | it is not ours |  |

**Pinned to an older version (1)**

| item | path | commit |
|---|---|---|
| `alg-0001` | `items/alg-0001.xml` | `8be0d44a` |
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
        ("ask @octocat or org/repo#12, GH-7", "ask @&#8203;octocat or org/repo#&#8203;12, GH-&#8203;7"),
        ("<!-- qtisync:plan:staging -->", "&lt;!-- qtisync:plan:staging --&gt;"),
        ("a $x$ b", r"a \$x\$ b"),
        ("right\u202eleft\x1b", r"right\\u202eleft\\x1b"),
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
    assert f"<summary><b>Warnings ({MAX_ROWS + 9})</b></summary>" in text


def test_comment_always_fits_and_counts_what_was_left_out():
    words = "@| `" * 100
    problem = ReportProblem(path="a" * 400, line=1, identifier=None, code="x", message=words, hint=words)
    text = render_markdown(a_report(items=(an_entry(details=(words,) * 3),) * 5000, broken=(problem,) * 5000))

    assert len(text) <= MAX_CHARACTERS
    assert "… and 5,000 more." in text
    shown = text.count(f"`{'a' * 299}…`")
    assert f"… and {5000 - shown:,} more." in text


def test_change_of_an_answer_key_is_not_what_is_cut_off():
    risky = an_entry(identifier="z-last", risk=("answer_key",))
    text = render_markdown(a_report(items=(*(an_entry(),) * (MAX_ROWS + 7), risky)))

    assert "⚠️ **1 answer key changed**: `z-last`" in text
    assert "| `z-last` |" in text


@pytest.mark.parametrize(
    ("target", "name"),
    [("staging", "staging"), ("a --> <b>", "a-b"), ("", "-"), ("--", "-"), ("Prüfung", "Pr-fung")],
)
def test_job_finds_its_comment_by_a_line_that_nothing_can_end_early(target: str, name: str):
    report = a_report(place=a_place(target=target))

    assert marker(report) == f"<!-- qtisync:plan:{name} -->"
    assert lines_of(report)[0] == marker(report)


def test_held_plan_says_so_and_gives_the_command_before_any_list():
    hold = Hold(
        rule="mass-update",
        limit="30%",
        actual="4 of 10",
        message="4 of 10 recorded objects would be updated",
        keys=(a_key("q1"), a_key("q|2")),
    )
    held = plan_report(sample_plan(holds=(hold,)), a_place(), NOW)

    assert lines_of(replace(held, go_on="qtisync apply 'a```b.json' --allow mass-update"))[1:16] == [
        "### ❌ Held by a safety rule: nothing was written",
        "",
        "`qtisync plan target=staging 127.0.0.1:8765 repo=content@3f2a9c1 (main) base=8be0d44`",
        "",
        "**Plan: 1 create, 2 update, 0 delete, 1 moved, 1 orphan, 1 invalid, 1,236 unchanged. 3 calls, ≈ 1 s.**",
        "",
        "> **Held by `mass-update`**: 4 of 10 recorded objects would be updated",
        "> `q1`, `q\\|2`",
        "",
        "Nothing was written. If this is meant:",
        "",
        "````sh",
        "qtisync apply 'a```b.json' --allow mass-update",
        "````",
        "",
    ]


def test_rename_is_shown_with_the_old_identifier():
    assert "renamed from `old`" in render_markdown(a_report(items=(an_entry(renamed_from="old"),)))
