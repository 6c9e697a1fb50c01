"""How editors and tools save a file, call by call as they were seen to do it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path


def in_place(path: Path, text: str) -> None:
    """VS Code, nano, IDLE: truncate and write."""
    path.write_text(text)


def in_two_halves(path: Path, text: str) -> None:
    """A slow disk, or an editor that writes by the page."""
    with path.open("w") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        os.fsync(file.fileno())
        file.write(text[len(text) // 2 :])


def vim(path: Path, text: str) -> None:
    """Swap file, a probe of the folder, the old file as backup, the new one, the backup away."""
    swap, probe, backup = path.with_name(f".{path.name}.swp"), path.with_name("4913"), path.with_name(f"{path.name}~")
    swap.write_bytes(b"b0VIM")
    probe.touch()
    probe.unlink()
    path.rename(backup)
    path.write_text(text)
    backup.unlink()
    swap.unlink()


def gedit(path: Path, text: str) -> None:
    """GNOME: another file, renamed over the old one, which stays as backup."""
    draft = path.with_name(".goutputstream-2WAB01")
    draft.write_text(text)
    backup = path.with_name(f"{path.name}~")
    backup.unlink(missing_ok=True)
    os.link(path, backup)
    draft.rename(path)


def emacs(path: Path, text: str) -> None:
    """A lock that is a link, unsaved text, a backup by rename."""
    lock, unsaved, backup = (
        path.with_name(f".#{path.name}"),
        path.with_name(f"#{path.name}#"),
        path.with_name(f"{path.name}~"),
    )
    lock.symlink_to("ada@host.4711")
    unsaved.write_text(text[:10])
    path.rename(backup)
    path.write_text(text)
    unsaved.unlink()
    lock.unlink()


def jetbrains(path: Path, text: str) -> None:
    """Safe write: a new file, the old one aside, the new one in its place."""
    new, old = path.with_name(f"{path.name}___jb_tmp___"), path.with_name(f"{path.name}___jb_old___")
    new.write_text(text)
    path.rename(old)
    new.rename(path)
    old.unlink()


def rename_over(path: Path, text: str) -> None:
    """What libraries do to save atomically."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".tmp")
    os.write(descriptor, text.encode())
    os.close(descriptor)
    Path(draft).rename(path)


def sed(path: Path, text: str) -> None:
    """``sed -i`` itself; ``text`` must be one line."""
    subprocess.run(["sed", "-i", f"1s|.*|{text.rstrip()}|", str(path)], check=True)


def delete_and_write(path: Path, text: str) -> None:
    """Sync tools, some macOS programs."""
    path.unlink()
    path.write_text(text)


def in_the_same_size(path: Path, text: str) -> None:
    """As ``in_place``, and then the old time is set again: only the change of the inode tells."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


EDITORS: dict[str, Callable[[Path, str], None]] = {
    save.__name__: save
    for save in (
        *(in_place, in_two_halves, vim, gedit, emacs, jetbrains),
        *(rename_over, sed, delete_and_write, in_the_same_size),
    )
}
