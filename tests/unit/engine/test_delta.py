"""When a pass looks at changes only, and when it must look at everything."""

from __future__ import annotations

import pytest
from builders import START
from fake_source import FakeSource
from fakes import MemoryStore, SilentProgress
from world import item_xml

from qtisync.content.selection import ContentRules
from qtisync.delivery.settlement import Settlement
from qtisync.engine.reconcile import Aim, prepare, write_down
from qtisync.engine.warm import Memory
from qtisync.model import ItemStatus, Presence
from qtisync.planning.plan import Destination

AIM = Aim(destination=Destination(target="t", base_url="https://api.example.org"), ref="main", rules=ContentRules())
FILES = {f"items/q{n}.xml": item_xml(f"q{n}").encode() for n in range(20)} | {"items/q1.yaml": b"grade: 5\n"}


class CountingSource(FakeSource):
    """Counts how often a whole tree was asked for."""

    trees = 0

    def tree(self, commit):
        self.trees += 1
        return super().tree(commit)


class Daemon:
    def __init__(self) -> None:
        self.source, self.store, self.memory, self.now = CountingSource(), MemoryStore(), Memory(), START

    def one_pass(self, aim: Aim = AIM, *, write: bool = True) -> list[str]:
        """The identifiers of what changes."""
        self.now += 60.0
        prepared = prepare(self.source, self.store, aim, self.now, SilentProgress(), self.memory)
        if write:
            write_down(self.store, prepared)
        return [change.item.key.identifier for change in prepared.plan.changes]

    def deliver(self) -> None:
        while (claim := self.store.claim("w", self.now, 60.0)) is not None:
            row = claim.row
            acknowledged = {"acknowledged": row.desired, "acknowledged_metadata": row.desired_metadata}
            done = Settlement(
                status=ItemStatus.SYNCED, attempts=0, presence=Presence.PRESENT, outcome="accepted", **acknowledged
            )
            self.store.settle(claim, done)


@pytest.fixture
def daemon() -> Daemon:
    """It has synchronised everything and looked at a whole tree once."""
    made = Daemon()
    made.source.commit(FILES)
    made.one_pass()
    made.deliver()
    assert made.source.trees == 1
    return made


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"items/q3.xml": item_xml("q3", "New words").encode()}, ["q3"]),
        ({"items/q1.yaml": b"grade: 6\n"}, ["q1"]),
        ({"items/q1.yaml": None}, ["q1"]),
        ({"items/q2.yaml": b"grade: 6\n"}, ["q2"]),
        ({"items/new.xml": item_xml("new").encode()}, ["new"]),
        ({"items/q3.xml": None}, []),
        ({"items/q3.xml": None, "other/q3.xml": FILES["items/q3.xml"]}, []),
        ({"items/q3.xml": b"<broken"}, []),
        ({"README.md": b"words"}, []),
    ],
)
def test_usual_edits_are_looked_at_alone(daemon, changes, expected):
    daemon.source.commit(changes)

    assert (daemon.one_pass(), daemon.source.trees) == (expected, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"items/_defaults.yaml": b"subject: Math\n"},
        {"items/copy.xml": FILES["items/q3.xml"]},
        {"items/Q3.xml": item_xml("Q3").encode()},
        {"items/q1.xml": None},
        {"items/nobody.yaml": b"grade: 5\n"},
        {"items/q1.yml": b"grade: 5\n"},
        {"items/q3.xml": ("120000", b"q1.xml")},
        {"items/part.xml": ("160000", b"submodule")},
    ],
)
def test_whatever_may_concern_other_files_makes_it_look_at_everything(daemon, changes):
    daemon.source.commit(changes)
    daemon.one_pass()

    assert daemon.source.trees == 2


def test_a_file_that_begins_or_ceases_to_be_an_object_beside_a_stray_makes_it_look_at_everything(daemon):
    """Whether a YAML file that belongs to nothing is worth a warning depends on the objects beside it."""
    note, item = b"<note/>", item_xml("beside").encode()
    daemon.source.commit({"a/q1.yaml": b"grade: 5\n", "a/q2.xml": note})
    daemon.one_pass()
    warned = []
    for trees, content in enumerate((item, note), start=daemon.source.trees + 1):
        daemon.source.commit({"a/q2.xml": content})
        daemon.one_pass()
        assert daemon.source.trees == trees
        warned.append([warning.path for warning in daemon.store.last_pass().warnings])

    assert warned == [["a/q1.yaml"], []]


def test_many_passes_go_on_from_each_other(daemon):
    for number in range(5):
        daemon.source.commit({"items/q3.xml": item_xml("q3", f"Version {number}").encode()})
        assert daemon.one_pass() == ["q3"]
        daemon.deliver()

    assert daemon.source.trees == 1


def test_a_pass_that_was_not_written_down_is_looked_at_again(daemon):
    daemon.source.commit({"items/q3.xml": item_xml("q3", "One").encode()})
    daemon.one_pass(write=False)
    daemon.source.commit({"items/q4.xml": item_xml("q4", "Two").encode()})

    assert (daemon.one_pass(), daemon.source.trees) == (["q3", "q4"], 1)


def test_a_base_that_is_gone_or_other_rules_make_it_look_at_everything(daemon):
    base = daemon.source.resolve("main")
    daemon.source.commit({"items/q3.xml": item_xml("q3", "One").encode()})
    daemon.source.forget(base)
    daemon.one_pass()
    daemon.source.commit({"items/q4.xml": item_xml("q4", "Two").encode()})
    daemon.one_pass(Aim(destination=AIM.destination, ref="main", rules=ContentRules(exclude=("drafts/**",))))

    assert daemon.source.trees == 3
