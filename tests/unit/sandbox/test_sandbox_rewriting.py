import re

import pytest
from lxml import etree
from sandbox_calls import item_xml

from qtisync.sandbox.options import RAW_XML_MODES
from qtisync.sandbox.rewriting import rewrite

XML = item_xml(
    body='One\n   two <b>x</b> <i>y</i> é &amp; &gt;<br/><pre>a\n  b</pre><p style="white-space: pre">a\n b</p>'
)
ZONES = ["<pre>a\n  b</pre>", ">a\n b</p>", "<qti-value>A</qti-value>"]


def words(xml):
    """The content without what none of the modes may be blamed for: attribute order, amounts of white space."""
    return [
        (element.tag, sorted(element.attrib.items()), (element.text or "").split(), (element.tail or "").split())
        for element in etree.fromstring(xml.encode()).iter(etree.Element)
    ]


@pytest.mark.parametrize("mode", RAW_XML_MODES)
def test_every_mode_keeps_the_content(mode):
    assert words(rewrite(XML, mode)) == words(XML)


@pytest.mark.parametrize("mode", sorted(set(RAW_XML_MODES) - {"verbatim"}))
def test_every_mode_but_verbatim_changes_the_text(mode):
    assert rewrite(XML, "verbatim") == XML
    assert rewrite(XML, mode) != XML


def test_declaration_is_stripped_and_nothing_else():
    assert rewrite(XML, "declaration_stripped") == XML.partition("?>\n")[2]


def test_attributes_come_in_another_order():
    assert 'base-type="float" cardinality="single" identifier="SCORE"' in rewrite(XML, "reordered_attributes")


def test_reflow_touches_line_breaks_only_and_no_zone_where_white_space_counts():
    flowed = rewrite(XML, "reflowed")

    assert "One\n\ttwo <b>x</b> <i>y</i>" in flowed
    assert [zone for zone in ZONES if zone not in flowed] == []


def test_empty_elements_are_expanded():
    assert re.findall(r"<[^?>]*/>", rewrite(XML, "expanded")) == []


def test_characters_become_numbers():
    assert ("&#233;" in rewrite(XML, "entities"), rewrite(XML, "entities").isascii()) == (True, True)


def test_element_is_dropped_with_what_is_in_it():
    dropped = rewrite(XML, "drop_element:pre")

    assert ("<pre>" in XML, "<pre>" in dropped, '<p style="white-space: pre">' in dropped) == (True, False, True)
