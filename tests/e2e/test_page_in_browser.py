"""The HTML report in a real browser: no error, no request, nothing of a hostile name runs, filters are there."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import html
from report_values import NOW, a_place, full_report

from qtisync.cli.output import page
from qtisync.report.html import render_html
from qtisync.report.value import Report, ReportItem, ReportProblem

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.slow,
    pytest.mark.timeout(180),
]
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)
HOSTILE = "<script>document.title='taken'</script>\"><img src=x onerror=\"document.title='taken'\">"


def shown(report: Report, folder: Path) -> tuple[str, list[str]]:
    """The page after its script ran, and what the console said."""
    file = folder / "report.html"
    file.write_text(render_html(report, page()), encoding="utf-8")
    ran = subprocess.run(
        [str(CHROMIUM), *QUIET, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    return ran.stdout, [line for line in ran.stderr.splitlines() if re.search(r"CONSOLE|Refused|SyntaxError", line)]


def test_page_runs_without_an_error_and_counts_its_rows(tmp_path: Path) -> None:
    problem = ReportProblem(path=HOSTILE, line=1, identifier=HOSTILE, code=HOSTILE, message=HOSTILE, hint=HOSTILE)
    text, said = shown(full_report(broken=(problem,), place=a_place(target=HOSTILE)), tmp_path)
    node = html.document_fromstring(text)

    assert said == []
    assert node.get("class") == "scripted"
    assert node.xpath("string(//output)") == "7 of 7 shown"
    assert node.xpath("string(//title)") != "taken"


def test_large_page_shows_the_first_rows_of_each_folder_and_offers_the_rest(tmp_path: Path) -> None:
    item = ReportItem(identifier="q", kind="item", path="", action="create", author="Ada")
    items = tuple(replace(item, identifier=f"q{n}", path=f"f{n % 2}/q{n}.xml") for n in range(5000))
    text, said = shown(Report(kind="plan", at=NOW, place=a_place(), items=items), tmp_path)
    node = html.document_fromstring(text)

    assert said == []
    assert node.xpath("string(//output)") == "5,000 of 5,000 shown"
    assert node.xpath("count(//tbody[@class='row'][not(@hidden)])") == 200
    assert node.xpath("//button[@class='more']/text()") == ["Show 100 more", "Show all 2,500"] * 2
