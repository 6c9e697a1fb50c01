"""From the bytes of a file to a safe tree: which encodings are accepted, and how the parser is set.

Nothing here follows a reference: no network, no DTD, no entities, no XInclude. Bytes or text go in, never a path.
"""

from __future__ import annotations

import codecs
import functools
import re
import threading
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, cast

from lxml import etree

from qtisync.content.facts import Remark

if TYPE_CHECKING:
    from collections.abc import Mapping

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml's class has no public name

DECLARATION = re.compile(r"\A<\?xml\s.*?\?>", re.DOTALL)
_ENCODING = re.compile(r"""\sencoding\s*=\s*["']\s*([^"'\s]*)\s*["']""")
_LFS = (b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/")
_COMPRESSED: Mapping[bytes, str] = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"PK\x05\x06": "zip"}
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ASCII_BASED = re.compile(r"us-ascii|ascii|iso-8859-\d+|latin-?1|windows-125\d|cp125\d", re.IGNORECASE)
_SAVE_AS_UTF_8 = "Save the file as UTF-8 and declare it so, or leave the encoding out."

_LONG_DECLARATION = 200  # characters

_COMPLAINTS = 50
"""As many of the parser's complaints are looked at: a missing prefix brings one for each use."""

_SHORT = 20_000  # characters
_WIDE = etree.XPath("boolean(//*[count(@*) > 500])")

_parsers = threading.local()


def parser() -> etree.XMLParser:
    """This thread's parser: UTF-8 whatever the text declares; comments and processing instructions are dropped."""
    found: etree.XMLParser | None = getattr(_parsers, "one", None)
    if found is None:
        found = _parsers.one = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            attribute_defaults=False,
            huge_tree=False,
            recover=False,
            remove_blank_text=False,
            strip_cdata=True,
            remove_comments=True,
            remove_pis=True,
            encoding="utf-8",
        )
    return found


def parse_text(text: str) -> Element:
    """The root element of decoded XML; raises ``lxml.etree.XMLSyntaxError``."""
    return parse_utf_8(text.encode())


def parse_utf_8(data: bytes) -> Element:
    """The same for text that is known to be UTF-8, without BOM."""
    return etree.fromstring(data, parser())


def complaints(error: etree.XMLSyntaxError) -> tuple[tuple[str, int | None], ...]:
    """Message and line of all that the last ``parse_text`` of this thread complained of; never empty.

    ``error.error_log`` will not do: it holds the complaints about earlier documents too.
    """
    found = tuple((entry.message, entry.line) for entry in islice(parser().error_log, _COMPLAINTS))
    return found or ((error.msg or "", error.lineno),)


def tag_of(element: Element) -> str:
    """An element's name, ``{namespace}local``; not for comments."""
    return cast("str", element.tag)  # the stubs allow for what one may assign


def forbidden(root: Element, text: str) -> Remark | None:
    """Why a well-formed document is not read any further, if so; ``text`` is what it was parsed from.

    A DOCTYPE brings entities whose text would be lost silently. Reading the attributes of one element takes lxml the
    square of their number, so a short document cannot have enough of them to matter.
    """
    if "<!DOCTYPE" in text and root.getroottree().docinfo.doctype:
        return Remark(
            code="doctype",
            message="The file has a DOCTYPE; it could bring in foreign files or hidden text.",
            line=text.count("\n", 0, max(text.find("<!DOCTYPE"), 0)) + 1,
            hint="Delete the DOCTYPE, and write named entities as numbers (&nbsp; as &#160;).",
        )
    if len(text) > _SHORT and _WIDE(root):
        return Remark(
            code="too-complex",
            message="An element has more than 500 attributes.",
            hint="Simplify it: no QTI element needs that many.",
        )
    return None


def decode(data: bytes, *, max_bytes: int) -> str | Remark:
    """The text of a file without its BOM, or why it cannot be read as XML text."""
    return _not_xml(data, max_bytes) or _text(data)


def _not_xml(data: bytes, max_bytes: int) -> Remark | None:
    if data.startswith(b"<") and len(data) <= max_bytes:  # as nearly all do
        return None
    if data.startswith(_LFS):
        return Remark(
            code="git-lfs-pointer",
            message="This is a Git LFS pointer, not the XML itself.",
            line=1,
            hint="Take this kind of file out of Git LFS (.gitattributes) and commit the XML.",
        )
    for magic, name in _COMPRESSED.items():
        if data.startswith(magic):
            return Remark(
                code="compressed",
                message=f"This is a {name} archive, not an XML file.",
                hint="Unpack it and commit the XML files inside.",
            )
    if len(data) > max_bytes:
        return Remark(
            code="too-large",
            message=f"The file has {len(data):,} bytes; at most {max_bytes:,} are read.",
            hint="Move embedded images and media into files of their own.",
        )
    if not data.strip():
        return Remark(code="empty-file", message="The file is empty.", hint="Restore its content or delete the file.")
    return None


def _text(data: bytes) -> str | Remark:
    if data.startswith(_UTF_32):
        return _wrong("encoding-unsupported", "The file is UTF-32.", line=1)
    wide = data.startswith(_UTF_16)
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as exc:
        return _undecodable(data, exc.start, wide=wide)
    if "\0" in text:
        hint = "If it is UTF-16, save it as UTF-8; otherwise remove the NUL bytes."
        return Remark(
            code="nul-byte",
            message="The file contains NUL bytes, which XML forbids.",
            line=text.count("\n", 0, text.index("\0")) + 1,
            hint=hint,
        )
    declared = _declared(text)
    if declared is None or _fits(declared, wide=wide, ascii_only=text.isascii()):
        return text
    actual = "UTF-16" if wide else "UTF-8"
    return _wrong("encoding-mismatch", f"The file declares encoding “{declared}”, but it is {actual}.", line=1)


def _undecodable(data: bytes, position: int, *, wide: bool) -> Remark:
    line = data.count(b"\n", 0, position) + 1
    if wide:
        return _wrong("not-utf-16", "The file begins as UTF-16 but is damaged.", line=line)
    declared = _declared(data[:200].decode("latin-1"))
    if declared is not None and declared.lower() not in {"utf-8", "utf8"}:
        return _wrong("encoding-unsupported", f"The file is in “{declared}”; only UTF-8 is read.", line=line)
    return _wrong("not-utf-8", "The file is not valid UTF-8 here.", line=line)


def _wrong(code: str, message: str, *, line: int) -> Remark:
    return Remark(code=code, message=message, line=line, hint=_SAVE_AS_UTF_8)


def _declared(text: str) -> str | None:
    if not text.startswith("<?xml"):
        return None
    end = text.find("?>", 0, _LONG_DECLARATION)
    return _in_short_declaration(text[: end + 2]) if end > 0 else _in_declaration(text)


@functools.lru_cache(maxsize=64)
def _in_short_declaration(text: str) -> str | None:
    """Kept, because nearly all files begin with the same one."""
    return _in_declaration(text)


def _in_declaration(text: str) -> str | None:
    declaration = DECLARATION.match(text)
    encoding = _ENCODING.search(declaration[0]) if declaration else None
    return encoding[1] if encoding else None


def _fits(declared: str, *, wide: bool, ascii_only: bool) -> bool:
    name = declared.lower()
    if wide:
        return name in {"utf-16", "utf16", "utf-16le", "utf-16be"}
    return name in {"utf-8", "utf8"} or (ascii_only and _ASCII_BASED.fullmatch(name) is not None)
