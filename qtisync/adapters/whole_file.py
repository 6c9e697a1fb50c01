"""Files that are written whole or not at all: whoever looks sees the old one or the new one, also after a crash."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(file: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write ``file`` in one step, by a temporary file beside it; a link is replaced, not followed. Raises ``OSError``.

    ``mode``: its permissions; ``None``: as the process makes new files.
    """
    temporary = file.parent / f".qtisync-{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            if mode is not None:
                os.fchmod(opened.fileno(), mode)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def overwrite(file: Path, data: bytes) -> None:
    """As ``write_whole``, for a name that a person gave: what a link points to is replaced, a device is written to."""
    end = file.resolve()
    if end.exists() and not end.is_file():
        file.write_bytes(data)
    else:
        write_whole(end, data)
