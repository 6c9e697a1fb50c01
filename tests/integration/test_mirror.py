"""The mirror of a repository elsewhere: what arrives, what a kill leaves, and who may fetch at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.adapters.mirror import MANY_PACKS, Mirror, mirror_folder
from qtisync.adapters.remote import Remote
from qtisync.errors import RepositoryError

FILE = frozenset({"file"})
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at what /proc shows")


@pytest.fixture
def repository(tmp_path: Path) -> RealRepository:
    made = RealRepository(tmp_path / "content.git")
    made.commit({"a.xml": b"1"})
    return made


class Told:
    """Keeps what a mirror notes."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.removed: list[str] = []

    def __call__(self, event: str, /, **fields: object) -> None:
        self.events.append(event)
        removed = fields.get("removed", [])
        assert isinstance(removed, list)
        self.removed += removed


def mirror_of(repository: RealRepository, tmp_path: Path, told: Told | None = None, timeout: float = 60) -> Mirror:
    remote = Remote(url=f"file://{repository.path}", protocols=FILE)
    return Mirror(tmp_path / "state", remote, timeout=timeout, note=told or Told())


def refusal(call: Callable[[], object]) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        call()
    assert caught.value.hint
    return caught.value


def head(path: Path) -> str:
    with closing(GitSource(path)) as source:
        return source.resolve("main")


def refs(path: Path) -> set[str]:
    shown = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname) %(objectname)"],
        cwd=path,
        env={**os.environ, "GIT_DIR": str(path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(shown.stdout.splitlines())


def fake_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a git on PATH that does ``script`` and then, if that has not ended it, what the real one does."""
    folder.mkdir()
    real = next(Path(part) / "git" for part in os.environ["PATH"].split(":") if (Path(part) / "git").exists())
    (folder / "git").write_text(f'#!/bin/sh\n{script}\nexec {real} "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_mirror_has_every_branch_and_tag_and_says_whether_one_moved(repository, tmp_path):
    mirror = mirror_of(repository, tmp_path)
    answers = [mirror.fetch(), mirror.fetch()]
    repository.commit({"a.xml": b"2"})
    repository.move_ref("refs/tags/v1", repository.git("rev-parse", "main"))
    answers += [mirror.fetch(), mirror.fetch()]

    assert answers == [True, False, True, False]
    assert refs(mirror.path) == refs(repository.path)
    assert mirror.path == mirror_folder(tmp_path / "state", f"file://{repository.path}")


def test_forced_push_deleted_branch_and_a_branch_that_becomes_a_folder(repository, tmp_path):
    old = repository.git("rev-parse", "main")
    repository.move_ref("topic", old)
    mirror = mirror_of(repository, tmp_path)
    mirror.fetch()
    repository.commit({"a.xml": b"2"})
    mirror.fetch()
    repository.move_ref("main", old)
    repository.move_ref("topic", None)
    repository.move_ref("topic/deeper", old)

    assert mirror.fetch()
    assert refs(mirror.path) == refs(repository.path)


def test_tags_that_point_elsewhere_now_follow(repository, tmp_path):
    repository.move_ref("refs/tags/live", repository.git("rev-parse", "main"))
    mirror = mirror_of(repository, tmp_path)
    mirror.fetch()
    repository.move_ref("refs/tags/live", repository.commit({"a.xml": b"2"}))

    assert mirror.fetch()
    assert refs(mirror.path) == refs(repository.path)


def test_ref_outside_of_branches_is_fetched_when_it_is_wanted(repository, tmp_path):
    repository.move_ref("refs/review/7", repository.git("rev-parse", "main"))
    remote = Remote(url=f"file://{repository.path}", protocols=FILE)
    Mirror(tmp_path / "state", remote, refs=("refs/review/7",)).fetch()

    assert refs(mirror_folder(tmp_path / "state", remote.url)) == refs(repository.path)


def test_what_another_mirror_of_the_same_address_brought_has_moved_for_this_one(repository, tmp_path):
    """Two daemons of two targets share the folder: the second must learn of what the first one fetched."""
    one, other = mirror_of(repository, tmp_path), mirror_of(repository, tmp_path)
    assert (one.fetch(), other.fetch()) == (True, False)
    repository.commit({"a.xml": b"2"})

    assert (one.fetch(), other.fetch()) == (True, True)


def test_other_address_is_another_mirror(repository, tmp_path):
    other = RealRepository(tmp_path / "other.git")
    other.commit({"b.xml": b"1"})
    first, second = mirror_of(repository, tmp_path), mirror_of(other, tmp_path)
    first.fetch()
    second.fetch()

    assert first.path != second.path
    assert refs(second.path) == refs(other.path)


def test_nothing_of_the_repository_is_run_and_nothing_is_checked_out(repository, tmp_path, monkeypatch):
    marker = tmp_path / "was-run"
    hook = tmp_path / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    templates = tmp_path / "templates"
    (templates / "hooks").mkdir(parents=True)
    (templates / "hooks" / hook.name).write_bytes(hook.read_bytes())
    (templates / "hooks" / hook.name).chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[core]\nhooksPath = {hook.parent}\n[init]\ntemplateDir = {templates}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(templates))
    repository.commit({".gitattributes": b"* filter=x\n", "sub": ("160000", b"a" * 40)})
    mirror = mirror_of(repository, tmp_path)

    assert mirror.fetch()
    assert not marker.exists()
    assert not (mirror.path / "hooks").exists()
    assert not (mirror.path / "index").exists()


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("ext::sh -c touch% /tmp/x", FILE),
        ("--upload-pack=touch /tmp/x", FILE),
        ("file:///tmp/x", frozenset({"https", "ssh"})),
        ("/tmp/x", FILE),
        ("git://127.0.0.1/x", frozenset({"https", "ssh"})),
        ("file:///tmp/x\n--upload-pack=y", FILE),
        ("transport::file:///tmp/x", FILE),
    ],
)
def test_addresses_that_are_commands_or_not_allowed_are_never_given_to_git(tmp_path, monkeypatch, url, allowed):
    fake_git(tmp_path / "bin", monkeypatch, f"touch {tmp_path}/was-run")
    mirror = Mirror(tmp_path / "state", Remote(url=url, protocols=allowed))

    assert refusal(mirror.fetch).reference == "url"
    assert not (tmp_path / "was-run").exists()


def test_first_fetch_makes_one_pack_and_many_small_ones_become_one_again(repository, tmp_path):
    mirror = mirror_of(repository, tmp_path)
    mirror.fetch()
    packs = mirror.path / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) == 1
    for number in range(MANY_PACKS):  # what as many fetches would have left
        for end in ("pack", "idx"):
            newest = next(packs.glob(f"*.{end}"))
            (packs / f"pack-{number:040x}.{end}").write_bytes(newest.read_bytes())
    mirror.fetch()

    assert len(list(packs.glob("*.pack"))) == 1
    assert head(mirror.path) == repository.git("rev-parse", "main")


def test_gc_that_fails_is_noted_and_fails_no_fetch(repository, tmp_path, monkeypatch):
    fake_git(tmp_path / "bin", monkeypatch, '[ "$1" = gc ] && exit 3')
    told = Told()

    assert mirror_of(repository, tmp_path, told).fetch()
    assert told.events == ["mirror_untidy", "mirror_made"]


def test_remote_that_is_not_there_has_words_and_leaves_no_mirror(tmp_path):
    mirror = Mirror(tmp_path / "state", Remote(url=f"file://{tmp_path}/nothing.git", protocols=FILE))

    assert refusal(mirror.fetch).reference == "remote-missing"
    assert (mirror.path.exists(), mirror.fetched_at()) == (False, None)


def test_repository_without_commits_is_a_mirror_without_branches(tmp_path):
    empty = RealRepository(tmp_path / "empty.git")
    mirror = mirror_of(empty, tmp_path)

    assert mirror.fetch()
    assert "no commits yet" in refusal(lambda: head(mirror.path)).hint


def test_state_that_cannot_be_written_has_words(repository, tmp_path):
    (tmp_path / "state").write_text("a file")

    assert refusal(mirror_of(repository, tmp_path).fetch).reference == "mirror-unusable"


def test_full_disk_has_words(repository, tmp_path, monkeypatch):
    said = "fatal: write error: No space left on device"
    fake_git(tmp_path / "bin", monkeypatch, f'[ "$1" = fetch ] && {{ echo "{said}" >&2; exit 128; }}')

    assert refusal(mirror_of(repository, tmp_path).fetch).reference == "disk-full"


def test_fetch_that_takes_too_long_is_ended_with_all_it_started(repository, tmp_path, monkeypatch):
    pids = tmp_path / "pids"
    fake_git(tmp_path / "bin", monkeypatch, f'[ "$1" = fetch ] && {{ sleep 61 & echo $! > {pids}; wait; exit; }}')
    error = refusal(mirror_of(repository, tmp_path, timeout=2).fetch)

    assert error.reference == "fetch-timeout"
    assert "repository.fetch_timeout" in error.hint
    wait_until(lambda: not alive(int(pids.read_text())))


def leave_rubbish(folder: Path) -> list[str]:
    """What killed gits were seen to leave behind."""
    names = [
        "packed-refs.lock",
        "shallow.lock",
        "HEAD.lock",
        "gc.pid",
        "refs/heads/main.lock",
        "refs/heads/deep/topic.lock",
        "objects/pack/tmp_pack_aB3dEf",
        "objects/pack/tmp_idx_aB3dEf",
        "objects/pack/pack-0123.keep",
        "objects/12/tmp_obj_xYz123",
        "objects/tmp_objdir-incoming-x/pack/tmp_pack_1",
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return names


def test_what_a_killed_git_left_is_removed_and_reported(repository, tmp_path):
    told = Told()
    mirror = mirror_of(repository, tmp_path, told)
    mirror.fetch()
    names = leave_rubbish(mirror.path)
    mirror.path.with_suffix(".lock").write_text('{"qtisync": [1, 1]}')  # and it had no time to say that it was done
    repository.commit({"a.xml": b"2"})

    assert mirror.fetch()
    assert set(told.removed) == {*names[:-1], "objects/tmp_objdir-incoming-x"}
    assert refs(mirror.path) == refs(repository.path)


def test_lock_that_nobody_told_of_costs_one_fetch(repository, tmp_path):
    """A machine that lost its power may have forgotten the note, not the lock."""
    told = Told()
    mirror = mirror_of(repository, tmp_path, told)
    mirror.fetch()
    (mirror.path / "refs/heads/main.lock").write_bytes(b"")
    repository.commit({"a.xml": b"2"})
    refusal(mirror.fetch)

    assert told.removed == ["refs/heads/main.lock"]
    assert mirror.fetch()
    assert refs(mirror.path) == refs(repository.path)


FETCHER = """
import sys
from pathlib import Path
from qtisync.adapters.mirror import Mirror
from qtisync.adapters.remote import Remote
Mirror(Path(sys.argv[1]), Remote(url=sys.argv[2], protocols=frozenset({"file"})), timeout=60).fetch()
"""


def fetcher(repository: RealRepository, tmp_path: Path) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", FETCHER, str(tmp_path / "state"), f"file://{repository.path}"]
    return subprocess.Popen(command, cwd=root)


@needs_proc
@pytest.mark.parametrize("first", [True, False])
def test_killed_process_leaves_an_orphaned_git_that_the_next_fetch_ends(repository, tmp_path, monkeypatch, first):
    mirror = mirror_of(repository, tmp_path)
    if not first:
        mirror.fetch()
        repository.commit({"a.xml": b"2"})
    pid = tmp_path / "pid"
    script = f'[ "$1" = fetch ] && {{ : > "$GIT_DIR/packed-refs.lock"; echo $$ > {pid}; exec sleep 61; }}'
    fake_git(tmp_path / "bin", monkeypatch, script)
    killed = fetcher(repository, tmp_path)
    wait_until(lambda: pid.exists() and pid.read_text())
    killed.kill()
    killed.wait()
    monkeypatch.undo()
    assert alive(int(pid.read_text())), "the orphan must live for this test"

    assert mirror.fetch()
    assert not alive(int(pid.read_text()))
    assert refs(mirror.path) == refs(repository.path)
    assert not mirror.path.with_suffix(".making").exists()


@needs_proc
def test_killed_git_child_fails_one_fetch_and_not_the_next(repository, tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    mirror = mirror_of(repository, tmp_path)
    fake_git(tmp_path / "bin", monkeypatch, f'[ "$1" = fetch ] && {{ echo $$ > {pid}; exec sleep 61; }}')
    errors: list[RepositoryError] = []
    fetching = threading.Thread(target=lambda: errors.append(refusal(mirror.fetch)))
    fetching.start()
    wait_until(lambda: pid.exists() and pid.read_text())
    os.kill(int(pid.read_text()), signal.SIGKILL)
    fetching.join(60)
    monkeypatch.undo()

    assert "signal 9" in errors[0].message
    assert mirror.fetch()


def test_half_made_mirror_that_git_cannot_use_is_made_anew(repository, tmp_path):
    mirror = mirror_of(repository, tmp_path)
    half = mirror.path.with_suffix(".making")
    (half / "objects").mkdir(parents=True)
    (half / "HEAD").write_text("not a ref")

    assert mirror.fetch()
    assert refs(mirror.path) == refs(repository.path)


def test_two_processes_and_two_threads_fetch_one_after_the_other(repository, tmp_path):
    processes = [fetcher(repository, tmp_path) for _ in range(2)]
    threads = [threading.Thread(target=mirror_of(repository, tmp_path).fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    codes = [process.wait(60) for process in processes]

    assert codes == [0, 0]
    assert refs(mirror_folder(tmp_path / "state", f"file://{repository.path}")) == refs(repository.path)


@needs_proc
def test_wait_for_another_fetch_is_bounded_and_spares_who_lives(repository, tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    script = f'[ "$1" = fetch ] && [ ! -e {pid} ] && {{ echo $$ > {pid}; exec sleep 61; }}'
    fake_git(tmp_path / "bin", monkeypatch, script)
    slow = mirror_of(repository, tmp_path)
    errors: list[RepositoryError] = []
    fetching = threading.Thread(target=lambda: errors.append(refusal(slow.fetch)))
    fetching.start()
    wait_until(lambda: pid.exists() and pid.read_text())

    assert refusal(mirror_of(repository, tmp_path, timeout=1).fetch).reference == "fetch-busy"
    assert alive(int(pid.read_text()))
    slow.close()
    fetching.join(60)
    assert errors[0].message == "The fetch was ended."
    assert not alive(int(pid.read_text()))


def test_closed_mirror_fetches_nothing(repository, tmp_path):
    mirror = mirror_of(repository, tmp_path)
    mirror.close()

    refusal(mirror.fetch)
    assert not mirror.path.exists()


@needs_proc
@pytest.mark.slow
def test_fifty_fetches_leave_no_process_and_no_descriptor(repository, tmp_path):
    def ours() -> tuple[int, int]:
        children = [
            line for task in Path("/proc/self/task").iterdir() for line in (task / "children").read_text().split()
        ]
        return len(children), len(list(Path("/proc/self/fd").iterdir()))

    mirror = mirror_of(repository, tmp_path)
    mirror.fetch()
    before = ours()
    for number in range(50):
        repository.commit({"a.xml": b"%d" % number})
        assert mirror.fetch()
    after = ours()

    assert after[0] == before[0]
    assert after[1] <= before[1]
