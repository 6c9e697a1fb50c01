"""I3: what a process finds by looking at changes only is, value by value, what it finds by looking at everything."""

from __future__ import annotations

from dataclasses import replace

from builders import START
from fake_source import FakeSource
from fakes import MemoryStore, SilentProgress
from histories import histories
from hypothesis import given
from hypothesis import strategies as st
from world import item_xml, stimulus_xml

from qtisync.content.selection import ContentRules
from qtisync.delivery.settlement import Settlement
from qtisync.engine.reconcile import Aim, prepare, write_down
from qtisync.engine.warm import Memory
from qtisync.model import ItemStatus, Presence
from qtisync.planning.guard import Limits
from qtisync.planning.intent import intents
from qtisync.planning.plan import Destination

RULES = ContentRules(exclude=("old/**",), target="production")
AIM = Aim(
    destination=Destination(target="production", base_url="https://api.example.org"),
    ref="main",
    rules=RULES,
    limits=Limits(max_update=1.0, max_churn=1.0),
    processes=1,
)
FOLDERS = ("", "a/", "a/b/", "old/")
STEMS = ("q1", "q2", "q3", "s1")
XML = st.one_of(
    st.builds(
        lambda name, words, references: item_xml(name, words, references=references).encode(),
        st.sampled_from(("q1", "q2", "q3", "Q1", "x")),
        st.sampled_from(("one", "two")),
        st.sampled_from(("", "", "s1", "s2")),
    ),
    st.builds(lambda name, words: stimulus_xml(name, words).encode(), st.sampled_from(("s1", "s2")), st.just("one")),
    st.sampled_from(
        [
            item_xml("q1").encode()[:-30],
            item_xml("q2").replace("<qti-prompt>", "<img/><qti-prompt>").encode(),
            b"<manifest/>",
            b"",
            ("120000", b"q1.xml"),
        ]
    ),
)
YAML = st.sampled_from(
    [
        *(
            b"subject: Math\n",
            b"grade: 5\n",
            b"grade: 99\n",
            b"qtisync: {ignore: true}\n",
            b"qtisync: {targets: [staging]}\n",
        ),
        *(b"qtisync: {renamed_from: q3}\n", b"qtisync: {protect: true, lane: hotfix}\n"),
    ]
)
FILE = st.one_of(
    st.tuples(st.builds("{}{}.xml".format, st.sampled_from(FOLDERS), st.sampled_from(STEMS)), XML),
    st.tuples(st.builds("{}{}.yaml".format, st.sampled_from(FOLDERS), st.sampled_from(STEMS)), YAML),
    st.tuples(
        st.sampled_from(
            ("_defaults.yaml", "a/_defaults.yml", "q1.yml", "notes.yaml", "README.md", ".ci.yml", "sub.xml")
        ),
        st.one_of(YAML, st.just(("160000", b"submodule"))),
    ),
)
CHANGE = st.one_of(
    FILE, FILE, FILE, st.tuples(st.just("delete"), st.integers(0, 99)), st.tuples(st.just("move"), st.integers(0, 99))
)
SETTLING = st.lists(st.sampled_from(["sync", "park", "fail", "keep", "altered", "retry"]), max_size=6)
STEP = st.tuples(st.lists(CHANGE, max_size=3), SETTLING, st.booleans())
PLAIN = {
    **{f"plain/p{n}.xml": item_xml(f"p{n}", references="s9" if n % 2 else "").encode() for n in range(5)},
    "plain/s9.xml": stimulus_xml("s9").encode(),
    "plain/p1.yaml": b"subject: Math\n",
}


class World:
    def __init__(self) -> None:
        self.source, self.store, self.memory, self.now = FakeSource(), MemoryStore(), Memory(), START
        self.looked_at_everything = 0

    def commit(self, changes) -> None:
        files = self.source.commits[self.source.refs["refs/heads/main"]].files if self.source.refs else {}
        contents = {}
        for path, what in changes:
            if path not in {"delete", "move"}:
                contents[path] = what
            elif files:
                old = sorted(files)[what % len(files)]
                if path == "move" and f"m/{old}" not in files:
                    contents[f"m/{old}"] = (files[old][0], self.source.data[files[old][1]])
                contents[old] = None
        self.source.commit(contents)

    def one_pass(self, *, write: bool) -> None:
        self.now += 60.0
        whole = prepare(self.source, self.store, AIM, self.now, SilentProgress())
        part = prepare(self.source, self.store, AIM, self.now, SilentProgress(), self.memory)

        assert part.plan == whole.plan
        assert (part.record, part.fresh.keys()) == (whole.record, whole.fresh.keys())
        if part.snapshot is not None:
            assert intents(part.plan, part.snapshot, part.recorded, part.record) == intents(
                whole.plan, whole.snapshot, whole.recorded, whole.record
            )
        if write:
            write_down(self.store, part)

    def settle(self, endings) -> None:
        for ending in endings:
            if ending == "retry":
                self.store.retry(None)
                continue
            claim = self.store.claim("w", self.now, 60.0)
            if claim is None:
                return
            if ending == "keep":
                continue
            status = {"park": ItemStatus.PARKED, "fail": ItemStatus.QUEUED}.get(ending, ItemStatus.SYNCED)
            settlement = Settlement(
                status=status,
                attempts=1,
                presence=Presence.PRESENT,
                acknowledged=claim.row.desired,
                acknowledged_metadata=claim.row.desired_metadata,
                outcome=ending,
                altered="it changed" if ending == "altered" else None,
            )
            if status is not ItemStatus.SYNCED:
                settlement = replace(settlement, acknowledged=claim.row.acknowledged, presence=claim.row.presence)
            self.store.settle(claim, settlement)


@histories(150)
@given(st.lists(STEP, min_size=1, max_size=6))
def test_a_pass_over_changes_plans_what_a_pass_over_everything_plans(steps):
    world = World()
    world.commit(PLAIN.items())
    world.one_pass(write=True)
    world.settle(["sync"] * 6)
    for changes, endings, write in steps:
        world.commit(changes)
        world.one_pass(write=write)
        world.settle(endings)
