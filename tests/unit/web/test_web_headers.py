"""Headers are compared as bytes; two of a kind count as none."""

from __future__ import annotations

from qtisync.web.headers import Headers, headers_of

LINES = Headers(((b"x-one", b" 1 "), (b"X-Two", b"a"), (b"x-two", b"b"), (b"x-odd", b"\xff"), (b"x-empty", b"")))


def test_header_is_found_whatever_its_case_and_without_the_space_around_it():
    assert (LINES.only("X-One"), LINES.only("x-one"), LINES.has("X-ONE")) == (b"1", b"1", True)


def test_header_that_is_there_twice_is_no_header():
    assert (LINES.has("x-two"), LINES.only("x-two")) == (True, None)


def test_text_is_the_first_header_that_is_plain_text():
    assert LINES.text("x-two", "x-odd", "x-empty", "x-one") == "1"
    assert LINES.text("x-none", "x-odd") is None


def test_headers_are_made_of_the_lines_of_a_scope():
    assert headers_of([(b"a", b"b")]) == Headers(((b"a", b"b"),))
