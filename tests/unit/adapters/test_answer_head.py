"""The head of an answer is read in one way only, or not at all."""

from __future__ import annotations

import pytest

from qtisync.adapters.answer_head import BadAnswerError, Ends, Head, chunk_size, head_end, read_head

OK = b"HTTP/1.1 200 OK\r\n"


def head(*lines: bytes, method: str = "GET", status: bytes = OK) -> Head:
    return read_head(status + b"".join(line + b"\r\n" for line in lines) + b"\r\n", method)


def test_status_reason_and_headers_are_taken_as_they_are():
    assert head(b"Content-Length: 5", b"X-Empty:", b"X-Word: \t caf\xe9 \t") == Head(
        status=200,
        reason=b"OK",
        headers=[(b"Content-Length", b"5"), (b"X-Empty", b""), (b"X-Word", b"caf\xe9")],
        ends=Ends.LENGTH,
        length=5,
        keeps=True,
    )


@pytest.mark.parametrize("status", [b"HTTP/1.1 200\r\n", b"HTTP/1.1 200 \r\n", b"HTTP/1.1 200 Very Good\r\n"])
def test_reason_may_be_missing(status: bytes):
    assert head(status=status).status == 200


@pytest.mark.parametrize(
    "status",
    [
        b"HTTP/2 200 OK\r\n",
        b"HTTP/1.1 20 OK\r\n",
        b"HTTP/1.1  200 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"http/1.1 200 OK\r\n",
        b"ICY 200 OK\r\n",
        b"200 OK\r\n",
        b"\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 200 O\rK\r\n",
    ],
)
def test_other_status_line_is_no_answer(status: bytes):
    with pytest.raises(BadAnswerError):
        head(status=status)


@pytest.mark.parametrize(
    "line",
    [
        b"content-length : 5",
        b": 5",
        b"no colon",
        b"n\xc3\xa4me: 5",
        b"a: b\rc: d",
        b"a: b\x00",
        b"content-length: +5",
        b"content-length: 5_0",
        b"content-length: 0x5",
        b"content-length: -1",
        b"content-length:",
        b"content-length: 5, 6",
        b"content-length: 9999999999999999",
        b"transfer-encoding: gzip, chunked",
        b"transfer-encoding: chunked, chunked",
        b"transfer-encoding: identity",
        b"transfer-encoding: xchunked",
    ],
)
def test_header_that_can_be_read_in_two_ways_is_refused(line: bytes):
    with pytest.raises(BadAnswerError):
        head(line)


def test_folded_header_is_joined_and_never_the_first():
    assert head(b"x-word: one", b" \ttwo", b"content-length: 0").headers[0] == (b"x-word", b"one two")
    with pytest.raises(BadAnswerError):
        head(b" two")


def test_two_different_lengths_are_refused_and_two_equal_ones_are_one():
    assert head(b"content-length: 5", b"Content-Length: 5").length == 5
    with pytest.raises(BadAnswerError):
        head(b"content-length: 5", b"content-length: 6")


def test_chunks_win_over_a_length_and_such_a_connection_is_not_kept():
    found = head(b"content-length: 5", b"transfer-encoding: Chunked")

    assert (found.ends, found.keeps) == (Ends.CHUNKED, False)
    assert head(b"transfer-encoding: chunked").keeps


def test_body_without_a_length_ends_with_the_connection():
    found = head(b"x: y")

    assert (found.ends, found.keeps) == (Ends.CLOSE, False)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("PUT", 304), ("GET", 103)])
def test_answer_that_never_has_a_body_has_none_whatever_it_says(method: str, status: int):
    found = head(b"content-length: 500", method=method, status=b"HTTP/1.1 %d X\r\n" % status)

    assert (found.ends, found.length, found.keeps) == (Ends.LENGTH, 0, True)


@pytest.mark.parametrize(
    ("status", "line", "keeps"),
    [
        (OK, b"connection: keep-alive", True),
        (OK, b"connection: close", False),
        (OK, b"Connection: x, Close", False),
        (b"HTTP/1.0 200 OK\r\n", b"connection: keep-alive", False),
    ],
)
def test_connection_is_kept_unless_the_server_says_otherwise(status: bytes, line: bytes, keeps: bool):
    assert head(b"content-length: 0", line, status=status).keeps is keeps


@pytest.mark.parametrize("data", [b"a\r\n\r\nrest", b"a\n\nrest", b"a\r\n\nrest"])
def test_end_of_a_head_is_found_however_its_pieces_came(data: bytes):
    end = len(data) - 4
    assert head_end(data, 0) == end
    for begin in range(end - 1):
        assert head_end(data[: end - 1], 0) is None
        assert head_end(data, begin) == end


@pytest.mark.parametrize(("line", "size"), [(b"0", 0), (b"1f", 31), (b"1F ;name=value", 31), (b"00a", 10)])
def test_size_of_a_chunk(line: bytes, size: int):
    assert chunk_size(line) == size


@pytest.mark.parametrize("line", [b"", b"-1", b"+1", b"0x1", b"1_0", b" 1", b"g", b"1 1", b"f" * 16, b"5;\x00"])
def test_size_that_is_no_number_is_refused(line: bytes):
    with pytest.raises(BadAnswerError):
        chunk_size(line)
