"""The same world gives the same plan, in the same order, with the same checksum; and no file that is there is lost."""

from __future__ import annotations

from typing import Any

from builders import a_recorded, a_snapshot, an_item, facets
from hypothesis import given
from hypothesis import strategies as st

from qtisync.model import (
    Broken,
    Facets,
    Identifier,
    Item,
    ItemStatus,
    Kind,
    Presence,
    Recorded,
    RepoPath,
    Standing,
    Steering,
)
from qtisync.planning.diff import diff
from qtisync.planning.plan import Destination

THERE = Destination(target="staging", base_url="http://127.0.0.1:8765/api")
NAMES = [f"q{n}" for n in range(6)]
PATHS = [f"items/{name}.xml" for name in NAMES]
KINDS = st.sampled_from([Kind.ITEM, Kind.STIMULUS])


@st.composite
def items(draw: Any) -> list[Item]:
    keys = draw(st.lists(st.tuples(KINDS, st.sampled_from(NAMES)), unique=True))
    steerings = st.builds(Steering, renamed_from=st.none() | st.sampled_from(NAMES).map(Identifier))
    return [
        an_item(
            name,
            kind=kind,
            content=draw(st.sampled_from(["c1", "c2"])),
            path=draw(st.sampled_from(PATHS)),
            steering=draw(steerings),
        )
        for kind, name in keys
    ]


@st.composite
def records(draw: Any) -> list[Recorded]:
    keys = draw(st.lists(st.tuples(KINDS, st.sampled_from(NAMES)), unique=True))
    return [
        a_recorded(
            name,
            kind=kind,
            path=RepoPath(draw(st.sampled_from(PATHS))),
            status=draw(st.sampled_from(ItemStatus)),
            presence=draw(st.sampled_from(Presence)),
            standing=draw(st.sampled_from(Standing)),
            acknowledged=draw(st.sampled_from([Facets(), facets("c1"), facets("c2"), facets("c1", None)])),
        )
        for kind, name in keys
    ]


BROKEN = st.lists(st.sampled_from(PATHS), unique=True).map(lambda paths: tuple(Broken(path=RepoPath(p)) for p in paths))


@given(wanted=items(), known=records(), broken=BROKEN, data=st.data())
def test_order_of_the_input_changes_nothing(
    wanted: list[Item], known: list[Recorded], broken: tuple[Broken, ...], data: Any
):
    shuffled = [data.draw(st.permutations(part)) for part in (wanted, known, broken)]
    plans = [
        diff(a_snapshot(*some, broken=tuple(files)), {row.key: row for row in rows}, THERE)
        for some, rows, files in ((wanted, known, broken), shuffled)
    ]

    assert plans[0] == plans[1]
    assert plans[0].checksum == plans[1].checksum


@given(wanted=items(), known=records(), broken=BROKEN)
def test_every_object_is_accounted_for_once(wanted: list[Item], known: list[Recorded], broken: tuple[Broken, ...]):
    plan = diff(a_snapshot(*wanted, broken=broken), {row.key: row for row in known}, THERE)
    broken_at = {file.path for file in broken}

    assert len(plan.changes) + len(plan.parked) + plan.unchanged == len(wanted)
    named = [c.item.key for c in plan.changes] + [r.key for r in plan.parked]
    assert len(set(named)) == len(named)
    assert not {row.key for row in plan.held} & {orphan.recorded.key for orphan in plan.orphans}
    assert not any(o.recorded.path in broken_at for o in plan.orphans if o.new)
    assert [c.item.key for c in plan.changes] == sorted(c.item.key for c in plan.changes)
