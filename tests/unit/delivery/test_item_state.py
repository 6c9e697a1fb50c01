"""The moves of an object through the queue: a table, and nothing beside it."""

from __future__ import annotations

import itertools

import pytest

from qtisync.delivery.item_state import TRANSITIONS, Move, next_status
from qtisync.errors import IllegalTransitionError
from qtisync.model import ItemStatus

SYNCED, QUEUED, IN_FLIGHT = ItemStatus.SYNCED, ItemStatus.QUEUED, ItemStatus.IN_FLIGHT
PARKED, BLOCKED = ItemStatus.PARKED, ItemStatus.BLOCKED


@pytest.mark.parametrize("status", [SYNCED, QUEUED, PARKED, BLOCKED])
def test_edit_queues_and_a_revert_settles_whatever_is_not_in_flight(status: ItemStatus):
    assert next_status(status, Move.TARGET) is QUEUED
    assert next_status(status, Move.REVERT) is SYNCED


@pytest.mark.parametrize("move", [Move.TARGET, Move.REVERT])
def test_row_in_flight_stays_so_until_its_worker_comes_back(move: Move):
    assert next_status(IN_FLIGHT, move) is IN_FLIGHT


@pytest.mark.parametrize(
    ("status", "move", "then"),
    [
        (QUEUED, Move.CLAIM, IN_FLIGHT),
        (IN_FLIGHT, Move.FINISH, SYNCED),
        (IN_FLIGHT, Move.RETRY, QUEUED),
        (IN_FLIGHT, Move.RELEASE, QUEUED),
        (IN_FLIGHT, Move.PARK, PARKED),
        (QUEUED, Move.BLOCK, BLOCKED),
        (BLOCKED, Move.UNBLOCK, QUEUED),
        (PARKED, Move.REVIVE, QUEUED),
        (SYNCED, Move.DOUBT, QUEUED),
    ],
)
def test_move_leads_to(status: ItemStatus, move: Move, then: ItemStatus):
    assert next_status(status, move) is then


@pytest.mark.parametrize(
    ("status", "move"), [pair for pair in itertools.product(ItemStatus, Move) if pair not in TRANSITIONS]
)
def test_any_other_move_is_a_bug(status: ItemStatus, move: Move):
    with pytest.raises(IllegalTransitionError, match=f"{status} has no move {move}"):
        next_status(status, move)


def test_only_a_queued_row_is_ever_claimed():
    assert [status for status, move in TRANSITIONS if move is Move.CLAIM] == [QUEUED]


def test_parked_row_leaves_only_by_an_edit_a_revert_or_a_person():
    assert {move for status, move in TRANSITIONS if status is PARKED} == {Move.TARGET, Move.REVERT, Move.REVIVE}
