"""The demo's content is what a careful content team would accept, and its story fits it."""

import pytest
import yaml
from lxml import etree

from qtisync.content.facts import ObjectFacts
from qtisync.content.qti import parse_object
from qtisync.demo import edits

NS = "{http://www.imsglobal.org/xsd/imsqtiasi_v3p0}"
FILES = edits.content_files()
XML = {path: etree.fromstring(data) for path, data in FILES.items() if path.endswith(".xml")}
ITEMS = {path: root for path, root in XML.items() if path.startswith("items/")}
YAML = {path: yaml.safe_load(data) for path, data in FILES.items() if path.endswith(".yaml")}
CHOICES = ("simple-choice", "inline-choice", "simple-associable-choice", "gap-text", "gap", "hottext")
TEMPLATES = ("match_correct.xml", "map_response.xml")


def interactions(root):
    return [element for element in root.iter() if str(element.tag).endswith("-interaction")]


def choices(root):
    return [element.get("identifier") for name in CHOICES for element in root.iter(f"{NS}qti-{name}")]


def values(root, name):
    return [value.text for part in root.iter(f"{NS}{name}") for value in part.iter(f"{NS}qti-value")]


def test_there_are_about_a_dozen_items_of_ten_kinds():
    kinds = {interaction.tag.removeprefix(NS) for root in ITEMS.values() for interaction in interactions(root)}

    assert len(ITEMS) == 13
    assert kinds == {
        "qti-associate-interaction",
        "qti-choice-interaction",
        "qti-extended-text-interaction",
        "qti-gap-match-interaction",
        "qti-hottext-interaction",
        "qti-inline-choice-interaction",
        "qti-match-interaction",
        "qti-order-interaction",
        "qti-slider-interaction",
        "qti-text-entry-interaction",
    }


def test_identifiers_are_unique():
    identifiers = [root.get("identifier") for root in XML.values()]

    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("path", XML)
def test_our_own_checks_find_nothing(path):
    facts = parse_object(FILES[path])

    assert isinstance(facts, ObjectFacts)
    assert facts.findings == ()


@pytest.mark.parametrize("path", ITEMS)
def test_item_is_complete(path):
    root = ITEMS[path]
    declared = [declaration.get("identifier") for declaration in root.iter(f"{NS}qti-response-declaration")]

    assert root.tag == f"{NS}qti-assessment-item"
    assert all(root.get(name) for name in ("identifier", "title", "adaptive", "time-dependent"))
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert [interaction.get("response-identifier") for interaction in interactions(root)] == declared == ["RESPONSE"]
    assert [outcome.get("identifier") for outcome in root.iter(f"{NS}qti-outcome-declaration")] == ["SCORE"]


@pytest.mark.parametrize("path", ITEMS)
def test_answer_key_is_among_the_choices(path):
    root = ITEMS[path]
    known, key = choices(root), values(root, "qti-correct-response")
    mapped = [entry.get("map-key") for entry in root.iter(f"{NS}qti-map-entry")]
    base = root.find(f"{NS}qti-response-declaration").get("base-type")

    assert len(set(known)) == len(known)
    if base in ("identifier", "pair", "directedPair"):
        assert {part for value in key for part in value.split()} <= set(known)
        assert set(mapped) <= set(known)
        assert key
    else:
        assert base in ("integer", "string")


@pytest.mark.parametrize("path", ITEMS)
def test_scoring_fits_the_key(path):
    root = ITEMS[path]
    processing = root.find(f"{NS}qti-response-processing")
    if not values(root, "qti-correct-response"):
        assert processing is None
        assert root.find(f"{NS}qti-outcome-declaration").get("external-scored") == "human"
        return
    template = processing.get("template")

    assert template.endswith(TEMPLATES)
    assert template.endswith("map_response.xml") == (next(root.iter(f"{NS}qti-mapping"), None) is not None)


def test_every_stimulus_is_there_where_its_item_says():
    references = [(path, ref) for path, root in ITEMS.items() for ref in root.iter(f"{NS}qti-assessment-stimulus-ref")]

    assert [(path, ref.get("identifier"), ref.get("href")) for path, ref in references] == [
        ("items/biology/bio-0022.xml", "bio-st-01", "../../stimuli/bio-st-01.xml")
    ]
    assert XML["stimuli/bio-st-01.xml"].get("identifier") == "bio-st-01"


def test_every_item_has_a_sidecar_and_a_subject():
    for path in ITEMS:
        sidecar = YAML[path.replace(".xml", ".yaml")]
        folder = YAML[path.rsplit("/", 1)[0] + "/_defaults.yaml"]

        assert isinstance(sidecar["grade"], str)
        assert sidecar["difficulty"] in ("easy", "medium", "hard")
        assert [objective["source"] for objective in sidecar["learningObjectiveSet"]] == ["CASE"]
        assert folder["subject"] in ("Math", "Science")


def test_one_item_is_protected():
    assert [path for path, sidecar in YAML.items() if sidecar.get("qtisync") == {"protect": True}] == [
        "items/biology/bio-0021.yaml"
    ]


def test_one_file_is_named_differently_from_its_item():
    assert XML[edits.MOVES[0][0]].get("identifier") == edits.MOVED_IDENTIFIER


def test_answer_key_edit_moves_the_key_to_another_choice():
    root = etree.fromstring(edits.edit_answer_key(FILES[edits.EDITED_ITEM].decode()).encode())
    prompt = "".join(root.find(f".//{NS}qti-prompt").itertext())
    [key] = values(root, "qti-correct-response")
    answer = next("".join(c.itertext()) for c in root.iter(f"{NS}qti-simple-choice") if c.get("identifier") == key)

    assert (prompt, answer) == ("Solve the equation 3x + 5 = 26.", "x = 7")


def test_sidecar_edit_changes_the_difficulty_only():
    before = YAML[edits.EDITED_SIDECAR]
    after = yaml.safe_load(edits.edit_sidecar(FILES[edits.EDITED_SIDECAR].decode()))

    assert after == {**before, "difficulty": "hard"}


def test_broken_file_is_not_well_formed():
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(edits.break_file(FILES[edits.BROKEN_ITEM].decode()).encode())


def test_moved_files_exist_and_their_places_are_free():
    assert [old in FILES for old, _ in edits.MOVES] == [True, True]
    assert [new in FILES for _, new in edits.MOVES] == [False, False]


def test_edit_that_does_not_fit_says_so():
    with pytest.raises(ValueError, match="instead of once"):
        edits.edit_sidecar("grade: '7'\n")
