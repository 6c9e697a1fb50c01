"""How folders are followed, with a kernel that sees nothing by itself: the test tells it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from watching import Health

from qtisync.adapters.watch_ports import Happening, Kernel, Listener, Notice
from qtisync.adapters.watch_words import NO_EVENTS
from qtisync.adapters.watched_folders import FolderWatcher


class Script:
    """A kernel; folders that are the same inode have the same watch, as in the real one."""

    def __init__(self) -> None:
        self.watched: dict[int, str] = {}
        self.alive = True
        self.listener: Listener | None = None
        self.refuses: Exception | None = None

    def open(self, listener: Listener) -> Kernel:
        if self.refuses is not None:
            raise self.refuses
        self.listener = listener
        return self

    def add(self, folder: str) -> int:
        watch = Path(folder).stat().st_ino
        self.watched[watch] = folder
        return watch

    def drop(self, watch: int) -> None:
        del self.watched[watch]

    def close(self) -> None:
        self.alive = False

    def tell(self, folder: Path, what: Happening, name: str = "", *, is_folder: bool = False) -> None:
        watch = next(watch for watch, path in self.watched.items() if path == str(folder))
        self.listener.noticed(Notice(watch, what, name, is_folder))


class Everything:
    """Places that leave nothing out."""

    def __init__(self, *roots: Path, follows: bool = True) -> None:
        self._roots, self.follows, self.busy, self.outdated = roots, follows, False, False

    def roots(self) -> Sequence[str]:
        return [str(root.resolve(strict=True)) for root in self._roots]

    def prepare(self) -> None:
        self.outdated = False

    def enters(self, folder: str, name: str) -> bool:
        del folder
        return name != "closed"

    def rings(self, folder: str, name: str, what: Happening, *, is_folder: bool) -> bool:
        del folder, what, is_folder
        return name != "quiet"

    def at_poll(self) -> bool:
        return self.outdated


@pytest.fixture
def kernel() -> Script:
    return Script()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    for name in ("top/a/b", "top/closed/c", "elsewhere/d"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "top"


def watcher_of(kernel: Script, places: Everything, rings: list[None], health: Health | None = None) -> FolderWatcher:
    made = FolderWatcher(places, lambda: rings.append(None), health, kernel.open)
    made.start()
    return made


def test_all_folders_that_are_entered_are_watched_and_links_lead_on(kernel, top):
    (top / "link").symlink_to(top.parent / "elsewhere")
    (top / "a/up").symlink_to(top)
    watcher_of(kernel, Everything(top), [])

    found = {Path(path).relative_to(top).as_posix() for path in kernel.watched.values()}
    assert found == {".", "a", "a/b", "link", "link/d"}


def test_a_folder_with_two_names_is_watched_by_the_one_that_is_left(kernel, top):
    (top / "link").symlink_to("a")
    watcher_of(kernel, Everything(top), [])
    (top / "link").unlink()
    kernel.tell(top, Happening.DELETED, "link")

    assert set(kernel.watched.values()) == {str(top), str(top / "a"), str(top / "a/b")}


def test_a_folder_that_moved_while_events_were_lost_is_watched_by_its_new_name(kernel, top):
    watcher_of(kernel, Everything(top), [])
    (top / "a").rename(top / "z")
    kernel.listener.overflowed()

    assert set(kernel.watched.values()) == {str(top), str(top / "z"), str(top / "z/b")}


def test_links_that_are_not_followed_are_not_watched(kernel, top):
    (top / "link").symlink_to(top.parent / "elsewhere")
    watcher_of(kernel, Everything(top, follows=False), [])

    assert set(kernel.watched.values()) == {str(top), str(top / "a"), str(top / "a/b")}


def test_a_link_that_comes_is_followed_and_one_that_goes_is_let_go_of(kernel, top):
    rings: list[None] = []
    watcher_of(kernel, Everything(top), rings)
    (top / "link").symlink_to(top.parent / "elsewhere")
    kernel.tell(top, Happening.CREATED, "link")
    came = set(kernel.watched.values())
    (top / "link").unlink()
    kernel.tell(top, Happening.DELETED, "link")

    assert came - set(kernel.watched.values()) == {str(top / "link"), str(top / "link/d")}
    assert len(rings) == 2


def test_a_file_rings_when_it_is_written_not_when_it_is_made(kernel, top):
    rings: list[None] = []
    watcher_of(kernel, Everything(top), rings)
    (top / "new").touch()
    counts = []
    for what, name in [(Happening.CREATED, "new"), (Happening.WRITTEN, "new"), (Happening.WRITTEN, "quiet")]:
        kernel.tell(top, what, name)
        counts.append(len(rings))

    assert counts == [0, 1, 1]


def test_nothing_rings_while_somebody_is_at_work(kernel, top):
    rings: list[None] = []
    places = Everything(top)
    watcher_of(kernel, places, rings)
    places.busy = True
    (top / "new").mkdir()
    kernel.tell(top, Happening.CREATED, "new", is_folder=True)

    assert (rings, str(top / "new") in kernel.watched.values()) == ([], True)


def test_what_happened_in_a_folder_that_is_no_longer_watched_is_nothing(kernel, top):
    rings: list[None] = []
    watcher_of(kernel, Everything(top), rings)
    kernel.listener.ended(next(iter(kernel.watched)))
    kernel.listener.noticed(Notice(4711, Happening.WRITTEN, "a", folder=False))
    kernel.listener.ended(4711)

    assert rings == []


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (ImportError("no inotify"), NO_EVENTS),
        (
            RuntimeError("can't start new thread"),
            "The repository cannot be watched (can't start new thread): changes are noticed by polling only.",
        ),
    ],
)
def test_without_events_it_says_so_once_and_again_when_they_are_back(kernel, top, refusal, words):
    health, rings = Health(), []
    kernel.refuses = refusal
    watcher = watcher_of(kernel, Everything(top), rings, health)
    watcher.revive()
    kernel.refuses = None
    watcher.revive()
    watcher.revive()

    assert health.told == [(words,), ()]
    assert len(rings) == 2  # whatever was missed until then


def test_what_is_outdated_is_looked_at_again_at_a_poll(kernel, top):
    rings: list[None] = []
    places = Everything(top)
    watcher = watcher_of(kernel, places, rings)
    (top / "new").mkdir()
    watcher.revive()
    before = str(top / "new") in kernel.watched.values()
    places.outdated = True
    watcher.revive()

    assert (before, str(top / "new") in kernel.watched.values(), len(rings)) == (False, True, 1)
