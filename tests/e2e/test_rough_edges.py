"""What impatient people, odd repositories and full disks do to the commands."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from world import QTI, World, item_xml, stimulus_xml

CREATES = [("POST", "/assessment-items")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.commit({"a.xml": item_xml("q-a"), "a.yaml": "grade: 5\n", "b.xml": item_xml("q-b")})
        yield made


def twelve(words: str) -> dict[str, str | bytes | None]:
    return {f"q{n:02}.xml": item_xml(f"q{n:02}", words) for n in range(12)}


def shell(world: World, line: str) -> tuple[int, str, str]:
    """A shell line in which ``qtisync`` is the command."""
    script = f'qtisync() {{ {shlex.join(world.command())} "$@"; }}\n{line}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=world.folder, env=world.environ, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def on_terminal(world: World, *arguments: str, typed: str = "") -> tuple[int, str]:
    """A command whose every stream is a terminal; exit code and what it showed."""
    outer, inner = pty.openpty()
    with subprocess.Popen(
        world.command(*arguments), cwd=world.folder, env=world.environ, stdin=inner, stdout=inner, stderr=inner
    ) as process:
        os.close(inner)
        os.write(outer, typed.encode())
        shown = b""
        while True:
            try:
                part = os.read(outer, 65536)
            except OSError:  # the other end is closed
                break
            shown += part
        code = process.wait()
    os.close(outer)
    return code, shown.decode()


def test_held_apply_and_sync_show_the_whole_plan_and_a_command_with_all_flags(world: World) -> None:
    world.commit(twelve("Before?"))
    world.report("sync", code=0)
    world.commit(twelve("After?"))
    (world.folder / "qtisync.yaml").rename(world.folder / "other.yaml")
    flags = ("--config", "other.yaml", "--target", "test")
    for command in (("sync",), ("apply",), ("apply", "--only", "q0*")):
        report = world.report(*command, *flags, code=4)
        assert report["kind"] == "plan"
        assert [hold["rule"] for hold in report["holds"]] == ["mass-update"]
        assert report["items"]
    world.api.journal.clear()
    held = world.run("apply", "--only", "q0*", "--ref", "main", *flags)
    printed = held.out.splitlines()[-1].partition("If this is meant: ")[2]
    assert printed == (
        "qtisync plan --out plan.json --ref main --only 'q0*' --config other.yaml --target test"
        " && qtisync apply plan.json --allow mass-update --config other.yaml --target test"
    )
    assert shell(world, printed)[0] == 0
    assert sorted(world.writes()) == [("PUT", f"/assessment-items/q0{n}") for n in range(10)]


def test_only_that_names_nothing_is_a_mistake_and_not_zero_changes(world: World) -> None:
    for command in ("plan", "apply"):
        missed = world.run(command, "--only", "q-a", "--only", "q-x*")
        assert missed.code == 64
        assert "q-x*" in missed.err
    assert world.writes() == []
    assert world.report("apply", "--only", "q-a", code=0)["summary"]["applied"] == 1


def test_saved_plan_knows_its_target(world: World) -> None:
    config = json.loads((world.folder / "qtisync.yaml").read_text())
    config["targets"]["second"] = config["targets"]["test"]
    (world.folder / "qtisync.yaml").write_text(json.dumps(config))
    assert world.run("plan", "--target", "test", "--out", "plan.json").code == 0
    assert world.report("apply", "plan.json", code=0)["target"]["name"] == "test"


def test_no_at_the_prompt_is_no_interruption_and_writes_nothing(world: World) -> None:
    code, shown = on_terminal(world, "apply", typed="n\n")
    assert code == 4
    assert "You did not agree" in shown
    assert "Interrupted" not in shown
    assert world.writes() == []


def test_no_color_holds_for_every_command_on_a_terminal(world: World) -> None:
    for command in ("plan", "status", "doctor", "validate"):
        assert "\x1b[" in on_terminal(world, command)[1], command
        assert "\x1b[" not in on_terminal(world, command, "--no-color")[1], command


def test_full_disk_and_closed_pipe_are_no_bug_of_ours(world: World) -> None:
    for command in ("plan", "--version", "doctor", "schema report"):
        code, _, said = shell(world, f"qtisync {command} >/dev/full")
        assert code == 1, command
        assert "could not be written" in said, command
        assert "Traceback" not in said, command
    assert shell(world, "qtisync plan >&-")[0] == 0
    for reader in ("true", "head -1"):
        code, _, said = shell(world, f"set -o pipefail; qtisync plan -v | {reader}")
        assert (code, said) == (0, "")


def test_report_that_cannot_be_written_is_told_before_the_push_or_goes_to_stdout(world: World) -> None:
    for file in ("nowhere/report.txt", "content"):
        early = world.run("sync", "--output", file)
        assert early.code == 64
        assert file.split("/")[0] in early.err
    assert world.writes() == []
    late = world.run("sync", "--output", "/dev/full")
    assert late.code == 1
    assert "2 applied" in late.out
    assert "No space left" in late.err


def test_retry_says_what_it_could_not_queue(world: World) -> None:
    world.report("sync", code=0)
    unknown = world.run("retry", "nobody")
    assert unknown.code == 64
    assert "nobody" in unknown.err
    for arguments, code in ((("q-a",), 3), (("--failed",), 0)):
        ran = world.run("retry", *arguments)
        assert ran.code == code
        assert ran.out.startswith("Nothing was queued again")


def test_status_of_one_item_queue_and_doctor_are_there_as_json(world: World) -> None:
    world.report("sync", code=0)
    one = world.report("status", "q-a", code=0)
    assert [item["identifier"] for item in one["items"]] == ["q-a"]
    assert [(call["method"], call["path"]) for call in one["status"]["history"]] == CREATES
    assert world.report("queue", "ls", code=0)["items"] == []
    doctor = world.report("doctor", code=0)
    assert doctor["kind"] == "doctor"
    assert {check["level"] for check in doctor["checks"]} == {"ok"}
    assert world.run("doctor", "--output", "doctor.txt").out == ""
    assert "credentials" in (world.folder / "doctor.txt").read_text()


def test_markdown_of_status_and_validate_speak_of_themselves(world: World) -> None:
    world.report("sync", code=0)
    status = world.run("status", "--format", "markdown").out
    assert "- **queue** empty" in status
    assert "applied" not in status
    assert "**2 valid, 0 invalid, 0 warnings.**" in world.run("validate", "--format", "markdown").out


def test_init_never_leaves_a_configuration_that_does_not_work(world: World) -> None:
    urls = ("--base-url", world.api.base_url, "--token-url", world.api.token_url)
    quoted = world.run("init", "new", "--repository", "../content", "--ref", "1.10", *urls)
    assert quoted.code == 0
    assert 'ref: "1.10"' in (world.folder / "new/qtisync.yaml").read_text()
    for odd in (("--name", "we ird"), ("--ref", "a: b"), ("--base-url", "ftp://x")):
        refused = world.run("init", "odd", *urls, *odd)
        assert refused.code == 78, odd
        assert not (world.folder / "odd/qtisync.yaml").exists(), odd
    assert world.run("init", "odd", *urls[:2]).code == 64


def test_validate_leaves_submodules_alone_as_plan_does(world: World) -> None:
    subprocess.run(["git", "clone", "-q", ".", "inner"], cwd=world.content, check=True)
    validated = world.report("validate", code=0)
    assert validated["summary"]["noop"] == 2
    assert [warning["path"] for warning in validated["warnings"]] == ["inner"]


def test_doctor_sees_that_the_record_has_no_place(world: World) -> None:
    (world.folder / "state").write_text("a file")
    looked = world.run("doctor")
    assert looked.code == 1
    assert re_line(looked.out, "record").startswith("FAIL")
    (world.folder / "state").unlink()
    lost = world.run("doctor")
    assert lost.code == 0
    assert "its record is lost: qtisync state rebuild" in lost.out
    without = world.run("doctor", environ={"TEST_QTI_ID": ""})
    assert without.code == 78
    assert "export" in without.out or "put" in without.out


def re_line(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if f" {word} " in line)


def test_names_in_a_repository_cannot_steer_the_terminal(world: World) -> None:
    world.commit({"esc\x1b[2Jape\nx forged.xml": "<broken", "s.xml": stimulus_xml("季語"), "o.xml": f"<a {QTI}/>"})
    for command in (("plan",), ("validate",), ("sync",), ("status",)):
        _, shown = on_terminal(world, *command, "--no-color")
        assert "\x1b" not in shown, command
        assert "esc\\x1b[2Jape\\nx forged.xml" in shown, command
