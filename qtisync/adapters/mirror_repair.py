"""What a killed git leaves behind in a mirror: locks that nobody holds, and halves of packs and objects.

Only for a repository of our own, and only under its fetch lock: then no git that writes is alive.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_HALVES = ("tmp_", "tmp-", "incoming-")
_LOCKS = (".lock", ".keep")  # git marks a pack as kept while its refs are not written
_KEPT = "objects"


def clear_leftovers(mirror: Path) -> tuple[str, ...]:
    """Remove them; their paths below the mirror, sorted."""
    cleared = []
    for path in sorted(_leftovers(mirror)):
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except FileNotFoundError:
            continue
        cleared.append(path.relative_to(mirror).as_posix())
    return tuple(cleared)


def _leftovers(mirror: Path) -> Iterator[Path]:
    yield from (path for path in (mirror / "gc.pid",) if path.exists())
    for folder, folders, files in os.walk(mirror):
        here = Path(folder)
        among_objects = here.relative_to(mirror).parts[:1] == (_KEPT,)
        yield from (here / name for name in files if name.endswith(_LOCKS))
        if among_objects:
            halves = [name for name in (*files, *folders) if name.startswith(_HALVES)]
            yield from (here / name for name in halves if not name.endswith(_LOCKS))
            folders[:] = [name for name in folders if name not in halves]
