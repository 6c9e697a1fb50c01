"""Two owners with a stamp each on one API, and strangers: nobody writes to what is another's, through any history.

Each write is judged at the moment when it arrives, by what the API shows of the object then: it carries a stamp of the
writer, or was taken over on purpose, or is known to the writer's record and only lost its stamp. A delete needs the
stamp. And a record that is lost while everything is in sync costs no write.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from engine_watch import subject, words_of
from engine_world import Killed, Shelf
from fake_api import FakeApi, Fault
from fakes import FakeClock
from histories import histories, patient
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from stamped_world import StampedWorld
from world import item_xml

from qtisync.delivery.messages import Purpose, Reply, Request
from qtisync.engine.check import heal
from qtisync.engine.cycle import Run, apply
from qtisync.engine.drain import Ending
from qtisync.model import ItemStatus, Standing
from qtisync.ownership import Ownership, Stamp
from qtisync.planning.guard import Limits
from qtisync.planning.removal import Removals

KEY = "managedBy"
NAMES = ("x", "y")
names = st.sampled_from(NAMES)
sides = st.sampled_from(["alg", "geo"])
FAULTS = {
    "lost after it was done": lambda: Fault.lost(applied=True),
    "lost before it was done": lambda: Fault.lost(applied=False),
    "500": lambda: Fault.answers(500, {"error": "Internal"}),
    "429": lambda: Fault.answers(429, {"error": "slow down"}, retry_after="2"),
    "unreachable": Fault.unreachable,
}


@dataclass(frozen=True)
class How:
    """A cycle: what its requests meet in turn, and when its process is killed."""

    faults: tuple[str | None, ...] = ()
    dies_at: int | None = None


PLAIN = How()
faults = st.none() | st.sampled_from(sorted(FAULTS))
cycles = st.one_of(
    st.just(PLAIN),
    st.just(PLAIN),
    st.builds(How, st.tuples(faults, faults, faults, faults)),
    st.builds(How, st.just(()), st.integers(0, 40)),
    st.none(),
)
"""``None``: no cycle follows."""


@dataclass
class Owner:
    """One of the two."""

    world: StampedWorld
    values: list[str]
    """Its stamps, the one of today last."""
    pages: dict[str, str] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    """What its record may know: what carried its stamp, or was adopted, at some time since the record was begun."""
    consent: dict[str, Any] = field(default_factory=dict)
    """What it took over on purpose, and whose it was then."""
    disturbed: set[str] = field(default_factory=set)
    """What others changed since its last write."""

    @property
    def value(self) -> str:
        return self.values[-1]


class OwnersMachine(RuleBasedStateMachine):
    """One API, two owners, and strangers."""

    shelf: Shelf = "memory"

    @initialize(
        overwrite=st.booleans(),
        preserve=st.booleans(),
        removal=st.sampled_from([True, True, False]),
        there=st.dictionaries(names, st.sampled_from(["creates", "stamps"])),
        wanted=st.lists(st.tuples(sides, names), max_size=4),
        synced=st.booleans(),
    )
    def begin(
        self,
        overwrite: bool,
        preserve: bool,
        removal: bool,
        there: dict[str, str],
        wanted: list[tuple[str, str]],
        synced: bool,
    ) -> None:
        self.terms = {"overwrite_conflicts": overwrite, "preserve_foreign": preserve}
        self.clock = FakeClock()
        self.api = FakeApi(self.clock)
        self.faults: list[Fault | None] = []
        self.api.faults.append(lambda _request, _number: self.faults.pop(0) if self.faults else None)
        self.removal, self.owners = removal, {}
        for name in ("alg", "geo"):
            owner = Owner(StampedWorld(self.shelf, api=self.api, clock=self.clock), [name])
            owner.world.send = lambda request, owner=owner: self.judged(owner, request)
            self.owners[name] = owner
            self.configure(owner)
            self.commit(owner, name, "anchor")
        for name, what in there.items():
            self.stranger(name, what)
        for side, name in wanted:
            self.commit(self.owners[side], name, "v0")
            self.run(self.owners[side], PLAIN if synced else None)

    def configure(self, owner: Owner) -> None:
        stamp = Stamp(key=KEY, value=owner.value)
        owner.world.configure(stamp, **self.terms)
        removals = Removals(ownership=Ownership(stamp=stamp)) if self.removal else None
        limits = Limits(max_update=1.0, max_churn=1.0)
        owner.world.aim = replace(owner.world.aim, limits=limits, removals=removals)

    # Each request, when it arrives

    def judged(self, owner: Owner, request: Request) -> Reply:
        name = subject(request)
        before = self.api.items.get(name or "")
        if name is not None and before is not None and request.purpose.writes:
            self.judge(owner, name, before["metadata"].get(KEY), request)
        reply = self.api.send(request)
        if name is not None and request.purpose.writes and self.api.items.get(name) is not before:
            self.written(owner, name)
        return reply

    def judge(self, owner: Owner, name: str, stamp: Any, request: Request) -> None:
        if request.purpose is Purpose.CREATE or stamp in owner.values:
            return  # a create of what is there meets a 409
        assert request.purpose is not Purpose.DELETE, f"{owner.value} deletes {name} of {stamp}"
        taken = name in owner.consent and owner.consent[name] == stamp
        stripped = stamp is None and name in owner.known
        assert taken or stripped, f"{owner.value} writes to {name} of {stamp}"

    def written(self, owner: Owner, name: str) -> None:
        owner.known.add(name)
        owner.consent.pop(name, None)
        owner.disturbed.discard(name)
        for other in self.owners.values():
            if other is not owner:
                other.disturbed.add(name)

    # The owners

    @rule(side=sides, name=names, words=st.sampled_from(["v1", "v2", "v3", None]), how=cycles)
    def authors_commit(self, side: str, name: str, words: str | None, how: How | None) -> None:
        self.commit(self.owners[side], name, words)
        self.run(self.owners[side], how)

    def commit(self, owner: Owner, name: str, words: str | None) -> None:
        if words is None and name not in owner.pages:
            return
        owner.pages = {**owner.pages, name: words} if words else {k: v for k, v in owner.pages.items() if k != name}
        data = item_xml(name, f"{words} of {owner.values[0]}").encode() if words else None
        owner.world.source.commit({f"{name}.xml": data})

    @rule(side=sides, how=cycles)
    def a_cycle(self, side: str, how: How | None) -> None:
        self.run(self.owners[side], how)

    @rule(side=sides, how=cycles)
    def somebody_insists(self, side: str, how: How | None) -> None:
        self.owners[side].world.store.retry(None)
        self.run(self.owners[side], how)

    @rule(side=sides)
    def drift_is_overwritten(self, side: str) -> None:
        owner = self.owners[side]
        heal(owner.world.store, owner.world.look(), owner.world.log)  # type: ignore[arg-type]
        self.run(owner, PLAIN)

    @rule(side=sides, name=names, how=cycles)
    def somebody_adopts(self, side: str, name: str, how: How | None) -> None:
        owner = self.owners[side]
        for row in owner.world.adopt(name, foreign=True).rows:
            owner.known.add(row.key.identifier)
            owner.consent[row.key.identifier] = self.api.items[name]["metadata"].get(KEY)
            owner.disturbed.discard(name)
        self.run(owner, how)

    @rule(side=sides, how=cycles)
    def the_stamp_is_changed(self, side: str, how: How | None) -> None:
        owner = self.owners[side]
        owner.values.append(f"{owner.values[0]}-{len(owner.values)}")
        self.configure(owner)
        self.run(owner, how)

    @rule(side=sides, rebuilt=st.booleans())
    def the_record_is_lost(self, side: str, rebuilt: bool) -> None:
        owner = self.owners[side]
        quiet = {name: self.api.items[name] for name in self.in_sync(owner)}
        owner.world.lose_the_record()
        owner.known.clear()
        owner.consent.clear()
        if rebuilt:
            owner.world.rebuild()
            self.seen(owner)
        self.run(owner, PLAIN)
        for name, document in quiet.items():
            assert self.api.items.get(name) is document, f"{name} was as {owner.value} wants it, and is written"

    def in_sync(self, owner: Owner) -> set[str]:
        """What the owner has as git wants it, and nobody touched since."""
        rows = {row.key.identifier: row for row in owner.world.kept.recorded().values()}
        ahead = {change.item.key.identifier for change in owner.world.prepare().plan.changes}
        synced = {name for name, row in rows.items() if row.status is ItemStatus.SYNCED and name in owner.pages}
        there = {name for name, document in self.api.items.items() if document["metadata"].get(KEY) == owner.value}
        return (synced & there) - ahead - owner.disturbed

    def run(self, owner: Owner, how: How | None) -> Ending | None:
        if how is None:
            return None
        world = owner.world
        self.faults = [FAULTS[name]() if name else None for name in how.faults]
        world.fate.points.clear()
        world.fate.dies_at = how.dies_at
        try:
            prepared = world.prepare()
            return apply(world.bench, replace(prepared, plan=replace(prepared.plan, holds=())), Run()).ending
        except Killed:
            world.kill()
        finally:
            self.faults, world.fate.dies_at = [], None
            self.seen(owner)
        return None

    def seen(self, owner: Owner) -> None:
        owner.known |= {
            name for name, document in self.api.items.items() if document["metadata"].get(KEY) in owner.values
        }

    # Strangers

    @rule(
        name=names,
        what=st.sampled_from(["creates", "stamps", "strips", "edits", "deletes"]),
        side=sides,
        words=st.sampled_from(["v1", "v2", "v3", "as it is", None]),
        how=cycles,
    )
    def a_stranger_acts(self, name: str, what: str, side: str, words: str | None, how: How | None) -> None:
        self.stranger(name, what)
        if words != "as it is":
            self.commit(self.owners[side], name, words)
        self.run(self.owners[side], how)

    def stranger(self, name: str, what: str) -> None:
        """One of theirs appears, or something is done to what is there."""
        document = self.api.items.get(name)
        for owner in self.owners.values():
            owner.disturbed.add(name)
        metadata = {} if document is None else document["metadata"]
        xml = item_xml(name, "a stranger's") if document is None or what in {"creates", "edits"} else document["rawXml"]
        match what:
            case "stamps":
                self.api.store_item(xml, {**metadata, KEY: "sci"})
            case "strips":
                self.api.store_item(xml, {k: v for k, v in metadata.items() if k != KEY})
            case "deletes":
                self.api.items.pop(name, None)
            case _:
                self.api.store_item(xml, metadata)

    # The end

    def converge(self) -> None:
        for _ in range(6):
            for owner in self.owners.values():
                self.clock.advance(400.0)
                assert self.run(owner, PLAIN) is Ending.DRAINED
                rows = owner.world.kept.recorded().values()
                owner.world.store.retry([row.key for row in rows if row.last_outcome == "ServerError"])
        for owner in self.owners.values():
            self.look_at(owner)
        sent = len(self.api.writes())
        for owner in self.owners.values():
            self.run(owner, PLAIN)
        assert len(self.api.writes()) == sent, "something is sent although nothing changed"

    def look_at(self, owner: Owner) -> None:
        rows = {row.key.identifier: row for row in owner.world.kept.recorded().values()}
        for name, words in owner.pages.items():
            row = rows[name]
            assert row.standing is Standing.WANTED
            if row.status is ItemStatus.SYNCED and name not in owner.disturbed:
                document = self.api.items[name]
                assert document["metadata"].get(KEY) == owner.value
                assert words_of(document["rawXml"]) == f"{words} of {owner.values[0]}"
            else:
                assert row.status is ItemStatus.SYNCED or row.last_outcome == "Conflict", (name, row)

    def teardown(self) -> None:
        if hasattr(self, "owners"):
            try:
                self.converge()
            finally:
                for owner in self.owners.values():
                    owner.world.close()


class SqliteOwnersMachine(OwnersMachine):
    """The same over the record that users have."""

    shelf: Shelf = "sqlite"


TestOwners = patient(OwnersMachine.TestCase)
TestOwners.settings = histories(100, stateful_step_count=20, deadline=None)
TestOwnersOnSqlite = patient(SqliteOwnersMachine.TestCase)
TestOwnersOnSqlite.settings = histories(6, stateful_step_count=15, deadline=None)
