"""What a plan costs: calls, bytes and seconds at the present pace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import a_recorded, a_stimulus, an_item

from qtisync.model import Kind, Presence, Reason, Recorded, Scope
from qtisync.planning.cost import TRIAL, estimate, first_metadata_change
from qtisync.planning.plan import Action, Change, Cost


def a_change(recorded: Recorded | None, size: int = 100) -> Change:
    return Change(
        item=an_item(size=size),
        recorded=recorded,
        action=Action.UPDATE if recorded else Action.CREATE,
        scope=frozenset(Scope),
        reason=Reason.NEW,
    )


NEW, KNOWN = a_change(None), a_change(a_recorded(), 23)
UNSENT, DOUBTFUL = a_change(a_recorded(presence=Presence.ABSENT)), a_change(a_recorded(presence=Presence.DOUBTFUL))


@pytest.mark.parametrize(
    ("change", "reads_first", "reads_back", "calls"),
    [
        (NEW, False, False, 1),
        (NEW, True, False, 1),
        (NEW, True, True, 2),
        (UNSENT, True, False, 1),
        (KNOWN, False, False, 1),
        (KNOWN, True, False, 2),
        (KNOWN, True, True, 3),
        (DOUBTFUL, True, False, 2),
    ],
)
def test_change_costs_its_write_and_the_reads_around_it(
    change: Change, reads_first: bool, reads_back: bool, calls: int
):
    assert estimate([change], reads_first=reads_first, reads_back=reads_back, rate=10).calls == calls


def test_costs_add_up():
    assert estimate([NEW, KNOWN], reads_first=True, reads_back=False, rate=2.0) == Cost(calls=3, bytes=123, seconds=1.5)


def test_items_that_are_read_together_cost_what_their_lists_cost():
    stimulus = a_change(a_recorded("s1", kind=Kind.STIMULUS))
    stimulus = replace(stimulus, item=a_stimulus())
    changes = [NEW, *[KNOWN] * 6, stimulus]

    assert estimate(
        changes, reads_first=True, reads_back=False, rate=1.0, reading_calls=lambda count: count // 3
    ) == Cost(calls=8 + 1 + 2, bytes=238, seconds=11.0)


def test_a_delete_costs_its_read_and_a_stimulus_a_look_at_the_list_of_items():
    assert estimate([NEW], reads_first=True, reads_back=False, rate=1.0, removals=2, looks=3).calls == 1 + 4 + 3


def test_nothing_costs_nothing():
    assert estimate([], reads_first=True, reads_back=True, rate=2.0) == Cost()
    assert estimate([NEW], reads_first=True, reads_back=True, rate=0.0).seconds == 0.0


def test_first_metadata_call_on_a_target_costs_three_calls_more():
    cost = estimate([KNOWN], reads_first=True, reads_back=False, rate=10)
    tried = estimate([KNOWN], reads_first=True, reads_back=False, rate=10, tried=True)

    assert (cost.calls, tried.calls) == (2, 2 + TRIAL)


def test_first_metadata_change_is_the_first_item_whose_metadata_alone_changes_without_a_key_that_leaves():
    only = replace(KNOWN, scope=frozenset({Scope.METADATA}))
    other = replace(only, item=an_item("q0"))
    stimulus = replace(only, item=a_stimulus("a0"))
    leaves = replace(only, item=an_item("a1"), recorded=a_recorded("a1", acknowledged_metadata={"grade": "5", "x": 1}))

    assert first_metadata_change([KNOWN, NEW, stimulus, leaves]) is None
    assert first_metadata_change([KNOWN, only, other, stimulus]) == other.item.key
