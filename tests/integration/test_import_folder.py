"""A folder into which files are imported: whole or not at all, and never outside of it."""

from __future__ import annotations

import pytest

from qtisync.adapters.import_folder import ImportFolder, base_in_repository
from qtisync.engine.importing import Shelf
from qtisync.errors import QtisyncError


def test_a_file_is_new_then_the_same_then_differs(tmp_path):
    folder: Shelf = ImportFolder(tmp_path / "in")
    assert folder.state("items/a.xml", b"1") == "new"
    folder.write("items/a.xml", b"1")
    assert (folder.state("items/a.xml", b"1"), folder.state("items/a.xml", b"2")) == ("same", "differs")
    folder.write("items/a.xml", b"2")
    assert list(folder.files(".xml")) == [("items/a.xml", b"2")]
    assert [p.name for p in (tmp_path / "in/items").iterdir()] == ["a.xml"], "nothing temporary is left"


@pytest.mark.parametrize("name", ["../a.xml", "/etc/a.xml", "a/../../b.xml", ".git/hooks/post-commit", "", "a\x00b"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    folder = ImportFolder(tmp_path / "in")
    for attempt in (lambda: folder.write(name, b"x"), lambda: folder.state(name, b"x")):
        with pytest.raises(QtisyncError) as caught:
            attempt()
        assert caught.value.reference == "outside-folder"
    assert [p.name for p in tmp_path.iterdir()] in ([], ["in"])


def test_no_link_leads_out_of_the_folder(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "b.xml").write_bytes(b"theirs")
    (inside / "items").symlink_to(outside)
    (inside / "c.xml").symlink_to(outside / "b.xml")
    folder = ImportFolder(inside)
    for name in ("items/a.xml", "c.xml"):
        with pytest.raises(QtisyncError, match="would not lie in"):
            folder.write(name, b"x")
    assert ([p.name for p in outside.iterdir()], (outside / "b.xml").read_bytes()) == (["b.xml"], b"theirs")
    assert list(folder.files(".xml")) == []


def test_a_folder_that_is_a_link_itself_can_be_imported_into(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    ImportFolder(tmp_path / "link").write("a.xml", b"x")
    assert (tmp_path / "real/a.xml").read_bytes() == b"x"


def test_a_file_that_cannot_be_written_is_told_and_the_old_one_stays(tmp_path):
    folder = ImportFolder(tmp_path)
    (tmp_path / "items").write_bytes(b"a file where a folder is needed")
    with pytest.raises(QtisyncError) as caught:
        folder.write("items/a.xml", b"x")
    assert caught.value.reference == "import-unwritable"
    (tmp_path / "b.xml").mkdir()
    with pytest.raises(QtisyncError):
        folder.state("b.xml", b"x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.xml", "items"]


def test_the_place_in_a_repository_is_found_from_its_working_tree(tmp_path):
    assert base_in_repository(tmp_path / "x") is None or ".git" not in str(tmp_path)
    (tmp_path / "repo/.git").mkdir(parents=True)
    assert base_in_repository(tmp_path / "repo") == ""
    assert base_in_repository(tmp_path / "repo/a/b") == "a/b/"
