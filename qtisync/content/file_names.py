"""Names of files for objects of the API: safe on every file system, and never two the same.

An identifier may be anything. A name keeps what is harmless of it; whatever is lost, reserved, too long or taken (also
by a name that differs only in capitals or accents' forms) adds a digest of the whole identifier.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from qtisync.content.naming import folded
from qtisync.model import Key, Kind

FOLDERS: Mapping[Kind, str] = {Kind.ITEM: "items", Kind.STIMULUS: "stimuli", Kind.TEST: "tests"}
LONGEST = 120  # characters; with an ending and in UTF-8 that stays below the 255 bytes of common file systems
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_ODD_STARTS = (".", "_", "-", "~")
_DIGITS = 10


def file_names(keys: Iterable[Key], taken: Collection[str] = ()) -> dict[Key, str]:
    """A path for each object: a folder for its kind, and a name with ``.xml``. ``taken``: paths that others have."""
    wanted = {key: f"{FOLDERS[key.kind]}/{_stem(key.identifier)}" for key in sorted(keys)}
    uses = Counter(folded(name) for name in wanted.values())
    others = {folded(path.removesuffix(".xml")) for path in taken}
    return {
        key: (name if uses[folded(name)] == 1 and folded(name) not in others else _marked(name, key)) + ".xml"
        for key, name in wanted.items()
    }


def _stem(identifier: str) -> str:
    text = unicodedata.normalize("NFC", identifier)
    kept = "".join(sign if _is_harmless(sign) else "_" for sign in text)
    stem = kept[:LONGEST]
    while len(stem.encode()) > LONGEST:
        stem = stem[:-1]
    if stem.startswith(_ODD_STARTS) or not stem:
        stem = f"x{stem}"
    if stem == identifier and not stem.endswith(".") and not _RESERVED.fullmatch(stem):
        return stem
    return _marked(stem.rstrip("."), identifier)


def _is_harmless(sign: str) -> bool:
    return sign in "-_." or (sign.isalnum() and (sign.isascii() or sign.isprintable()))


def _marked(name: str, key: Key | str) -> str:
    identifier = key if isinstance(key, str) else key.identifier
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return name if name.endswith(f"~{digest}") else f"{name}~{digest}"
