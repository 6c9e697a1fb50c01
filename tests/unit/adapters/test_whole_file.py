"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from qtisync.adapters.whole_file import overwrite, write_whole


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_file_is_replaced_in_one_step_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")
    with file.open() as reader:
        write_whole(file, b"new")
        assert reader.read() == "old"  # who reads it meanwhile has the whole old one

    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_what_fails_leaves_the_old_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_permissions_are_those_that_are_asked_for_or_the_usual_ones(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "usual", b"")
        write_whole(tmp_path / "hook", b"", mode=0o755)
    finally:
        os.umask(before)

    assert (mode(tmp_path / "usual"), mode(tmp_path / "hook")) == (0o640, 0o755)


def test_link_is_replaced_unless_a_person_named_it(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    link = tmp_path / "link"
    link.symlink_to("real")
    overwrite(link, b"through the link")
    assert (link.is_symlink(), (tmp_path / "real").read_bytes()) == (True, b"through the link")

    write_whole(link, b"instead of it")
    assert (link.is_symlink(), (tmp_path / "real").read_bytes()) == (False, b"through the link")


def test_device_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        overwrite(pipe, b"a plan")
        assert os.read(reader, 100) == b"a plan"
    finally:
        os.close(reader)

    assert stat.S_ISFIFO(pipe.stat().st_mode)
