"""``canon/1``: what counts as the same content, one rule per test."""

from __future__ import annotations

import hashlib
import threading

import pytest
from lxml import etree

from qtisync.content.canonical import QTI, canonical_digest, content_and_answers, digest_text

M = "http://www.w3.org/1998/Math/MathML"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def item(body: str = "<p>Hello</p>", attributes: str = "") -> str:
    return (
        f'<qti-assessment-item xmlns="{QTI}" xmlns:m="{M}" identifier="q1" title="T"{attributes}>'
        f"<qti-item-body>{body}</qti-item-body></qti-assessment-item>"
    )


def digest(xml: str) -> str:
    found = digest_text(xml)
    assert found is not None
    return found


PLAIN = digest(item())


def test_a_digest_names_its_algorithm_and_is_sha_256_of_the_stream():
    stream = f"\x01{{{QTI}}}qti-assessment-stimulus\x02identifier\x03s1\x041\x05\x06\x01{{{QTI}}}qti-stimulus-body\x040\x05Hi you\x06"

    found = digest_text(
        f'<qti-assessment-stimulus xmlns="{QTI}" identifier="s1">\n <qti-stimulus-body>Hi\n you</qti-stimulus-body>\n</qti-assessment-stimulus>'
    )

    assert found == f"canon/1:{hashlib.sha256(stream.encode()).hexdigest()}"


@pytest.mark.parametrize(
    ("what", "xml"),
    [
        ("declaration", '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + item()),
        ("a false encoding in a string", '<?xml version="1.0" encoding="UTF-16"?>' + item()),
        ("BOM", "\ufeff" + item()),
        ("text around the root", "\n\n" + item() + "\n"),
        ("comment before the root", "<!-- c -->" + item()),
        ("processing instruction", '<?xml-model href="x"?>' + item() + "<?after all?>"),
        ("comment inside", item("<!-- c --><p>Hel<!-- mid -->lo</p><?pi x?>")),
        ("CDATA", item("<p><![CDATA[Hello]]></p>")),
        ("character references", item("<p>H&#x65;l&#108;o</p>")),
        ("attribute order and quotes", item().replace('identifier="q1" title="T"', "title='T'   identifier='q1'")),
        ("unused namespace", item(attributes=' xmlns:unused="urn:x"')),
        ("schema location", item(attributes=f' xmlns:xsi="{XSI}" xsi:schemaLocation="a b"')),
        ("indentation of element-only parts", item("\n\t  <p>Hello</p>\r\n").replace("<qti-item", "\n <qti-item")),
    ],
)
def test_spelling_of_xml_does_not_count(what, xml):
    assert digest(xml) == PLAIN, what


@pytest.mark.parametrize(
    ("what", "xml"),
    [
        ("a letter", item("<p>Hallo</p>")),
        ("case", item("<p>hello</p>")),
        ("a space at the end", item("<p>Hello </p>")),
        ("a no-break space", item("<p>Hello\xa0</p>")),
        ("an attribute", item('<p class="x">Hello</p>')),
        ("an explicit default", item(attributes=' adaptive="false"')),
        ("an element", item("<p>Hello<br/></p>")),
        ("nesting", item("<p>Hello</p><p/>")),
        ("a no-break space between blocks", item("<p>Hello</p>\xa0")),
        ("text where none may be", item("<p>Hello</p>x")),
        ("a prefix", item().replace("<p>", f'<q:p xmlns:q="{QTI}">').replace("</p>", "</q:p>")),
        ("a namespace", item('<p xmlns="urn:other">Hello</p>')),
        ("an attribute's namespace", item(f'<p xmlns:x="urn:x" x:class="a">Hello</p>')),  # noqa: F541
    ],
)
def test_everything_else_counts(what, xml):
    assert digest(xml) != PLAIN, what


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>a  b</p>", "<p>a b</p>"),
        ("<p>a\n    b</p>", "<p>a b</p>"),
        ("<p>a<!-- --> b</p>", "<p>a b</p>"),
        ("<p>a <!-- --> b</p>", "<p>a b</p>"),
        ("<ul>\n<li>a</li>\n</ul>", "<ul><li>a</li></ul>"),
        ("<m:math>\n <m:mrow> <m:mi>x</m:mi> </m:mrow></m:math>", "<m:math><m:mrow><m:mi>x</m:mi></m:mrow></m:math>"),
        ("<picture>\n<img src='a' alt=''/>\n</picture>", "<picture><img src='a' alt=''/></picture>"),
        ("<p></p>", "<p/>"),
    ],
)
def test_white_space_that_nobody_sees_does_not_count(one, other):
    assert digest(item(one)) == digest(item(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p><b>a</b> <i>b</i></p>", "<p><b>a</b><i>b</i></p>"),
        ("<p>a <b>b</b></p>", "<p>a<b>b</b></p>"),
        ("<p> a</p>", "<p>a</p>"),
        ("<p>a\xa0b</p>", "<p>a b</p>"),
        ("<p>a\u2003\u2003b</p>", "<p>a\u2003b</p>"),
        ("<pre>a\n b</pre>", "<pre>a b</pre>"),
        ("<pre><b>a  b</b></pre>", "<pre><b>a b</b></pre>"),
        ("<p xml:space='preserve'>a  b</p>", "<p xml:space='preserve'>a b</p>"),
        ("<p style='White-Space: pre'><i>a  b</i></p>", "<p style='White-Space: pre'><i>a b</i></p>"),
        ("<ul xml:space='preserve'> <li/></ul>", "<ul xml:space='preserve'><li/></ul>"),
        ("<f:x xmlns:f='urn:f'>a  b</f:x>", "<f:x xmlns:f='urn:f'>a b</f:x>"),
        ("<b>a</b> <i>b</i>", "<b>a</b><i>b</i>"),
        ("<img alt=''/> <img alt=''/>", "<img alt=''/><img alt=''/>"),
        ("<m:math/> <m:math/>", "<m:math/><m:math/>"),
        ("<picture> <b/></picture>", "<picture><b/></picture>"),
        ("<p title='a  b'/>", "<p title='a b'/>"),
    ],
)
def test_white_space_that_can_be_seen_counts(one, other):
    assert digest(item(one)) != digest(item(other))


@pytest.mark.parametrize("name", ["qti-value", "qti-base-value", "qti-interaction-markup", "qti-custom-operator"])
def test_values_and_custom_parts_are_taken_to_the_letter(name):
    assert digest(item(f"<{name}>a </{name}>")) != digest(item(f"<{name}>a</{name}>"))
    assert digest(item(f"<{name}> <p/></{name}>")) != digest(item(f"<{name}><p/></{name}>"))


def test_white_space_after_a_verbatim_element_belongs_to_its_parent():
    assert digest(item("<pre>a</pre>\n\n<p/>")) == digest(item("<pre>a</pre><p/>"))


def test_a_document_with_a_line_in_the_wrong_place_is_still_free_to_indent_elsewhere():
    assert digest(item("<div>\n<ul>\n<li/></ul></div><b>x</b>")) == digest(item("<div> <ul><li/>\n</ul></div><b>x</b>"))


def test_xml_cannot_imitate_the_separators_of_the_stream():
    assert digest(item("<p/><p>a</p>")) != digest(item("<p>a</p><p/>"))
    assert digest(item("<div><p/></div><p/>")) != digest(item("<div><p/><p/></div>"))
    assert digest(item("<p/>")) != digest(item("<p><p/></p>"))


def test_prefixes_of_attributes_count():
    one = item("<p xmlns:a='urn:x' xmlns:b='urn:x' a:k='v'/>")

    assert digest(one) != digest(one.replace("a:k", "b:k"))
    assert digest(one) == digest(one.replace("xmlns:b='urn:x' ", ""))


def test_the_prefixes_of_very_many_attributes_do_not_count():
    attributes = " ".join(f"a:k{n}='v'" for n in range(101))
    one = item(f"<p xmlns:a='urn:x' xmlns:b='urn:x' {attributes}/>")

    assert digest(one) == digest(one.replace("a:k7=", "b:k7="))


def test_an_element_with_thousands_of_attributes_has_no_digest():
    attributes = " ".join(f"k{n}='v'" for n in range(20_000))

    assert digest_text(item(f"<p {attributes}/>")) is None


def test_a_tree_with_comments_is_digested_the_same_and_left_as_it_is():
    tree = etree.fromstring("<!-- c -->" + item("<!-- c --><p>Hel<!-- mid -->lo</p>"))
    before = etree.tostring(tree.getroottree())

    assert canonical_digest(tree) == PLAIN
    assert etree.tostring(tree.getroottree()) == before


def test_a_part_of_a_document_is_digested_without_what_follows_it():
    tree = etree.fromstring(item("<p>a</p>tail<p>a</p>"))
    first, second = tree[0]

    assert canonical_digest(first) == canonical_digest(second)


def test_unresolved_entities_are_an_error_not_a_digest():
    parser = etree.XMLParser(resolve_entities=False)
    tree = etree.fromstring('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', parser)

    with pytest.raises(ValueError, match="unresolved entities"):
        canonical_digest(tree)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        "<a",
        "<a/>",
        '<qti-assessment-item identifier="q1"/>',
        f'<!DOCTYPE a [<!ENTITY e "x">]><a xmlns="{QTI}">&e;</a>',
        f'<a xmlns="{QTI}">\ud800</a>',
    ],
)
def test_what_is_not_readable_qti_has_no_digest(text):
    assert digest_text(text) is None


def test_answers_change_with_what_decides_a_score_only():
    key = "<qti-response-declaration identifier='R'><qti-correct-response><qti-value>A</qti-value></qti-correct-response></qti-response-declaration>"
    plain = item().replace("<qti-item-body>", key + "<qti-item-body>")

    def answers(xml: str) -> str:
        return content_and_answers(etree.fromstring(xml))[1]

    assert answers(plain).startswith("answers/1:")
    assert answers(plain) == answers(plain.replace("Hello", "Goodbye").replace("<qti-correct", "\n <qti-correct"))
    assert answers(plain) != answers(plain.replace(">A<", ">B<"))
    assert answers(plain) != answers(item())
    processed = plain.replace("</qti-item-body>", "</qti-item-body><qti-response-processing template='x'/>")
    assert answers(plain) != answers(processed)


def test_threads_do_not_disturb_each_other():
    wrong: list[str] = []

    def work(text: str) -> None:
        xml = item(f"<p>{text}</p>")
        first = digest(xml)
        wrong.extend(text for _ in range(200) if digest(xml) != first or digest_text("<broken") is not None)

    threads = [threading.Thread(target=work, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
