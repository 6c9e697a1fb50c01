"""The moves of an object through the queue, as a table. An unknown move is a bug and changes nothing."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from qtisync.errors import IllegalTransitionError
from qtisync.model import ItemStatus


class Move(enum.StrEnum):
    """What happens to a row."""

    TARGET = "target"  # a pass sets a new target
    REVERT = "revert"  # a pass wants what the API has already
    CLAIM = "claim"
    FINISH = "finish"
    RETRY = "retry"  # an attempt failed; another follows
    PARK = "park"
    RELEASE = "release"  # nothing was sent, or the lease expired
    BLOCK = "block"
    UNBLOCK = "unblock"
    REVIVE = "revive"  # a person said `retry`
    DOUBT = "doubt"  # the API's copy may have been changed under us


_S = ItemStatus
TRANSITIONS: Mapping[tuple[ItemStatus, Move], ItemStatus] = {
    **{(status, Move.TARGET): _S.QUEUED for status in ItemStatus if status is not _S.IN_FLIGHT},
    **{(status, Move.REVERT): _S.SYNCED for status in ItemStatus if status is not _S.IN_FLIGHT},
    # A row in flight keeps its lease; the worker that comes back finds the newer generation.
    (_S.IN_FLIGHT, Move.TARGET): _S.IN_FLIGHT,
    (_S.IN_FLIGHT, Move.REVERT): _S.IN_FLIGHT,
    (_S.QUEUED, Move.CLAIM): _S.IN_FLIGHT,
    (_S.IN_FLIGHT, Move.FINISH): _S.SYNCED,
    (_S.IN_FLIGHT, Move.RETRY): _S.QUEUED,
    (_S.IN_FLIGHT, Move.RELEASE): _S.QUEUED,
    (_S.IN_FLIGHT, Move.PARK): _S.PARKED,
    (_S.QUEUED, Move.BLOCK): _S.BLOCKED,
    (_S.BLOCKED, Move.UNBLOCK): _S.QUEUED,
    (_S.PARKED, Move.REVIVE): _S.QUEUED,
    (_S.SYNCED, Move.DOUBT): _S.QUEUED,
}


def next_status(status: ItemStatus, move: Move) -> ItemStatus:
    """The status after ``move``; raises ``IllegalTransitionError`` for a move that does not exist."""
    try:
        return TRANSITIONS[status, move]
    except KeyError:
        raise IllegalTransitionError(f"{status} has no move {move}") from None
