"""Files made to hurt: each is answered in a moment, and with a value."""

from __future__ import annotations

import gzip
import time

import pytest

from qtisync.content.canonical import QTI, digest_text
from qtisync.content.facts import BrokenFacts, ObjectFacts
from qtisync.content.qti import parse_object

SECONDS = 20
"""Far above what they take, far below what a quadratic answer would take."""
OPEN, CLOSE = f'<qti-assessment-item xmlns="{QTI}" identifier="q1">', "</qti-assessment-item>"


def item(inside: str) -> str:
    return OPEN + inside + CLOSE


def entities(depth: int) -> str:
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, depth))
    return f'<!DOCTYPE a [<!ENTITY e0 "ha">{bomb}]>' + item(f"&e{depth - 1};")


def numbered(pattern: str, count: int) -> str:
    return "".join(pattern.replace("#", str(n)) for n in range(count))


BROKEN = {
    "billion laughs": (entities(12), "too-complex doctype"),
    "quadratic blow-up": (f'<!DOCTYPE a [<!ENTITY e "{"x" * 50_000}">]>' + item("&e;" * 20_000), "too-complex doctype"),
    "an external entity": ('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + item("&e;"), "doctype"),
    "an external DTD": ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">' + item(""), "doctype"),
    "a parameter entity": ('<!DOCTYPE a [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>' + item(""), "doctype"),
    "a depth of 100,000": (OPEN + "<p>" * 100_000 + "</p>" * 100_000 + CLOSE, "too-complex"),
    "a text of 11 MB": (item("x" * 11_000_000), "too-complex"),
    "an attribute of 11 MB": (item(f'<p class="{"x" * 11_000_000}"/>'), "too-complex"),
    "100,000 attributes": (item("<p" + numbered(' a#="1"', 100_000) + "/>"), "too-complex"),
    "a name of 1 MB": (item(f"<{'x' * 1_000_000}/>"), "too-complex"),
    "100,000 undeclared prefixes": (item("<m:p/>" * 100_000), "prefix-undeclared"),
    "an endless comment": ("<!--" * 100_000, "not-well-formed comment-with-hyphens cut-off"),
    "an endless root": ("<qti-assessment-item " * 100_000, "cut-off not-well-formed"),
}
SENT = {
    "a million elements": item("<p/>" * 1_000_000),
    "100,000 comments": item("<p/><!-- c -->" * 100_000),
    "200,000 pieces of white space": item("<p> \n </p>\n" * 200_000),
    "100,000 inline elements where none may be": item("<b/> " * 100_000),
    "20,000 namespaces": item("<p " + numbered(' xmlns:n#="urn:#"', 20_000) + ">" + numbered("<n#:a/>", 20_000) + "</p>"),
    "20,000 variables": item(
        numbered('<qti-outcome-declaration identifier="o#" cardinality="single" base-type="identifier"/>', 20_000)
        + numbered('<qti-modal-feedback outcome-identifier="o#" identifier="a"/>', 20_000)
        + numbered('<qti-set-outcome-value identifier="o#"><qti-base-value>a</qti-base-value></qti-set-outcome-value>', 20_000)
    ),
    "20,000 values of one variable": item(
        '<qti-outcome-declaration identifier="o" cardinality="single" base-type="identifier"/>'
        + numbered('<qti-modal-feedback outcome-identifier="o" identifier="i#"/>', 20_000)
        + numbered('<qti-set-outcome-value identifier="o"><qti-base-value>i#</qti-base-value></qti-set-outcome-value>', 20_000)
    ),
    "10,000 interactions of one response": item(
        '<qti-response-declaration identifier="R" cardinality="multiple" base-type="identifier"><qti-correct-response>'
        + numbered("<qti-value>c#</qti-value>", 10_000)
        + "</qti-correct-response></qti-response-declaration>"
        + numbered(
            '<qti-choice-interaction response-identifier="R"><qti-simple-choice identifier="c#"/></qti-choice-interaction>',
            10_000,
        )
    ),
    "nested interactions": item(
        '<qti-choice-interaction response-identifier="R">' * 200
        + '<qti-simple-choice identifier="A"/>' * 20_000
        + "</qti-choice-interaction>" * 200
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_hostile_file_is_refused_in_a_moment(name):
    xml, codes = BROKEN[name]
    began = time.monotonic()
    facts = parse_object(xml.encode(), max_bytes=20_000_000)
    digest = digest_text(xml)

    assert isinstance(facts, BrokenFacts)
    assert {problem.code for problem in facts.problems} <= set(codes.split())
    assert digest is None
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("name", SENT)
def test_a_huge_but_harmless_file_is_read_in_a_moment(name):
    began = time.monotonic()
    facts = parse_object(SENT[name].encode(), max_bytes=20_000_000)

    assert isinstance(facts, ObjectFacts)
    assert len(facts.findings) < 500
    assert time.monotonic() - began < SECONDS


def test_ten_megabytes_are_refused_unread():
    facts = parse_object(item("<p/>" * 2_500_000).encode())

    assert isinstance(facts, BrokenFacts)
    assert [problem.code for problem in facts.problems] == ["too-large"]


def test_a_compressed_bomb_is_not_opened():
    facts = parse_object(gzip.compress(item("<p/>" * 1_000_000).encode()))

    assert isinstance(facts, BrokenFacts)
    assert [problem.code for problem in facts.problems] == ["compressed"]


def test_an_include_stays_a_reference(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    xml = item(f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}" parse="text"/>')
    before = digest_text(xml)
    secret.write_text("another canary")

    assert digest_text(xml) == before
    assert isinstance(parse_object(xml.encode()), ObjectFacts)
