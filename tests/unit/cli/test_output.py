"""Every format of every report, and a report however a command ends."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import click
import pytest
from click.testing import CliRunner
from report_values import NOW, a_place, full_report, sample_plan

from qtisync.cli import qtisync
from qtisync.cli.common_options import FORMATS, Common, common_options
from qtisync.cli.output import emit, printable, render
from qtisync.errors import QtisyncError
from qtisync.report.build import plan_report
from qtisync.report.value import Report

SECRET = "s3cret words of foreign code"


def wanted(form: str = "text", **others: object) -> Common:
    values = {"config": None, "target": None, "output": None, "no_color": True, "verbose": 0, "quiet": False}
    return Common(**{**values, "show_content": False, "format": form, **others})


def said(form: str, text: str) -> str:
    """The error as a reader of this format finds it."""
    match form:
        case "json":
            return str(json.loads(text)["error"])
        case "ndjson":
            return str(json.loads(text.splitlines()[0])["error"])
        case "junit":
            return next(ET.fromstring(text).iter("error")).attrib["message"]
        case _:
            return text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_the_name_of_every_object(form: str):
    text = render(plan_report(sample_plan(), a_place(), NOW), wanted(form))

    assert [name for name in ("alg-0417", "alg-0102", "geo-0033", "geo-0040", "alg-0007") if name not in text] == (
        [] if form != "github" else ["alg-0417", "geo-0033"]  # what went well is no annotation
    )
    assert text.endswith("\n")


@pytest.mark.parametrize("form", FORMATS)
def test_same_report_is_the_same_text(form: str):
    assert render(full_report(), wanted(form)) == render(full_report(), wanted(form))


def test_text_of_a_status_that_failed_early_says_why():
    assert render(Report(kind="status", at=NOW, place=a_place(), errored=True, error="no"), wanted()).endswith("\nno\n")


def test_json_with_a_file_name_that_is_not_utf8_can_be_written():
    text = printable(json.dumps({"path": "caf\udce9"}, ensure_ascii=False))

    assert json.loads(text.encode().decode()) == {"path": "caf\udce9"}


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "text"])
@pytest.mark.parametrize("command", ["plan", "apply", "sync", "status", "validate"])
def test_command_that_fails_writes_its_report_in_every_format(form: str, command: str):
    ran = CliRunner().invoke(qtisync, [command, "--config", "nowhere.yaml", "--format", form])

    assert isinstance(ran.exception, QtisyncError)
    assert "config-" in said(form, ran.stdout)


def test_report_of_a_failure_goes_to_the_file_asked_for_in_text_too(tmp_path: Path):
    file = tmp_path / "report.txt"
    ran = CliRunner().invoke(qtisync, ["plan", "--config", "nowhere.yaml", "--output", str(file)])

    assert (ran.stdout, "config-" in file.read_text()) == ("", True)


def test_without_a_file_the_words_on_stderr_are_the_report_in_text():
    assert CliRunner().invoke(qtisync, ["plan", "--config", "nowhere.yaml"]).stdout == ""


def a_command(error: BaseException, *, before: Report | None = None) -> click.Command:
    def plan(*, common: Common) -> int:
        if before is not None:
            emit(before, common)
        raise error

    return click.command()(common_options(plan))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (QtisyncError("what happened", reference="held-plan"), "held-plan: what happened"),
        (ValueError(SECRET), "unexpected-error: ValueError; stderr says more"),
        (KeyboardInterrupt(), "interrupted: Run the command again."),
        (click.UsageError("no such thing"), "usage: no such thing"),
    ],
)
def test_any_error_makes_a_report_with_our_own_words_only(error: BaseException, words: str):
    ran = CliRunner().invoke(a_command(error), ["--format", "json"])
    report = json.loads(ran.stdout)

    assert (report["kind"], report["errored"], report["complete"], report["error"]) == ("plan", True, False, words)


def test_report_that_was_written_is_not_written_twice():
    told = plan_report(sample_plan(), a_place(), NOW)
    ran = CliRunner().invoke(a_command(QtisyncError("held"), before=told), ["--format", "json"])

    assert json.loads(ran.stdout)["checksum"] == told.checksum
