"""The report of two targets: each difference with the names of both."""

from __future__ import annotations

from builders import a_content_digest, a_key
from report_values import NOW, a_place, valid

from qtisync.model import RepoPath
from qtisync.planning.across import Difference, Side
from qtisync.report.targets import Compared, targets_report
from qtisync.report.text import render_text

SIDE = Side(content=a_content_digest("c1"), metadata={"grade": "5", "rubric": "the answer"}, version=1)
OTHER = Side(content=a_content_digest("c2"), metadata={"grade": "6", "rubric": "another"}, version=4)
BOTH = Difference(
    key=a_key("q1"), path=RepoPath("q1.xml"), here=SIDE, there=OTHER, content=True, names=("grade", "rubric")
)
ONLY = Difference(key=a_key("q2"), path=RepoPath("q2.xml"), here=SIDE, there=None)
FOUND = Compared(differ=(BOTH, ONLY), same=7, here="staging", there="production", synced=("3f2a9c1aa", None))


def test_each_side_is_named_and_answers_are_hidden():
    document = valid(targets_report(FOUND, a_place(), NOW))

    assert (document["kind"], document["against"]) == ("compare", "production")
    assert [one["keys"] for one in document["differences"]] == [
        [
            {"name": "grade", "sides": {"staging": "5", "production": "6"}, "hidden": False},
            {"name": "rubric", "sides": {}, "hidden": True},
        ],
        [],
    ]
    assert {name: count for name, count in document["summary"].items() if count} == {"difference": 2, "noop": 7}
    assert "the answer" not in str(document)


def test_text_reads_like_the_others():
    text = render_text(targets_report(FOUND, a_place(base=None), NOW)).splitlines()

    assert text[1:3] == [
        "  ≠ difference q1  q1.xml  content, metadata  grade: production 6, staging 5; rubric: (changed)",
        "  ≠ difference q2  q2.xml  only at staging",
    ]
    assert (
        "they are not at the same commit: staging is synced to 3f2a9c1, production is synced to nothing yet" in text[3]
    )
    assert text[-1] == "Compare: 2 difference, 7 the same."
