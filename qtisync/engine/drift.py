"""What the last comparison with the API left in the record: what blocks passes, and when everything was compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from qtisync.model import Identifier, Json, Key, Kind

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader, Store

BLOCKED = "drift_block"
"""Setting: objects that drifted and hold every pass (``on_drift: block``)."""
CHECKED = "checked"
"""Setting: when git, record and API were last compared by the one writer, and what was found."""


def blocked_by_drift(reader: RecordReader) -> tuple[Key, ...]:
    """The objects whose drift holds every pass until it is gone or allowed."""
    setting = reader.setting(BLOCKED)
    pairs = setting if isinstance(setting, list) else []
    return tuple(
        Key(Kind(str(pair[0])), Identifier(str(pair[1])))
        for pair in pairs
        if isinstance(pair, list) and len(pair) == len(Key.__dataclass_fields__)
    )


def block(store: Store, keys: Iterable[Key]) -> None:
    """Hold every pass for these objects, and for no others; none: hold nothing."""
    blocked: list[Json] = [[key.kind.value, key.identifier] for key in sorted(set(keys))]
    if blocked or store.setting(BLOCKED) is not None:
        store.put_setting(BLOCKED, blocked or None)


def note_check(store: Store, at: float, *, complete: bool, broken_off: bool, found: Mapping[str, int]) -> None:
    """Remember when everything was compared, and what came out; ``broken_off``: the API gave no usable answer."""
    store.put_setting(CHECKED, {"at": at, "complete": complete, "broken_off": broken_off, **found})


def last_check(reader: RecordReader) -> Mapping[str, Json] | None:
    """When everything was compared last (``at``), whether completely, and what came out; ``None``: never."""
    setting = reader.setting(CHECKED)
    return setting if isinstance(setting, dict) and isinstance(setting.get("at"), int | float) else None
