"""Which bytes are XML text: encodings, archives, pointers, sizes."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from qtisync.content.facts import Remark
from qtisync.content.xml_source import decode, forbidden, parse_text, parser

XML = "<a>é</a>"


def read(data: bytes) -> str | Remark:
    return decode(data, max_bytes=1000)


def archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("a.xml", XML)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        XML.encode(),
        b"\xef\xbb\xbf" + XML.encode(),
        XML.encode("utf-16"),
        b"\xfe\xff" + XML.encode("utf-16-be"),
    ],
)
def test_utf_8_and_utf_16_with_a_bom_are_read(data):
    assert read(data) == XML


@pytest.mark.parametrize(
    ("declared", "data"),
    [
        ("utf-8", "é".encode()),
        ("UTF8", "é".encode()),
        ("US-ASCII", b"e"),
        ("ISO-8859-1", b"e"),
        ("windows-1252", b"e"),
    ],
)
def test_a_declared_encoding_that_fits_the_bytes_is_accepted(declared, data):
    xml = f'<?xml version="1.0" encoding="{declared}"?><a>'.encode() + data + b"</a>"

    assert read(xml) == xml.decode()


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git-lfs-pointer", 1),
        (gzip.compress(XML.encode(), mtime=0), "compressed", None),
        (archive(), "compressed", None),
        (b"x" * 1001, "too-large", None),
        (b"", "empty-file", None),
        (b" \n\t", "empty-file", None),
        (XML.encode("utf-32"), "encoding-unsupported", 1),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?>\n<a>\xe9</a>", "encoding-unsupported", 2),
        (b"<a>\n\xe9</a>", "not-utf-8", 2),
        (b"\xff\xfe<\x00a", "not-utf-16", 1),
        (b"<a>\n\x00</a>", "nul-byte", 2),
        (XML.encode("utf-16-le"), "not-utf-8", 1),
        ("<a>e</a>".encode("utf-16-le"), "nul-byte", 1),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode(), "encoding-mismatch", 1),
        (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "encoding-mismatch", 1),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "encoding-mismatch", 1),
        ('<?xml version="1.0" encoding="UTF-8"?><a/>'.encode("utf-16"), "encoding-mismatch", 1),
    ],
)
def test_other_bytes_are_refused_with_a_word_and_a_hint(data, code, line):
    found = read(data)

    assert isinstance(found, Remark)
    assert (found.code, found.line) == (code, line)
    assert found.message.endswith(".")
    assert found.hint.endswith(".")


def test_a_mismatch_names_both_encodings():
    assert read('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode()) == Remark(
        code="encoding-mismatch",
        message="The file declares encoding “ISO-8859-1”, but it is UTF-8.",
        line=1,
        hint="Save the file as UTF-8 and declare it so, or leave the encoding out.",
    )


def test_a_thread_keeps_its_parser():
    assert parser() is parser()


def test_comments_and_processing_instructions_are_not_in_the_tree():
    root = parse_text("<!-- a --><a>x<!-- b -->y<?c d?>z</a>")

    assert (root.text, len(root)) == ("xyz", 0)


def test_a_doctype_is_forbidden_with_its_line():
    text = "\n<!DOCTYPE a>\n<a/>"
    found = forbidden(parse_text(text), text)

    assert found is not None
    assert (found.code, found.line) == ("doctype", 2)


@pytest.mark.parametrize(("attributes", "code"), [(500, None), (5000, "too-complex")])
def test_an_element_with_thousands_of_attributes_is_forbidden(attributes, code):
    text = f"<a {' '.join(f'k{n}={chr(34)}v{chr(34)}' for n in range(attributes))}>{' ' * 20_000}</a>"
    found = forbidden(parse_text(text), text)

    assert (found.code if found else None) == code
