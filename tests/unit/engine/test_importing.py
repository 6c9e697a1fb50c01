"""Objects of the API as files: the same again each time, and a commit of them leaves nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from builders import a_key
from engine_world import AIM, EngineWorld
from fakes import SilentProgress
from test_recognise import eyes
from world import item_xml, stimulus_xml

from qtisync.content.canonical import digest_text
from qtisync.engine.importing import Import, Order, import_objects
from qtisync.engine.recognise import Ask
from qtisync.model import ItemStatus
from qtisync.ownership import Ownership

EVERYTHING = Ownership()


class MemoryShelf:
    """A folder in a dict."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def files(self, ending: str) -> Iterator[tuple[str, bytes]]:
        return iter([(name, data) for name, data in sorted(self.held.items()) if name.endswith(ending)])

    def state(self, name: str, data: bytes) -> Any:
        if name not in self.held:
            return "new"
        return "same" if self.held[name] == data else "differs"

    def write(self, name: str, data: bytes) -> None:
        self.held[name] = data


class Importing:
    def __init__(self) -> None:
        self.world, self.shelf = EngineWorld(), MemoryShelf()
        self.world.api.store_item(item_xml("q1"), {"grade": "5", "difficulty": "Odd"})
        self.world.api.store_item(item_xml("Q1").replace("\n", "\r\n"), {})
        self.world.send(self.stimulus())

    def stimulus(self) -> Any:
        from qtisync.delivery.messages import Purpose, Request

        body = {"identifier": "s1", "title": "T", "content": "<p>Read.</p>", "metadata": {"lesson": "one"}}
        return Request(method="POST", segments=("stimuli",), purpose=Purpose.CREATE, body=body)

    def run(self, ownership: Ownership = EVERYTHING, **order: Any) -> Import:
        ask = Ask(actor="ada", ownership=ownership, progress=SilentProgress())
        chosen = Order(**{"base": "", **order})
        return import_objects(eyes(self.world), self.world.store, self.world.source, self.shelf, AIM, chosen, ask)

    def outcomes(self, **order: Any) -> dict[str, str]:
        return {str(one.key): one.outcome for one in self.run(**order).objects}


@pytest.fixture
def importing():
    importing = Importing()
    yield importing
    importing.world.close()


def test_everything_is_written_with_its_sidecar_and_recorded(importing):
    done = importing.run()
    assert sorted(name for name in importing.shelf.held if "~" not in name) == ["stimuli/s1.xml", "stimuli/s1.yaml"]
    assert len(importing.shelf.held) == 5
    named = {one.key: one for one in done.objects}
    assert (named[a_key("q1")].left_out, named[a_key("q1")].adopted) == (("difficulty",), True)
    assert importing.shelf.held[named[a_key("q1")].path.replace(".xml", ".yaml")] == b'grade: "5"\n'
    data = importing.shelf.held[named[a_key("Q1")].path]
    assert (b"\r" in data, digest_text(data.decode())) == (False, digest_text(item_xml("Q1")))
    assert {row.status for row in importing.world.store.recorded().values()} == {ItemStatus.SYNCED}
    assert importing.world.api.writes()[1:] == []


def test_a_second_import_changes_nothing_wherever_the_files_were_moved(importing):
    importing.run()
    before = dict(importing.shelf.held)
    assert set(importing.outcomes().values()) == {"same"}
    assert importing.shelf.held == before
    for name in list(importing.shelf.held):
        importing.shelf.held["moved/" + name] = importing.shelf.held.pop(name)
    before = dict(importing.shelf.held)
    assert set(importing.outcomes().values()) == {"same"}
    assert importing.shelf.held == before


def test_a_commit_of_what_was_imported_leaves_nothing_to_do(importing):
    importing.run()
    importing.world.source.commit(dict(importing.shelf.held))
    plan = importing.world.prepare().plan
    assert (plan.changes, plan.moves, plan.orphans, plan.holds, plan.unchanged) == ((), (), (), (), 3)
    importing.world.cycle()
    assert len(importing.world.api.writes()) == 1, "the one with which the test began"
    assert not any(row.protect for row in importing.world.store.recorded().values())


def test_a_file_that_differs_is_kept_unless_it_may_be_overwritten(importing):
    importing.run()
    path = next(name for name in importing.shelf.held if name.startswith("stimuli") and name.endswith(".xml"))
    importing.shelf.held[path] = stimulus_xml("s1", "Mine.").encode()
    before = dict(importing.shelf.held)
    assert importing.outcomes()["stimulus s1"] == "kept"
    assert importing.shelf.held == before
    assert importing.outcomes(overwrite=True)["stimulus s1"] == "replaced"
    assert importing.shelf.held != before


def test_what_git_has_elsewhere_is_not_written_a_second_time(importing):
    importing.world.source.commit({"there/q1.xml": item_xml("q1").encode()})
    assert importing.outcomes() == {"Q1": "new", "q1": "in_git", "stimulus s1": "new"}
    assert a_key("q1") not in importing.world.store.recorded()


def test_only_what_is_asked_for_and_ours_is_imported(importing):
    assert importing.outcomes(prefix="q") == {"q1": "new"}
    assert importing.outcomes(ownership=Ownership(prefixes=("q", "Q"))) == {
        "q1": "same", "Q1": "new", "stimulus s1": "not_ours",
    }  # fmt: skip
    assert importing.outcomes(ownership=Ownership(prefixes=("none-",)), foreign=True)["stimulus s1"] == "new"


def test_what_is_no_qti_3_is_told_and_not_written(importing):
    importing.world.api.items["q1"]["rawXml"] = "<!DOCTYPE a><a/>"
    importing.world.api.items["Q1"]["rawXml"] = item_xml("other")
    found = {one.key: one for one in importing.run().objects}
    assert (found[a_key("q1")].outcome, found[a_key("Q1")].outcome) == ("unreadable", "unreadable")
    assert found[a_key("Q1")].reason == "its XML is of other"
    assert sorted(importing.shelf.held) == ["stimuli/s1.xml", "stimuli/s1.yaml"]
