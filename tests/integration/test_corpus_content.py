"""Real files from public repositories: nothing crashes, digests are stable, edits are judged as the design does."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from qtisync.content.canonical import canonical_digest, digest_text
from qtisync.content.facts import BrokenFacts, ObjectFacts, OtherFacts, dump_facts, load_facts
from qtisync.content.payload import xml_text
from qtisync.content.qti import parse_object

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpus"
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here")


def files(folder: str) -> list[Path]:
    return sorted((CORPUS / folder).glob("*.xml"))


def names(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", files("items"), ids=names)
def test_a_real_item_can_be_sent_and_keeps_its_digest(path):
    data = path.read_bytes()
    facts = parse_object(data)

    assert isinstance(facts, ObjectFacts)
    assert parse_object(data) == facts
    assert load_facts(dump_facts(facts)) == facts
    assert digest_text(xml_text(data)) == facts.content
    assert parse_object(xml_text(data).encode()).content == facts.content  # type: ignore[union-attr]


@pytest.mark.parametrize("path", files("items"), ids=names)
def test_serialising_a_real_item_in_other_ways_keeps_its_digest(path):
    root = etree.parse(path).getroot()
    digest = canonical_digest(root)

    assert digest_text(etree.tostring(root.getroottree(), encoding="unicode")) == digest
    assert digest_text(etree.tostring(root.getroottree(), encoding="us-ascii").decode()) == digest
    assert digest_text(etree.tostring(root.getroottree(), method="c14n").decode()) == digest


def test_identifiers_are_those_of_the_manifest():
    with (CORPUS / "MANIFEST.csv").open(newline="") as stream:
        wanted = {row["file"]: row["identifier"] for row in csv.DictReader(stream) if row["category"] == "items"}
    found = {
        f"items/{path.name}": facts.identifier
        for path in files("items")
        if isinstance(facts := parse_object(path.read_bytes()), ObjectFacts)
    }

    assert found == wanted


def test_different_items_have_different_digests():
    """Equal ones are the same source but for comments, declarations and layout."""
    digests = Counter(parse_object(path.read_bytes()).content for path in files("items"))  # type: ignore[union-attr]

    assert len(digests) > 0.9 * len(files("items"))


def edits() -> list[tuple[str, bool]]:
    if not CORPUS.is_dir():
        return []
    with (CORPUS / "EDITS.csv").open(newline="") as stream:
        return [(row["n"], row["same_qti_canon"] == "1") for row in csv.DictReader(stream)]


@pytest.mark.parametrize(("number", "same"), edits())
def test_real_edits_are_judged_as_the_prototype_judged_them(number, same):
    """All of them agree; a pair of which the prototype proves wrong belongs here, with the reason."""
    old, new = (
        canonical_digest(etree.fromstring((CORPUS / "edits" / f"{number}_{side}.xml").read_bytes()))
        for side in ("old", "new")
    )

    assert (old == new) == same


@pytest.mark.parametrize("path", files("qti2"), ids=names)
def test_older_versions_are_refused_by_name(path):
    facts = parse_object(path.read_bytes())

    if isinstance(facts, BrokenFacts):
        assert {problem.code for problem in facts.problems} <= {"qti-2", "doctype"}
    else:
        assert facts == OtherFacts(root="assessmentTest")


@pytest.mark.parametrize("path", files("odd"), ids=names)
def test_odd_files_are_never_sent(path):
    facts = parse_object(path.read_bytes())

    assert not isinstance(facts, ObjectFacts)
    if isinstance(facts, BrokenFacts):
        assert all(problem.line and problem.hint for problem in facts.problems)


@pytest.mark.parametrize("path", files("tests"), ids=names)
def test_qti_tests_are_not_ours(path):
    assert parse_object(path.read_bytes()) == OtherFacts(root="qti-assessment-test")
