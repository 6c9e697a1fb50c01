import pytest
from sandbox_calls import item_xml

from qtisync.sandbox.rules import RefusedXmlError, interaction_type, metadata_issues, parse, read

BOMB = (
    '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">'
    + "".join(f'<!ENTITY x{n} "{"&x;" * 9}">' for n in range(9))
    + "]><a>&x;</a>"
)


def test_identifier_and_title_come_from_the_root():
    document = read(item_xml("q-7", title="Größe"), "qti-assessment-item")

    assert (document.identifier, document.title) == ("q-7", "Größe")


@pytest.mark.parametrize("encoding", ["UTF-16", "ISO-8859-1", "nonsense"])
def test_encoding_in_a_declaration_means_nothing(encoding):
    xml = item_xml(title="Größe").replace("UTF-8", encoding)

    assert read(xml, "qti-assessment-item").title == "Größe"


@pytest.mark.parametrize(
    ("xml", "kind"),
    [
        ("", "invalid"),
        ("<a>", "invalid"),
        ("\ud800", "invalid"),
        ("<!DOCTYPE a><a/>", "invalid"),
        (BOMB, "invalid"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "invalid"),
        ("<qti-assessment-item identifier='a' title='b'/>", "unreadable"),
        (item_xml().replace("qti-assessment-item", "assessmentItem"), "unreadable"),
        (item_xml(" "), "unreadable"),
        (item_xml(title=""), "unreadable"),
    ],
)
def test_documents_that_are_not_taken(xml, kind):
    with pytest.raises(RefusedXmlError) as caught:
        read(xml, "qti-assessment-item")

    assert caught.value.kind == kind


def test_type_is_the_first_interaction():
    plain = parse(item_xml())
    gap = parse(item_xml().replace("qti-choice-interaction", "qti-gap-match-interaction"))
    none = parse(item_xml().replace("qti-choice-interaction", "div"))

    assert [interaction_type(root) for root in (plain, gap, none)] == ["choice", "gap-match", "unknown"]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"grade": "-1", "difficulty": "easy"},
        {"grade": "13", "own": {"a": [None, 1.5]}},
        {"learningObjectiveSet": []},
    ],
)
def test_metadata_that_is_taken(metadata):
    assert metadata_issues(metadata) == []
