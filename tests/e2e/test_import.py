"""import and adopt, as a user runs them: a world that was there before us becomes a repository, and nothing is sent."""

from __future__ import annotations

import os

import pytest
from world import World, item_xml

from qtisync.adapters.store import open_store

ODD = ("q-1", "Q-1", "Größe", "con", "a.b", "季語")
COUNT = int(os.environ.get("IMPORT_COUNT", "120"))  # 2,000 was run by hand


@pytest.fixture
def world(tmp_path):
    with World(tmp_path) as world:
        yield world


def fill(world: World, count: int) -> None:
    for n in range(count):
        metadata = {"grade": str(n % 13), "difficulty": "easy", "topic": ["a", 1.5, None], "no": "yes"}
        world.api.world.put_item(f"q{n:05}", item_xml(f"q{n:05}", f"Number {n}?"), metadata)
    for name in ODD:
        world.api.world.put_item(name, item_xml(name), {"subject": "Math", "reportedBy": "x\ny: 'z'"})
    world.api.world.put_stimulus("s1", "Read", "<p>A &lt; B</p>", {"lesson": "1.10"})


def tree(world: World) -> dict[str, bytes]:
    files = (path for path in world.content.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(world.content).as_posix(): path.read_bytes() for path in files}


def test_what_was_there_is_imported_committed_and_leaves_nothing_to_do(world):
    fill(world, COUNT)
    first = world.report("import", "content", code=0)
    assert {one["outcome"] for one in first["objects"]} == {"new"}
    assert {one["adopted"] for one in first["objects"]} == {True}
    assert len(first["objects"]) == COUNT + len(ODD) + 1
    files = tree(world)
    assert len({name.casefold() for name in files}) == len(files) == 2 * len(first["objects"])

    world.git("add", "--all")
    world.git("commit", "-q", "-m", "import")
    plan = world.report("plan", code=0)
    assert (plan["items"], plan["broken"], plan["holds"], plan["summary"]["moved"]) == ([], [], [], 0)
    assert world.report("sync", code=0)["items"] == []
    assert world.report("status")["status"]["in_sync"]

    again = world.report("import", "content", code=0)
    assert {one["outcome"] for one in again["objects"]} == {"same"}
    assert tree(world) == files
    assert world.git("status", "--porcelain") == ""
    assert world.writes() == []


def test_a_file_that_differs_is_kept_and_named_unless_overwrite_is_said(world):
    fill(world, 2)
    assert world.run("import", "content").code == 0
    mine = world.content / "items/q00000.yaml"
    mine.write_text("grade: 9\n")
    kept = world.run("import", "content")
    assert (kept.code, "items/q00000.yaml" in kept.out, mine.read_text()) == (3, True, "grade: 9\n")
    assert world.run("import", "content", "--overwrite").code == 0
    assert mine.read_text() != "grade: 9\n"


def test_no_identifier_leads_out_of_the_folder(world):
    world.api.world.put_item("q1", item_xml("q1"), {})
    before = sorted(p.name for p in world.folder.iterdir())
    for name in ("../evil", "/etc/evil", "..", "a/b"):
        world.api.world.put_item(name, item_xml("q1").replace('"q1" title', f'"{name}" title'), {})
    done = world.report("import", "content/in", code=3)
    assert [one["outcome"] for one in done["objects"]].count("new") == 1
    assert sorted(p.name for p in world.folder.iterdir() if p.name != "state") == before
    assert sorted(tree(world)) == ["in/items/q1.xml"]


def test_adopted_objects_are_ours_and_what_git_wants_otherwise_is_pending(world):
    fill(world, 2)
    world.commit({"q0.xml": item_xml("q00000", "Number 0?"), "q1.xml": item_xml("q00001", "Mine?")})
    shown = world.run("adopt", "--prefix", "q0")
    assert (shown.code, "Nobody was there to agree" in shown.err, "q00001" in shown.out) == (4, True, True)
    adopted = world.report("adopt", "--prefix", "q0", "--yes", code=0)["adopted"]
    assert [(one["identifier"], one["standing"]) for one in adopted] == [
        ("q00000", "as_in_git"),
        ("q00001", "git_differs"),
    ]
    assert world.writes() == []
    assert [item["identifier"] for item in world.report("plan")["items"]] == ["q00001"]
    assert world.run("sync").code == 0
    assert world.writes() == [("PUT", "/assessment-items/q00001")]
    assert world.report("audit", "q00000")["entries"][0]["purpose"] == "adopt"
    assert world.report("adopt", "q00000", "--yes", code=0)["skipped"][0]["reason"] == "ours already"


def test_adopting_from_a_file_skips_what_is_not_ours_unless_foreign_is_said(world):
    fill(world, 2)
    world.commit({})
    world.configure(owned_prefixes=["q00000"])
    (world.folder / "ids.txt").write_text("# ours\nq00000\n\nq00001\nnobody\n")
    some = world.report("adopt", "--file", "ids.txt", "--yes", code=3)
    assert ([one["identifier"] for one in some["adopted"]], some["missing"]) == (["q00000"], ["nobody"])
    assert [one["identifier"] for one in some["skipped"]] == ["q00001"]
    assert world.report("adopt", "q00001", "--foreign", "--yes", code=0)["adopted"][0]["standing"] == "not_in_git"
    for asked in (["adopt"], ["adopt", "--prefix", ""], ["adopt", "--file", "nowhere"]):
        assert world.run(*asked).code == 64


def test_beside_a_daemon_taking_over_names_who_holds_the_record(world):
    with_open = open_store(world.folder / "state", "test", holder="qtisync run")
    for asked in (["adopt", "q1", "--yes"], ["import", "content"], ["state", "rebuild"]):
        refused = world.run(*asked)
        assert (refused.code, "qtisync run" in refused.err) == (6, True)
    with_open.close()
