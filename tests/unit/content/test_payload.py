"""What is sent of a file."""

from __future__ import annotations

import pytest
from lxml import etree

from qtisync.content.canonical import MATHML, QTI, digest_text
from qtisync.content.payload import StimulusFields, same_stimulus, stimulus_fields, xml_text

D = '<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"<a/>", f"{D}\n<a/>"),
        (b"\n <a/>\n", f"{D}\n\n <a/>\n"),
        (b"\xef\xbb\xbf<a/>", f"{D}\n<a/>"),
        (b'<?xml version="1.0"?><a/>', f"{D}<a/>"),
        (b"<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\r\n<a>\r\n</a>", f"{D}\n<a>\n</a>"),
        (b"<?xml-model href='x'?><a/>", f"{D}\n<?xml-model href='x'?><a/>"),
        ("<?xml version='1.0' encoding='UTF-16'?><a>é</a>".encode("utf-16"), f"{D}<a>é</a>"),
        (b"<!-- c --><a b = 'x'  ><![CDATA[y]]>&#233;</a >", f"{D}\n<!-- c --><a b = 'x'  ><![CDATA[y]]>&#233;</a >"),
    ],
)
def test_the_authors_text_is_sent_with_a_true_declaration(data, text):
    assert xml_text(data) == text


def test_the_text_sent_has_the_digest_of_the_file():
    xml = f"<a xmlns='{QTI}'>\r\n<p>é</p></a>"

    assert digest_text(xml_text(xml.encode("utf-16"))) == digest_text(xml)


@pytest.mark.parametrize("data", [b"\xff", b"", b"<a>\x00</a>"])
def test_bytes_that_are_no_text_are_an_error(data):
    with pytest.raises(ValueError, match=r"\."):
        xml_text(data)


def stimulus(body: str, attributes: str = 'title="T"') -> bytes:
    return (
        f'<qti-assessment-stimulus xmlns="{QTI}" xmlns:m="{MATHML}" xmlns:xsi="urn:x" xsi:a="b" identifier="s1" {attributes}>'
        f"<qti-stimulus-body>{body}</qti-stimulus-body></qti-assessment-stimulus>"
    ).encode()


def content(body: str) -> str:
    return stimulus_fields(stimulus(body)).content


def test_a_stimulus_is_sent_by_its_fields():
    assert stimulus_fields(stimulus("<p>Tom &amp; é</p>", 'title="A &amp; B" xml:lang="nl"')) == StimulusFields(
        identifier="s1", title="A & B", language="nl", content="<p>Tom &amp; é</p>"
    )


def test_without_a_title_the_identifier_stands_in_and_the_language_is_open():
    assert stimulus_fields(stimulus("", "")) == StimulusFields(identifier="s1", title="s1", language=None, content="")


def test_a_stimulus_without_a_body_is_empty():
    xml = f'<qti-assessment-stimulus xmlns="{QTI}" identifier="s1" title="T"/>'

    assert stimulus_fields(xml.encode()).content == ""


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("\n <p>a</p>\n <p>b</p> c ", "\n <p>a</p>\n <p>b</p> c "),
        ("a &lt; b<p/>&amp;", "a &lt; b<p></p>&amp;"),
        ("<table><tr><td/></tr></table>", "<table><tr><td></td></tr></table>"),
        ("<br/><img src='x' alt='\"'/>", '<br/><img src="x" alt=\'"\'/>'.replace("'\"'", '"&quot;"')),
        ("<p><![CDATA[<b>]]></p>", "<p>&lt;b&gt;</p>"),
        ("<m:math><m:mi/></m:math>", f'<m:math xmlns:m="{MATHML}"><m:mi/></m:math>'),
        ("<p><m:math/></p>x", f'<p xmlns:m="{MATHML}"><m:math/></p>x'),
        (f"<math xmlns='{MATHML}'><mi>x</mi></math>", f'<math xmlns="{MATHML}"><mi>x</mi></math>'),
        ("<p xmlns:u='urn:unused'>a</p>", "<p>a</p>"),
    ],
)
def test_the_body_is_sent_as_markup_without_needless_namespaces(body, sent):
    assert content(body) == sent


def test_the_markup_put_back_into_a_body_is_the_same_content():
    body = "x &lt;\n<p>a <b>b</b><m:math><m:mi>y</m:mi></m:math></p><ul><li/></ul> <hr/>"
    again = f'<qti-assessment-stimulus xmlns="{QTI}" identifier="s1" title="T"><qti-stimulus-body>{content(body)}</qti-stimulus-body></qti-assessment-stimulus>'

    assert digest_text(again) == digest_text(stimulus(body).decode().replace(' xsi:a="b"', ""))


@pytest.mark.parametrize(
    "data",
    [
        b"<a",
        b"<a/>",
        f'<qti-assessment-item xmlns="{QTI}"/>'.encode(),
        b"<!DOCTYPE a>" + stimulus(""),
        b"\xff",
    ],
)
def test_anything_but_a_stimulus_is_an_error(data):
    with pytest.raises(ValueError, match=r"\w"):
        stimulus_fields(data)


def test_the_markup_is_well_formed_for_every_kind_of_child():
    etree.fromstring(f"<div>{content('a<!-- c --><p>b</p><?pi x?>&amp;<m:math/>')}</div>")


def in_json_form(body: str, language: str = 'xml:lang="en" ') -> str:
    """A stimulus as the API makes it from its fields."""
    return (
        '<qti-assessment-stimulus xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="s1" '
        f'{language}title="Text"><qti-stimulus-body>{body}</qti-stimulus-body></qti-assessment-stimulus>'
    )


def test_a_stimulus_that_the_api_rewrote_is_the_same_if_its_fields_are():
    ours = in_json_form("\n  <p>A &lt; B</p>\n", language="")
    assert same_stimulus(ours, in_json_form("<p>A &#60; B</p>"))
    assert same_stimulus(in_json_form("<p>A</p>"), in_json_form("<p>A</p>"))


def test_a_stimulus_differs_by_its_text_title_identifier_or_stated_language():
    ours = in_json_form("<p>A</p>")
    assert not same_stimulus(ours, in_json_form("<p>B</p>"))
    assert not same_stimulus(ours, in_json_form("<p>A</p>").replace('"Text"', '"Other"'))
    assert not same_stimulus(ours, in_json_form("<p>A</p>").replace('"s1"', '"s2"'))
    assert not same_stimulus(ours, in_json_form("<p>A</p>", language='xml:lang="de" '))
    assert not same_stimulus(ours, "<p>")
