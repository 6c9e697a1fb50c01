"""What one file is: to be sent, not ours, or broken with a word for its author."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qtisync.content.canonical import QTI, digest_text
from qtisync.content.facts import BrokenFacts, ObjectFacts, OtherFacts, Remark, dump_facts, load_facts
from qtisync.content.qti import parse_object, references_in
from qtisync.model import Identifier, Kind

ITEM = f'<qti-assessment-item xmlns="{QTI}" identifier="q1" title="T"><qti-item-body><p>Hi</p></qti-item-body></qti-assessment-item>'
STIMULUS = (
    f'<qti-assessment-stimulus xmlns="{QTI}" identifier="s1" title="T"><qti-stimulus-body/></qti-assessment-stimulus>'
)


def broken(xml: str) -> BrokenFacts:
    facts = parse_object(xml.encode())
    assert isinstance(facts, BrokenFacts)
    return facts


def only_problem(xml: str) -> Remark:
    (problem,) = broken(xml).problems
    return problem


def test_an_item_tells_its_identity_and_digests():
    facts = parse_object(ITEM.encode())

    assert isinstance(facts, ObjectFacts)
    assert facts == ObjectFacts(
        kind=Kind.ITEM,
        identifier=Identifier("q1"),
        content=digest_text(ITEM) or "",
        answers=facts.answers,
        size=len(ITEM.encode()),
        references=(),
        findings=(),
    )
    assert facts.answers is not None


def test_a_stimulus_has_no_answers():
    facts = parse_object(STIMULUS.encode())

    assert facts == ObjectFacts(
        kind=Kind.STIMULUS,
        identifier=Identifier("s1"),
        content=digest_text(STIMULUS) or "",
        size=len(STIMULUS.encode()),
    )


def test_references_are_listed_once_each_in_their_order():
    refs = "".join(f'<qti-assessment-stimulus-ref identifier="{name}" href="x"/>' for name in ("s2", "s1", "s2", ""))
    facts = parse_object(ITEM.replace("<qti-item-body>", refs + "<qti-item-body>").encode())

    assert isinstance(facts, ObjectFacts)
    assert facts.references == ("s2", "s1")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encoding_and_line_ends_do_not_change_the_facts(encoding):
    xml = ITEM.replace("<p>", "\n<p>é ").replace("><", ">\n<")

    other, plain = parse_object(xml.replace("\n", "\r\n").encode(encoding)), parse_object(xml.encode())

    assert replace(other, size=0) == replace(plain, size=0)


def test_findings_come_from_lint():
    facts = parse_object(ITEM.replace("Hi", "<img src='x'/>").encode())

    assert isinstance(facts, ObjectFacts)
    assert [finding.code for finding in facts.findings] == ["image-without-alt"]


@pytest.mark.parametrize(
    ("xml", "root"),
    [
        (f'<qti-assessment-test xmlns="{QTI}" identifier="t"/>', "qti-assessment-test"),
        ('<qti-assessment-test xmlns="http://www.imsglobal.org/xsd/imsqti_v3p0"/>', "qti-assessment-test"),
        ('<assessmentTest xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1"/>', "assessmentTest"),
        ('<manifest xmlns="http://www.imsglobal.org/xsd/imscp_v1p1"/>', "manifest"),
        (f'<qti-response-processing xmlns="{QTI}"/>', "qti-response-processing"),
        ("<html/>", "html"),
    ],
)
def test_other_xml_is_not_ours(xml, root):
    assert parse_object(xml.encode()) == OtherFacts(root=root)


@pytest.mark.parametrize(
    ("xml", "version", "kind"),
    [
        ('<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="q1"/>', 2, Kind.ITEM),
        ('<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p2" identifier="q1"/>', 2, Kind.ITEM),
        ('<assessmentItem identifier="q1"/>', 2, Kind.ITEM),
        ('<assessmentStimulus identifier="q1"/>', 2, Kind.STIMULUS),
        ('<questestinterop identifier="q1"/>', 1, None),
    ],
)
def test_older_versions_are_refused_by_name(xml, version, kind):
    problem = Remark(
        code="qti-2",
        message=f"This is QTI {version}, and only QTI 3 can be sent.",
        line=2,
        hint="Convert it to QTI 3, or leave the file out of the paths that are synchronised.",
    )

    assert broken("\n" + xml) == BrokenFacts(problems=(problem,), identifier=Identifier("q1"), kind=kind)


@pytest.mark.parametrize(
    ("namespace", "code", "words"),
    [
        ("", "namespace-missing", "no namespace"),
        ("http://www.imsglobal.org/xsd/imsqti_v3p0", "namespace-wrong", "“imsqtiasi”, not “imsqti”"),
        ("http://www.imsglobal.org/xsd/imsqti_v2p2", "namespace-wrong", "that of QTI 2"),
        ("http://www.imsglobal.org/xsd/qti/imsqtiasi_v3p0", "namespace-wrong", "/xsd/qti/"),
        ("http://www.w3.org/1999/xhtml", "namespace-wrong", "XHTML"),
        ("http://www.w3.org/1998/Math/MathML", "namespace-wrong", "MathML"),
        ("urn:else", "namespace-wrong", "“urn:else”"),
    ],
)
def test_a_wrong_namespace_has_its_own_words_and_the_identity_is_kept(namespace, code, words):
    facts = broken(ITEM.replace(QTI, namespace))

    (problem,) = facts.problems
    assert (problem.code, problem.line, problem.hint) == (code, 1, f'Write xmlns="{QTI}".')
    assert words in problem.message
    assert (facts.identifier, facts.kind) == ("q1", Kind.ITEM)


@pytest.mark.parametrize(
    "identifier",
    ["q1", "_", "a" * 128, "季語", "é-1.2_3", "Q·1", "a\u0301"],
)
def test_every_xml_name_is_an_identifier(identifier):
    facts = parse_object(ITEM.replace('"q1"', f'"{identifier}"').encode())

    assert isinstance(facts, ObjectFacts)
    assert facts.identifier == identifier


@pytest.mark.parametrize(
    ("identifier", "code", "words"),
    [
        ("", "identifier-missing", "empty"),
        (" \t", "identifier-missing", "empty"),
        ("a" * 129, "identifier-too-long", "129 characters; at most 128"),
        ("a&#10;b", "identifier-invalid", "control characters"),
        ("a&#10;", "identifier-invalid", "control characters"),
        ("a&#x85;", "identifier-invalid", "control characters"),
        ("1a", "identifier-invalid", "“1a” is not a valid XML name"),
        ("a b", "identifier-invalid", "“a b”"),
        (" a", "identifier-invalid", "“ a”"),
        ("a/b", "identifier-invalid", "“a/b”"),
        ("a:b", "identifier-invalid", "“a:b”"),
        ("..", "identifier-invalid", "“..”"),
        ("a%2F", "identifier-invalid", "“a%2F”"),
        ("a\u2028", "identifier-invalid", "not a valid XML name"),
    ],
)
def test_other_identifiers_are_refused(identifier, code, words):
    facts = broken(ITEM.replace('"q1"', f'"{identifier}"'))

    (problem,) = facts.problems
    assert (problem.code, problem.line, facts.identifier, facts.kind) == (code, 1, None, Kind.ITEM)
    assert words in problem.message


def test_a_missing_identifier_is_said_with_what_to_add():
    assert only_problem(ITEM.replace(' identifier="q1"', "")) == Remark(
        code="identifier-missing",
        message="The root element has no identifier.",
        line=1,
        hint='Add identifier="…", unique among all items.',
    )


def test_namespace_and_identifier_are_reported_together():
    problems = broken(ITEM.replace(QTI, "urn:else").replace('"q1"', '"1"')).problems

    assert [problem.code for problem in problems] == ["namespace-wrong", "identifier-invalid"]


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE qti-assessment-item>",
        '<!DOCTYPE qti-assessment-item [<!ENTITY e "x">]>',
        '<!DOCTYPE qti-assessment-item [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE qti-assessment-item SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_any_doctype_is_refused_and_the_identity_is_kept(doctype):
    problem = Remark(
        code="doctype",
        message="The file has a DOCTYPE; it could bring in foreign files or hidden text.",
        line=2,
        hint="Delete the DOCTYPE, and write named entities as numbers (&nbsp; as &#160;).",
    )

    assert broken(f"<?xml version='1.0'?>\n{doctype}\n{ITEM}") == BrokenFacts(
        problems=(problem,), identifier=Identifier("q1"), kind=Kind.ITEM
    )


def test_the_identity_of_a_damaged_file_is_still_read():
    facts = broken("<!-- <qti-assessment-item identifier='old'/> -->\n" + ITEM.replace("</p>", ""))

    assert (facts.identifier, facts.kind) == ("q1", Kind.ITEM)
    assert (facts.problems[0].code, facts.problems[0].line) == ("tag-mismatch", 2)


@pytest.mark.parametrize("xml", ["<html><p></html>", "<qti-assessment-item><p></html>", "{}", "<qti-assessment-item"])
def test_a_damaged_file_without_identity_has_none(xml):
    assert broken(xml).identifier is None


def test_complaints_about_one_file_do_not_leak_into_the_next():
    broken("<a>&nbsp;</a>")

    assert only_problem("<a>\n<b></a>").code == "tag-mismatch"


def test_the_size_limit_is_the_callers():
    assert isinstance(parse_object(ITEM.encode(), max_bytes=len(ITEM)), ObjectFacts)
    facts = parse_object(ITEM.encode(), max_bytes=len(ITEM) - 1)

    assert isinstance(facts, BrokenFacts)
    assert facts.problems[0].code == "too-large"


@pytest.mark.parametrize("xml", [ITEM, STIMULUS, "<html/>", "<a>&nbsp;</a>", ITEM.replace("Hi", "<img/>")])
def test_facts_survive_the_record(xml):
    facts = parse_object(xml.encode())

    assert load_facts(dump_facts(facts)) == facts


def refers(to: str) -> str:
    reference = f'<qti-assessment-stimulus-ref identifier="{to}" href="{to}"/>'
    return ITEM.replace("<qti-item-body>", f"{reference}<qti-item-body>")


@pytest.mark.parametrize(
    ("xml", "found"),
    [
        (ITEM, ()),
        (ITEM.replace("Hi", "s1 and s2"), ()),
        (refers("s1"), ("s1",)),
        (refers("&#115;1"), ("s1",)),
        ("\ufeff" + refers("s2"), ("s2",)),
        (refers("s1").replace(QTI, "urn:another"), ("s1",)),
        (refers("s3"), ()),
        (refers("s1") + "<", ("s1",)),
        (refers("&#115;9") + "<", ("s1", "s2")),
        ("s1", ("s1",)),
        ("", ()),
    ],
)
def test_references_to_stimuli_are_found_and_what_cannot_be_read_counts_as_one(xml: str, found: tuple[str, ...]):
    assert references_in(xml, ("s1", "s2")) == set(found)
