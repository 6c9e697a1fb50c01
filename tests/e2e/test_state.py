"""state check, export, forget: look into the record and mend it, beside whoever holds it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from world import World, item_xml

from qtisync.adapters.store import open_store


@pytest.fixture
def world(tmp_path):
    with World(tmp_path) as world:
        world.commit({"a.xml": item_xml("a"), "a.yaml": "modelAnswer: secret-42\n", "b.xml": item_xml("b")})
        assert world.run("sync").code == 0
        world.api.journal.clear()
        yield world


def test_a_sound_record_is_said_to_be_sound_and_a_damaged_one_not(world):
    sound = world.run("state", "check")
    assert (sound.code, sound.out.startswith("The record is sound: 2 objects.")) == (0, True)
    with closing(sqlite3.connect(world.folder / "state/test.sqlite3")) as file, file:
        file.execute("UPDATE setting SET value = '{'")
    spoiled = world.report("state", "check", code=1)
    assert (spoiled["sound"], spoiled["findings"][0]["message"][:22]) == (False, "damaged: the setting '")


def test_what_is_forgotten_is_looked_at_anew_and_not_written_again(world):
    assert world.run("state", "forget", "a").code == 0
    assert [item["identifier"] for item in world.report("plan")["items"]] == ["a"]
    assert world.run("sync").code == 0
    assert [method for method, _ in world.writes()] == ["POST"], (
        "the API says that it exists; it is read and is the same"
    )
    assert world.report("plan")["items"] == []
    purposes = [entry["purpose"] for entry in world.report("audit", "a")["entries"]]
    assert purposes == ["create", "forget", "create", "pre_read"]
    assert world.run("state", "forget", "zzz").code == 64


def test_what_is_in_flight_is_not_forgotten(world):
    with closing(sqlite3.connect(world.folder / "state/test.sqlite3")) as file, file:
        file.execute("UPDATE item SET status = 'in_flight', lease_owner = 'w', lease_until = 1 WHERE identifier = 'a'")
    refused = world.run("state", "forget", "a", "b")
    assert (refused.code, "in flight" in refused.err) == (64, True)
    rows = world.run("state", "export").out.splitlines()
    assert len(rows) == 2
    checked = world.run("state", "check")
    assert (checked.code, "in flight under a lease" in checked.out) == (0, True)


def test_an_export_has_every_row_and_no_value_of_metadata_unless_it_is_asked_for(world):
    rows = [json.loads(line) for line in world.run("state", "export").out.splitlines()]
    assert [(row["identifier"], row["status"], row["desired_metadata"]) for row in rows] == [
        ("a", "synced", ["modelAnswer"]), ("b", "synced", []),
    ]  # fmt: skip
    out = world.run("state", "export").out
    assert ("secret-42" in out, "Two plus two" in out, world.api.client_secret in out) == (False, False, False)
    assert "secret-42" in world.run("state", "export", "--show-content").out


def test_while_another_process_holds_the_record_reading_works_and_writing_names_it(world):
    with closing(open_store(world.folder / "state", "test", holder="qtisync run")):
        for asked in (["state", "check"], ["state", "export"], ["audit"], ["audit", "--verify"]):
            assert world.run(*asked).code == 0
        refused = world.run("state", "forget", "a")
    assert (refused.code, "qtisync run" in refused.err) == (6, True)
