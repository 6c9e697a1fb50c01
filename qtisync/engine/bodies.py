"""The XML on both sides: of a plan's updates, read from git; of a stimulus, git's beside the API's."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping

from qtisync.engine.ports import Source
from qtisync.errors import BlobMissingError
from qtisync.model import BlobId, Scope
from qtisync.planning.plan import Action, Plan


def changed_texts(source: Source, plan: Plan) -> Mapping[BlobId, str]:
    """What was acknowledged before and what is in git now, by blob. A blob that vanished is left out."""
    wanted: dict[BlobId, None] = {}
    for change in plan.changes:
        if change.action is Action.UPDATE and Scope.CONTENT in change.scope and change.recorded is not None:
            wanted |= {blob: None for blob in (change.recorded.acknowledged_blob, change.item.blob) if blob is not None}
    texts = {}
    for blob in wanted:
        try:
            texts[blob] = text_of(source.blob(blob))
        except BlobMissingError:  # rewritten history: there is no side to compare with
            continue
    return texts


def text_of(data: bytes) -> str:
    """XML to look at: UTF-8, unless its first bytes say UTF-16; what is neither is marked."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def shows(data: bytes) -> Callable[[str], bool]:
    """Whether the API's XML of a stimulus says what this file of it does."""

    def says_the_same(theirs: str) -> bool:
        from qtisync.content.payload import same_stimulus, xml_text  # noqa: PLC0415 - lxml is heavy

        return same_stimulus(xml_text(data), theirs)

    return says_the_same
