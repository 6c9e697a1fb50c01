"""Which stimuli the API's items refer to: also those of others, of which neither git nor the record knows.

It is asked before a stimulus is deleted, and costs one reading of the list of items. A list is not enough to keep
one for ever: who seems to refer to it is read once more. What cannot be read keeps every stimulus.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qtisync.delivery.outcome import Answer, RemoteObject
from qtisync.engine.survey import Eyes, Surveyor
from qtisync.model import Digest, Identifier, Key, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Referring:
    """What a look at the API's items came to."""

    items: Mapping[Identifier, Identifier] = field(default_factory=dict)
    """A stimulus → an item that refers to it."""
    reasons: tuple[str, ...] = ()
    """Why there may be more of them; empty: every item was seen."""
    trouble: Answer | None = None
    """The answer that ended the reading, if one did."""
    calls: int = 0


def referring(eyes: Eyes, stimuli: Collection[Identifier]) -> Referring:
    """Look through the API's items for references to these stimuli."""
    from qtisync.content.qti import references_in  # noqa: PLC0415 - lxml is heavy

    def references(xml: str) -> Digest:
        return Digest(" ".join(sorted(references_in(xml, stimuli))))

    surveyor = Surveyor(replace(eyes, digest=references), {})
    survey = surveyor.survey((Kind.ITEM,))
    unclear = [key for key, row in survey.rows.items() if row.content != ""]
    read = surveyor.read_each(unclear)
    unread = [] if surveyor.trouble is not None else [key for key in unclear if key not in read]
    return Referring(
        items=_found(read),
        reasons=(*survey.reasons, *_unread(unread)),
        trouble=surveyor.trouble,
        calls=surveyor.calls,
    )


def _found(read: Mapping[Key, RemoteObject | None]) -> dict[Identifier, Identifier]:
    found: dict[Identifier, Identifier] = {}
    for key, row in sorted(read.items()):
        for name in (row.content or "").split() if row is not None else ():
            found.setdefault(Identifier(name), key.identifier)
    return found


def _unread(keys: Sequence[Key]) -> tuple[str, ...]:
    if not keys:
        return ()
    return (f"{keys[0]} could not be read" if len(keys) == 1 else f"{len(keys):,} items could not be read",)
