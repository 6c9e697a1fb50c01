"""A person's pause: nothing is sent until somebody resumes, or until a time. It is kept in the record.

So it holds over a restart, for every command, and whether a daemon runs or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtisync.model import Json

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import RecordReader, Store

SETTING = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing is sent. Times are seconds since the epoch."""

    reason: str
    since: float
    until: float | None = None
    """``None``: until somebody resumes."""


def paused(reader: RecordReader, now: float) -> Pause | None:
    """The pause that holds now."""
    said = reader.setting(SETTING)
    if not isinstance(said, Mapping):
        return None
    since, until = said.get("since"), said.get("until")
    pause = Pause(
        reason=str(said.get("reason", "")),
        since=float(since) if isinstance(since, int | float) else now,
        until=float(until) if isinstance(until, int | float) else None,
    )
    return None if pause.until is not None and pause.until <= now else pause


def begin(store: Store, pause: Pause) -> None:
    """Write a pause down; it replaces another."""
    said: Json = {"reason": pause.reason, "since": pause.since, "until": pause.until}
    store.put_setting(SETTING, said)


def end(store: Store) -> None:
    """Forget the pause."""
    store.put_setting(SETTING, None)
