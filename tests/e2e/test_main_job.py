"""A commit becomes the API, with exactly the calls that it needs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from world import CORPUS, World, item_xml, stimulus_xml

from qtisync.report.schema import REPORT_SCHEMA

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        yield made


def test_first_sync_creates_every_item_once_and_a_second_sends_nothing(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a"), "b.xml": item_xml("q-b"), "b.yaml": "grade: 5\n"})

    first = world.report("sync", code=0)
    assert world.writes() == [("POST", "/assessment-items"), ("POST", "/assessment-items")]
    assert first["summary"]["applied"] == 2
    assert world.api.world.item("q-b").metadata == {"grade": "5"}

    world.api.journal.clear()
    second = world.report("sync", code=0)
    assert world.calls() == []
    assert second["summary"]["noop"] == 2
    assert world.report("plan", "--detailed-exitcode", code=0)["items"] == []


def test_every_report_fits_the_published_schema(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a"), "broken.xml": "<qti-assessment-item"})
    for command in (("plan",), ("sync",), ("status",), ("validate",), ("apply", "--yes")):
        jsonschema.validate(world.report(*command), REPORT_SCHEMA)


def test_plan_and_status_write_nothing_anywhere(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a")})
    assert world.run("plan").code == 0
    assert not (world.folder / "state").exists()
    world.report("sync", code=0)
    before = {path.name: path.read_bytes() for path in (world.folder / "state").iterdir()}
    world.api.journal.clear()
    world.commit({"a.xml": item_xml("q-a", "Changed?")})
    for command in (("plan",), ("status",), ("queue", "ls"), ("validate",)):
        world.run(*command)
    assert {path.name: path.read_bytes() for path in (world.folder / "state").iterdir()} == before
    assert world.calls() == []


def test_edit_of_a_key_is_one_put_and_pointed_out(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a"), "b.xml": item_xml("q-b")})
    world.report("sync", code=0)
    world.api.journal.clear()
    world.commit({"a.xml": item_xml("q-a", key="B")})

    plan = world.report("plan", "--detailed-exitcode", code=2)
    assert [(i["identifier"], i["action"], i["scope"], i["risk"]) for i in plan["items"]] == [
        ("q-a", "update", ["content"], ["answer_key"])
    ]
    world.report("sync", code=0)
    assert world.writes() == [("PUT", "/assessment-items/q-a")]
    assert "<qti-value>B</qti-value>" in world.api.world.item("q-a").xml


def test_rename_in_place_is_reported_and_deletes_nothing(world: World) -> None:
    world.commit({"a.xml": item_xml("q-old")})
    world.report("sync", code=0)
    world.api.journal.clear()
    world.commit({"a.xml": item_xml("q-new")})

    report = world.report("sync", code=0)
    assert [(i["identifier"], i["action"], i["renamed_from"]) for i in report["items"]] == [
        ("q-new", "create", "q-old")
    ]
    assert [(o["identifier"], o["renamed_to"]) for o in report["orphans"]] == [("q-old", "q-new")]
    assert world.writes() == [("POST", "/assessment-items")]
    assert set(world.api.world.items()) == {"q-old", "q-new"}


def test_moved_and_reformatted_files_send_nothing(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a"), "b.xml": item_xml("q-b")})
    world.report("sync", code=0)
    world.api.journal.clear()
    reformatted = item_xml("q-b").replace("\n", "\r\n").replace("  <qti-item-body>", "      <qti-item-body>")
    world.commit({"a.xml": None, "deep/er/a.xml": item_xml("q-a"), "b.xml": reformatted})
    report = world.report("sync", code=0)
    assert world.calls() == []
    assert report["summary"]["moved"] == 1


def test_stimulus_goes_before_the_item_that_uses_it(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a", references="s-1"), "z.xml": stimulus_xml("s-1")})
    world.report("sync", code=0)
    assert world.writes() == [("POST", "/stimuli"), ("POST", "/assessment-items")]


def test_item_of_a_broken_stimulus_is_blocked_with_the_blocker_named(world: World) -> None:
    world.commit(
        {"a.xml": item_xml("q-a", references="s-1"), "z.xml": stimulus_xml("s-1", "<b>open").replace("</p>", "")}
    )
    report = world.report("sync", code=3)
    # The stimulus cannot be read, so that nobody knows its identifier: the API says what is missing.
    assert report["items"][0]["outcome"]["status"] == "parked"
    assert "RequestError 400" in report["items"][0]["outcome"]["error"]
    world.commit({"z.xml": stimulus_xml("s-1")})
    assert world.run("retry", "--failed").code == 0
    assert world.report("sync", code=0)["summary"]["applied"] == 2


def test_saved_plan_is_applied_only_to_the_world_it_was_made_from(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a")})
    assert world.run("plan", "--out", "p.json").code == 0
    world.commit({"a.xml": item_xml("q-a", "Other?")})
    stale = world.run("apply", "p.json")
    assert stale.code == 5
    assert "is stale" in stale.err
    assert world.calls() == []
    assert world.run("plan", "--out", "p.json").code == 0
    assert world.run("apply", "p.json").code == 0
    assert world.writes() == [("POST", "/assessment-items")]


def test_mass_update_is_held_and_the_printed_command_continues_it(world: World) -> None:
    world.commit({f"{n}.xml": item_xml(f"q-{n}") for n in range(12)})
    world.report("sync", code=0)
    world.api.journal.clear()
    world.commit({f"{n}.xml": item_xml(f"q-{n}", "Changed?") for n in range(12)})
    held = world.run("sync")
    assert held.code == 4
    assert world.calls() == []
    command = held.err[held.err.index("qtisync apply") :].split()
    assert command[:2] == ["qtisync", "apply"]
    assert command[3:5] == ["--allow", "mass-update"]
    assert world.run(*command[1:5]).code == 0
    assert len(world.writes()) == 12


def test_emptied_branch_is_held(world: World) -> None:
    world.commit({"a.xml": item_xml("q-a")})
    world.report("sync", code=0)
    world.commit({"a.xml": None, "README": "gone"})
    held = world.run("sync")
    assert held.code == 4
    assert "empty-snapshot" in held.err


def folders_of_truth(files: list[tuple[str, str]]) -> list[list[str]]:
    """Files of each repository, so that no repository has an identifier twice."""
    seen: dict[str, int] = {}
    waves: list[list[str]] = []
    for name, identifier in files:
        wave = seen.get(identifier, 0)
        seen[identifier] = wave + 1
        waves.extend([[]] if wave == len(waves) else [])
        waves[wave].append(name)
    return waves


@needs_corpus
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_item_of_the_corpus_is_applied_or_refused_with_a_reason(tmp_path: Path) -> None:
    with (CORPUS / "MANIFEST.csv").open() as manifest:
        rows = [row for row in csv.DictReader(manifest) if row["category"] == "items"]
    applied = 0
    for number, names in enumerate(folders_of_truth([(row["file"], row["identifier"]) for row in rows])):
        with World(tmp_path / str(number)) as world:
            world.commit({name: (CORPUS / name).read_bytes() for name in names})
            report = world.report("sync")
            accepted = {i["path"] for i in report["items"] if i["outcome"]["status"] == "applied"}
            refused = {i["path"]: i["outcome"]["error"] for i in report["items"] if i["path"] not in accepted}
            broken = {b["path"]: b["message"] for b in report["broken"]}
            assert accepted | refused.keys() | broken.keys() == set(names)
            assert all(refused.values())
            assert all(broken.values())
            creates = [e for e in world.api.journal.writes() if e.status == 201]
            assert len(creates) == len(accepted) == len({e.identifier for e in creates})
            world.api.journal.clear()
            world.report("sync")
            assert world.calls() == []
            plan = world.report("plan")
            assert [i for i in plan["items"] if i["action"] != "none"] == []
            applied += len(accepted)
    print(f"{applied} of {len(rows)} applied")
    assert applied >= len(rows) * 0.9


@needs_corpus
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_real_edits_send_one_write_each_or_none_if_they_are_equal(tmp_path: Path) -> None:
    with (CORPUS / "EDITS.csv").open() as table:
        rows = list(csv.DictReader(table))
    pairs = {row["n"]: row["same_qti_canon"] == "1" for row in rows if (CORPUS / f"edits/{row['n']}_old.xml").exists()}
    by_identifier: list[tuple[str, str]] = []
    for number in pairs:
        olds = (CORPUS / f"edits/{number}_old.xml").read_bytes(), (CORPUS / f"edits/{number}_new.xml").read_bytes()
        by_identifier.append((number, f"{identifier_of(olds[0])} {identifier_of(olds[1])}"))
    checked = 0
    for wave, numbers in enumerate(disjoint(by_identifier)):
        with World(tmp_path / str(wave), target={"max_update": "100%"}) as world:
            world.commit({f"{n}.xml": (CORPUS / f"edits/{n}_old.xml").read_bytes() for n in numbers})
            first = world.report("sync")
            good = {i["path"] for i in first["items"] if i["outcome"]["status"] == "applied"}
            world.api.journal.clear()
            world.commit({f"{n}.xml": (CORPUS / f"edits/{n}_new.xml").read_bytes() for n in numbers})
            held = world.run("plan", "--out", "plan.json", "--format", "json").report["holds"]
            allowed = [word for hold in held for word in ("--allow", hold["rule"])]
            report = world.report("apply", "plan.json", *allowed)
            assert not [e for e in world.api.journal.entries() if e.method == "DELETE"]
            writes = [e.identifier for e in world.api.journal.writes()]
            for n in numbers:
                path = f"{n}.xml"
                broken_now = any(b["path"] == path for b in report["broken"])
                if path not in good or broken_now:
                    continue
                new = identifier_of((CORPUS / f"edits/{n}_new.xml").read_bytes())
                old = identifier_of((CORPUS / f"edits/{n}_old.xml").read_bytes())
                assert writes.count(new) == (0 if pairs[n] else 1), (n, pairs[n])
                if new != old:
                    item = next(i for i in report["items"] if i["path"] == path)
                    assert (item["action"], item["renamed_from"]) == ("create", old)
                    assert old in world.api.world.items()
                checked += 1
    print(f"{checked} of {len(pairs)} pairs checked")
    assert checked >= len(pairs) * 0.9


def identifier_of(data: bytes) -> str:
    from lxml import etree

    return etree.fromstring(data).get("identifier") or ""


def disjoint(pairs: list[tuple[str, str]]) -> list[list[str]]:
    """Numbers grouped so that no group has an identifier twice."""
    groups: list[tuple[list[str], set[str]]] = []
    for number, identifiers in pairs:
        names = set(identifiers.split())
        for members, taken in groups:
            if not names & taken:
                members.append(number)
                taken.update(names)
                break
        else:
            groups.append(([number], names))
    return [members for members, _ in groups]
