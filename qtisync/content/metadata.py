"""The metadata of an object as one value: merged from its files, spelt in one way, digested."""

from __future__ import annotations

import hashlib
import json

from qtisync.model import Digest, Json, Metadata

ALGORITHM = "meta/1"
"""Changes whenever the same metadata would get another digest."""
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def merge(defaults: Metadata, own: Metadata) -> Metadata:
    """What ``defaults`` say, overridden by ``own``: a top-level key replaces the whole value, nothing is mixed inside.

    The nearest file that names a key shows what is sent; with a deep merge an author would have to read all of them.
    ``null`` is a value like others: it is sent.
    """
    return {**defaults, **own} if defaults else own


def canonical_json(metadata: Metadata) -> str:
    """The one spelling of metadata: keys sorted, no white space, order of lists kept; raises ``ValueError`` for NaN."""
    return _ENCODER.encode(metadata)


def metadata_digest(metadata: Metadata) -> Digest:
    """Two objects have the same metadata if and only if these digests are equal."""
    return Digest(f"{ALGORITHM}:{hashlib.sha256(canonical_json(metadata).encode()).hexdigest()}")


def whole_numbers(value: Json) -> Json:
    """The same value with ``5`` for every ``5.0``: JSON has one sort of number, and a JavaScript API answers ``5``."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: whole_numbers(inner) for key, inner in value.items()}
        case list():
            return [whole_numbers(inner) for inner in value]
        case _:
            return value
