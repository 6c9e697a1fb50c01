"""The page: one file that needs nothing else, says first what it comes to, and in which no name becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from histories import histories
from hypothesis import given
from lxml import etree, html
from report_values import NOW, a_place, full_report, rows_after_push, sample_plan
from test_formats import PHASES, reports

from qtisync.cli.output import page
from qtisync.model import CommitInfo
from qtisync.planning.plan import Hold
from qtisync.report.build import Course, plan_report, push_report
from qtisync.report.divergence import KeyChange
from qtisync.report.html import BARS, OPEN_UP_TO, START, Page, policy, render_html
from qtisync.report.value import Report, ReportItem, ReportProblem

PAGE = page()
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}\u202e</style></script><!--"


def dom(report: Report) -> Any:
    return html.document_fromstring(render_html(report, PAGE))


def texts(node: Any, path: str) -> list[str]:
    return [" ".join(found.text_content().split()) for found in node.xpath(path)]


def tables(node: Any) -> dict[str, list[list[str]]]:
    """Part → its rows, as a reader sees them."""
    return {
        part.get("aria-labelledby"): [
            [" ".join(cell.text_content().split()) for cell in row.xpath("./tr[1]/*")]
            for row in part.xpath(".//tbody[@class='row']")
        ]
        for part in node.xpath("//section[@class='part']")
    }


def test_push_as_a_page():
    plan = sample_plan()
    touched = {plan.changes[0].item.path: CommitInfo(commit=plan.commit, author="Ada")}
    report = push_report(
        "apply", replace(plan, authors=touched), rows_after_push(), a_place(), NOW, Course(sent=3, took=1.0)
    )

    assert tables(dom(report)) == {
        "invalid": [
            [
                "x invalid",
                "geo-0040items/geometry/geo-0040.xml:17",
                'correct response "D" is not a choiceAdd the choice or correct the key.',
                "correct-response-not-a-choice",
            ]
        ],
        "objects": [
            [
                "~ update",
                "alg-0102items/algebra/alg-0102.xmlAda, 3f2a9c1",
                "! answer keycontent",
                "parked RequestError 400: Stimulus(s) not found",
            ],
            ["+ create", "alg-0417items/algebra/alg-0417.xml", "content and metadata", "applied"],
            ["> move", "bio-0009items/bio/old.xml →items/bio/new.xml", "no call is needed", "skipped"],
            ["~ update", "geo-0033items/geometry/geo-0033.xml", "metadata", "pending"],
        ],
        "orphans": [
            ["? orphan", "alg-0007items/algebra/alg-0007.xml", "new with this commit", "the API keeps it"],
        ],
    }


def test_head_of_the_page_says_what_it_comes_to():
    node = dom(plan_report(sample_plan(), a_place(), NOW))

    assert texts(node, "//h1") == ["3 changes to send, and files that cannot be"]
    assert texts(node, "//dl/div") == [
        "API127.0.0.1:8765",
        "commit3f2a9c100000 (main)",
        "compared with commit8be0d4400000",
        "repository/srv/content.git",
        "made2027-01-15 08:00 UTC",
    ]
    assert texts(node, "//ul[@class='tiles']/li") == [
        "1create",
        "1content updates",
        "1metadata updates",
        "1moved",
        "1orphan",
        "1invalid",
        "1,236unchanged",
    ]
    assert texts(node, "//ul[@class='chart']/li") == [
        "items/algebra1 create, 1 to look at",
        "items/bio1 other",
        "items/geometry1 update",
    ]
    assert texts(node, "//nav//a") == ["Problems in files that cannot be sent", "Changes", "Orphans"]


def test_changed_metadata_stands_side_by_side():
    (table,) = dom(plan_report(sample_plan(), a_place(), NOW)).xpath("//table[@class='keys']")

    assert [texts(row, "./*") for row in table.xpath(".//tr")] == [
        ["key", "before", "git"],
        ["difficulty", "medium", "hard"],
    ]


def test_what_is_not_the_same_everywhere_shows_both_sides_and_hides_answers():
    node = dom(full_report())

    assert [[texts(row, "./*") for row in one.xpath(".//tr")] for one in node.xpath("//table[@class='keys']")] == [
        [["key", "git", "API"], ["modelAnswer", "changed; its values are shown with --show-content"]],
        [["key", "git", "API"], ["difficulty", "medium", "hard"]],
    ]
    assert tables(node)["drift"] == [
        [
            "≠ drift",
            "geo-0033items/geo-0033.xml",
            "metadataversion 5 at the APIchanged there by patWrite it again.",
            "left as it is",
        ]
    ]
    assert list(tables(node)) == ["conflicts", "drift", "altered", "unmanaged", "foreign", "pinned"]


def test_xml_is_compared_line_by_line_only_if_the_report_has_it():
    (item, *_) = plan_report(sample_plan(), a_place(), NOW).items
    bodies = {"recorded": "<a><b>x</b><c/></a>", "git": "<a><b>y</b><c/></a>"}
    report = Report(kind="plan", at=NOW, place=a_place(), items=(replace(item, bodies=bodies),))
    (table,) = dom(report).xpath("//table[@class='diff']")

    assert [[cell.text_content().rstrip() for cell in row] for row in table.xpath("./tbody/tr")] == [
        ["1", "  <a>", "1", "  <a>"],
        ["2", "\N{MINUS SIGN}   <b>x</b>", "2", "+   <b>y</b>"],
        ["3", "    <c/>", "3", "    <c/>"],
        ["4", "  </a>", "4", "  </a>"],
    ]
    assert not dom(replace(report, items=(item,))).xpath("//table[@class='diff']")


def test_hold_has_its_command():
    hold = Hold(rule="mass-update", limit="30%", actual="4 of 10", message="4 of 10 would be updated")
    held = replace(plan_report(sample_plan(holds=(hold,)), a_place(), NOW), go_on="qtisync apply plan.json --allow x")
    node = dom(held)

    assert texts(node, "//div[@class='card bad']") == ["mass-update4 of 10 would be updatedLimit: 30%. Found: 4 of 10."]
    assert texts(node, "//pre") == ["qtisync apply plan.json --allow x"]


def test_nothing_is_fetched_and_only_our_own_script_may_run():
    text = render_html(full_report(), PAGE)
    node = html.document_fromstring(text)

    assert node.xpath("//@src | //link | //iframe | //@style | //@*[starts-with(name(), 'on')]") == []
    assert [link for link in node.xpath("//@href") if not link.startswith("#")] == []
    assert "url(" not in PAGE.style
    assert node.xpath("//meta[@http-equiv]/@content") == [policy(PAGE)]
    assert policy(Page(template="", style="a", script="b")) == (
        "default-src 'none'; style-src 'sha256-ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs='; "
        "script-src 'sha256-" + policy(PAGE).split("script-src 'sha256-")[1].split("'")[0] + "' "
        "'sha256-PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0='; base-uri 'none'; form-action 'none'"
    )
    assert START in text


@pytest.mark.parametrize("field", ["identifier", "path", "message", "hint", "code"])
def test_no_text_becomes_markup(field: str):
    problem = ReportProblem(path="a.xml", line=1, identifier="q", code="c", message="m", hint="h")
    report = full_report(
        broken=(replace(problem, **{field: HOSTILE}),),
        items=(ReportItem(identifier=HOSTILE, kind="item", path=HOSTILE, author=HOSTILE, reason=HOSTILE),),
        place=a_place(repository=HOSTILE, target=HOSTILE, ref=HOSTILE),
        conflicts=(replace(full_report().conflicts[0], keys=(KeyChange(name=HOSTILE, sides={"git": HOSTILE}),)),),
    )
    look_for_markup(report)


def look_for_markup(report: Report) -> None:
    text = render_html(report, PAGE)
    honest = render_html(full_report(), PAGE)
    node = html.document_fromstring(text)
    known = {one.tag for one in html.document_fromstring(honest).iter() if isinstance(one.tag, str)}
    known |= {"ul", "li", "svg", "rect", "b", "pre", "div", "h3", "em", "legend", "fieldset"}
    assert {one.tag for one in node.iter() if isinstance(one.tag, str)} <= known
    assert len(node.xpath("//script")) <= 2
    assert not [one for one in node.iter() if one.tag is etree.Comment]
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text)
    assert "49" not in "".join(texts(node, "//th[@scope='row']")) or "49" in str(report)


@histories(25, phases=PHASES)
@given(report=reports)
def test_no_report_at_all_becomes_markup(report: Report) -> None:
    look_for_markup(report)


def many(count: int) -> Report:
    items = tuple(
        ReportItem(identifier=f"q{n}", kind="item", path=f"f{n % 12:02}/q{n}.xml", action="create", author="Ada")
        for n in range(count)
    )
    return Report(kind="plan", at=NOW, place=a_place(), items=items)


def test_large_report_has_every_row_and_only_the_largest_folders_in_its_chart():
    node = dom(many(1000))

    assert len(node.xpath("//tbody[@class='row']")) == 1000
    assert texts(node, "//ul[@class='chart']/li")[:1] == ["f0084 create"]
    assert len(node.xpath("//ul[@class='chart']/li")) == BARS
    assert texts(node, "//p[@class='hint']") == ["… and 4 more folders."]
    assert node.xpath("count(//div[contains(@class, 'lazy many')])") == 12


@pytest.mark.parametrize(("count", "opened"), [(OPEN_UP_TO, True), (OPEN_UP_TO + 1, False)])
def test_differences_are_unfolded_in_a_short_report_only(count: int, opened: bool):
    report = many(count)
    first = replace(report.items[0], keys=(KeyChange(name="k", sides={"git": 1}),))

    assert bool(dom(replace(report, items=(first, *report.items[1:]))).xpath("//details[@open]")) is opened


def test_filters_name_what_is_there():
    node = dom(push_report("apply", sample_plan(), rows_after_push(), a_place(), NOW, Course()))

    assert texts(node, "//select[@id='sort']/option") == [
        "everything",
        "create (1)",
        "invalid (1)",
        "move (1)",
        "orphan (1)",
        "update (2)",
    ]
    assert texts(node, "//select[@id='state']/option") == [
        "any",
        "applied (1)",
        "parked (1)",
        "pending (1)",
        "skipped (1)",
    ]


def test_page_can_be_read_without_seeing_it():
    node = dom(full_report())
    labelled = {name for names in node.xpath("//section/@aria-labelledby") for name in names.split()}

    assert node.get("lang") == "en"
    assert [node.xpath(f"count(//{tag})") for tag in ("header", "main", "nav", "footer", "h1")] == [1.0] * 5
    assert labelled <= set(node.xpath("//@id"))
    assert set(node.xpath("//nav//a/@href")) <= {f"#{name}" for name in node.xpath("//@id")}
    assert all(
        table.xpath("./caption") and table.xpath("./thead//th[@scope='col']")
        for table in node.xpath("//table[@class='list']")
    )
    assert set(node.xpath("//label/@for")) == {"search", "sort", "state"}
    assert [
        head for head in node.xpath("//tbody[@class='row']/tr[1]") if len(head.xpath("./th[@scope='row']")) != 1
    ] == []


def test_report_without_any_row_needs_no_script():
    node = dom(Report(kind="check", at=NOW, place=a_place(), summary={"noop": 3}))

    assert (texts(node, "//h1"), len(node.xpath("//script"))) == (["Git and the API agree"], 1)
