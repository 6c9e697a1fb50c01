"""Mutations of generated items: those that nobody sees keep the digest, those that a student could see change it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from histories import histories
from hypothesis import given
from hypothesis import strategies as st

from qtisync.content.canonical import QTI, digest_text
from qtisync.content.payload import xml_text

WORDS = st.text(alphabet="abcé季 \xa0&<>\"'\n", min_size=1, max_size=12)
quick = histories(50)
INLINE = ("b", "i", "span")
BLOCKS = ("p", "div", "qti-prompt")


class Node(NamedTuple):
    name: str
    attributes: dict[str, str]
    children: tuple[Any, ...]
    """Nodes and texts."""


def inline(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return st.builds(
        Node,
        st.sampled_from(INLINE),
        st.dictionaries(st.sampled_from(("class", "id", "title")), WORDS, max_size=3),
        st.lists(st.one_of(WORDS, children), max_size=4).map(tuple),
    )


blocks = st.builds(
    Node,
    st.sampled_from(BLOCKS),
    st.dictionaries(st.sampled_from(("class", "id", "title")), WORDS, max_size=3),
    st.lists(st.one_of(WORDS, st.recursive(WORDS, inline, max_leaves=6)), max_size=5).map(tuple),
)
choices = st.lists(WORDS, min_size=2, max_size=4, unique_by=lambda text: re.sub("[ \n]+", " ", text))
bodies = st.lists(blocks, max_size=4)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def character_references(text: str) -> str:
    return "".join(f"&#{ord(letter)};" if letter != "\n" else letter for letter in text)


def cdata(text: str) -> str:
    return f"<![CDATA[{text}]]>"


def write(node: Any, *, text=escaped, reverse: bool = False, remark: str = "") -> str:
    if isinstance(node, str):
        return remark + text(node) + remark
    attributes = sorted(node.attributes.items(), reverse=reverse)
    written = "".join(f' {name}="{escaped(value)}"' for name, value in attributes)
    inner = "".join(write(child, text=text, reverse=reverse, remark=remark) for child in node.children)
    return f"<{node.name}{written}>{inner}</{node.name}>"


def item(body: list[Node], alternatives: list[str], *, gap: str = "", **style: Any) -> str:
    written = gap.join(write(block, **style) for block in body)
    listed = gap.join(
        write(Node("qti-simple-choice", {"identifier": f"C{number}"}, (text,)), **style)
        for number, text in enumerate(alternatives)
    )
    return (
        f'<qti-assessment-item xmlns="{QTI}" identifier="q1">{gap}<qti-item-body>{gap}{written}{gap}'
        f'<qti-choice-interaction response-identifier="R">{gap}{listed}{gap}</qti-choice-interaction>{gap}'
        f"</qti-item-body>{gap}</qti-assessment-item>"
    )


def digest(xml: str) -> str:
    found = digest_text(xml)
    assert found is not None
    return found


@quick
@given(bodies, choices, st.text(alphabet=" \t\n", min_size=1, max_size=6))
def test_indentation_of_element_only_parts_is_never_seen(body, alternatives, gap):
    assert digest(item(body, alternatives, gap=gap)) == digest(item(body, alternatives))


@quick
@given(bodies, choices)
def test_the_spelling_of_xml_is_never_seen(body, alternatives):
    plain = digest(item(body, alternatives))

    assert digest(item(body, alternatives, reverse=True)) == plain
    assert digest(item(body, alternatives, text=character_references)) == plain
    assert digest(item(body, alternatives, text=cdata)) == plain
    assert digest(item(body, alternatives, remark="<!-- c --><?pi?>")) == plain


@quick
@given(bodies, choices)
def test_what_is_sent_is_the_same_content(body, alternatives):
    xml = item(body, alternatives)

    assert digest(xml_text(xml.replace("\n", "\r\n").encode("utf-16"))) == digest(xml)


@quick
@given(bodies, choices, st.data())
def test_swapped_choices_are_seen(body, alternatives, data):
    one, other = data.draw(st.permutations(range(len(alternatives))))[:2]
    swapped = list(alternatives)
    swapped[one], swapped[other] = swapped[other], swapped[one]

    assert digest(item(body, swapped)) != digest(item(body, alternatives))


@quick
@given(bodies, choices, st.integers(min_value=0))
def test_a_changed_letter_is_seen(body, alternatives, where):
    number = where % len(alternatives)
    changed = [text + "z" if position == number else text for position, text in enumerate(alternatives)]

    assert digest(item(body, changed)) != digest(item(body, alternatives))


@quick
@given(st.lists(st.sampled_from(INLINE), min_size=2, max_size=5), st.integers(min_value=0))
def test_a_space_between_two_inline_elements_is_seen(names, where):
    gaps = [""] * (len(names) - 1)
    gaps[where % len(gaps)] = " "
    tight = Node("p", {}, tuple(Node(name, {}, ("x",)) for name in names))
    spaced: list[Any] = []
    for node, gap in zip(tight.children, [*gaps, ""], strict=True):
        spaced += [node, gap] if gap else [node]

    assert digest(item([Node("p", {}, tuple(spaced))], ["a", "b"])) != digest(item([tight], ["a", "b"]))


@quick
@given(
    st.lists(st.one_of(WORDS, blocks), min_size=1, max_size=3),
    st.lists(st.one_of(WORDS, blocks), min_size=1, max_size=3),
)
def test_equal_digests_mean_equal_trees(one, other):
    """Nothing but runs of white space may differ: the stream can be read back in one way only."""

    def plain(nodes: tuple[Any, ...]) -> list[Any]:
        found: list[Any] = []
        for node in nodes:
            if not isinstance(node, str):
                found.append((node.name, sorted(attribute(node)), plain(node.children)))
            elif found and isinstance(found[-1], str):
                found[-1] += node
            else:
                found.append(node)
        return [re.sub("[ \n]+", " ", part) if isinstance(part, str) else part for part in found]

    def attribute(node: Node) -> list[tuple[str, str]]:
        return [(name, value.replace("\n", " ")) for name, value in node.attributes.items()]

    first, second = Node("div", {}, tuple(one)), Node("div", {}, tuple(other))
    same = digest(item([first], ["a", "b"])) == digest(item([second], ["a", "b"]))

    assert same == (plain((first,)) == plain((second,)))
