"""The verdict on a push before it is accepted."""

from __future__ import annotations

from builders import a_commit

from qtisync.model import Broken, Problem, RepoPath, Snapshot
from qtisync.report.push_check import MAX_SHOWN, push_check


def a_problem(path: str, line: int | None = 17, hint: str = "") -> Problem:
    return Problem(path=RepoPath(path), code="not-well-formed", message="It ends too early.", line=line, hint=hint)


def a_snapshot(*broken: Broken, warnings: tuple[Problem, ...] = ()) -> Snapshot:
    return Snapshot(commit=a_commit(), items={}, broken=broken, warnings=warnings)


def a_broken(path: str, *problems: Problem) -> Broken:
    return Broken(path=RepoPath(path), problems=problems or (a_problem(path),))


def test_broken_file_refuses_the_push_with_file_line_and_hint() -> None:
    check = push_check(a_snapshot(a_broken("a.xml", a_problem("a.xml", hint="Close it."))), None, "refs/heads/main")

    assert (check.refused, check.lines) == (
        True,
        (
            "a.xml:17: error: It ends too early. (not-well-formed)",
            "    Close it.",
            (
                "1 file is broken, the push of refs/heads/main is refused. Before a push the same is said by: "
                "qtisync validate"
            ),
        ),
    )


def test_file_that_was_broken_before_and_is_not_touched_refuses_nothing() -> None:
    assert push_check(a_snapshot(a_broken("old.xml")), frozenset({"new.xml"}), "r").refused is False


def test_item_is_refused_for_a_sidecar_that_was_touched() -> None:
    snapshot = a_snapshot(a_broken("a.xml", a_problem("a.yaml", None)))
    check = push_check(snapshot, frozenset({"a.yaml"}), "r")

    assert check.refused
    assert check.lines[0] == "a.yaml: error: It ends too early. (not-well-formed)"


def test_warnings_of_what_was_touched_are_shown_and_refuse_nothing() -> None:
    snapshot = a_snapshot(warnings=(a_problem("b.xml"), a_problem("a.xml", None)))

    assert push_check(snapshot, frozenset({"a.xml"}), "r") == push_check(snapshot, frozenset({"a.xml"}), "other")
    assert push_check(snapshot, frozenset({"a.xml"}), "r").lines == (
        "a.xml: warning: It ends too early. (not-well-formed)",
    )
    assert len(push_check(snapshot, None, "r").lines) == 2


def test_many_faults_are_counted_and_control_characters_written_out() -> None:
    broken = [a_broken(f"{n:03}\n.xml") for n in range(MAX_SHOWN + 5)]
    lines = push_check(a_snapshot(*broken), None, "r").lines

    assert (len(lines), lines[MAX_SHOWN]) == (MAX_SHOWN + 2, "… and 5 more of them")
    assert "\n" not in "".join(lines)
