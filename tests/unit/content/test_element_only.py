"""The name lists of ``canon/1`` are what the design says and do not contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from qtisync.content.element_only import ELEMENT_ONLY, INLINE_MEDIA, INLINE_TEXT, MEDIA_PARENTS, VERBATIM

DESIGN = Path(__file__).resolve().parents[3] / "../shared/design/element_only.txt"


@pytest.mark.skipif(not DESIGN.is_file(), reason="the design documents are not here")
def test_the_element_only_names_are_those_of_the_design():
    assert frozenset(DESIGN.read_text().split()) == ELEMENT_ONLY


def test_a_canvas_is_element_only():
    assert MEDIA_PARENTS <= ELEMENT_ONLY


def test_text_and_media_are_different_things():
    assert frozenset() == INLINE_TEXT & INLINE_MEDIA


def test_html_that_holds_text_is_not_element_only():
    assert frozenset() == ELEMENT_ONLY & {"p", "div", "li", "td", "qti-simple-choice", "qti-prompt"}


def test_values_are_verbatim():
    assert {"qti-value", "qti-base-value", "pre"} <= VERBATIM
