"""The files in ``tests/data`` are what their README says."""

import re
from pathlib import Path

import pytest
from lxml import etree

DATA = Path(__file__).resolve().parents[1] / "data"
FILES = {file.name: file.read_bytes() for file in DATA.iterdir() if file.suffix in (".xml", ".yaml")}


def test_every_file_has_its_line():
    described = re.findall(r"^\| `([^`]+)` \| \S", (DATA / "README.md").read_text(), re.MULTILINE)

    assert sorted(described) == sorted(FILES)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("valid-", "other-", "duplicate-"))])
def test_valid_files_are_well_formed(name):
    assert etree.fromstring(FILES[name]).get("identifier")


def test_peculiarities_survived_git():
    assert FILES["valid-crlf-bom.xml"].startswith(b"\xef\xbb\xbf<?xml")
    assert FILES["valid-crlf-bom.xml"].count(b"\r\n") == FILES["valid-crlf-bom.xml"].count(b"\n") > 0
    assert FILES["valid-utf16.xml"][:2] in (b"\xff\xfe", b"\xfe\xff")
    assert FILES["broken-empty.xml"] == b""
