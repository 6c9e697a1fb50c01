"""The sockets on which the surface listens. They are open when these functions return: nobody is turned away early."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

from qtisync.errors import ListenError

LONGEST_PATH = 107
"""Bytes of a socket's path that the kernel takes."""
BACKLOG = 256


def listen_tcp(address: str) -> socket.socket:
    """Listen on ``host:port``; port 0 lets the kernel choose."""
    parts = urlsplit(f"//{address}")
    host, port = parts.hostname or "", parts.port or 0
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _failure(address, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _failure(address, error) from error
    return listening


def listen_unix(file: Path, group: str | None = None) -> socket.socket:
    """Listen on a socket in the file system that only this user may use, or the users of ``group`` as well.

    A socket that lies there is a dead daemon's: the record's lock is ours, so no other one of this target lives.
    """
    number = None if group is None else _number_of(group, file.parent)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder = None
    try:
        folder = os.open(file.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        _remove_stale(file)
        # Through the folder's descriptor the name is short, however deep the folder lies.
        name = str(file) if len(os.fsencode(file)) <= LONGEST_PATH else f"/proc/self/fd/{folder}/{file.name}"
        listening.bind(name)
        # Nobody can connect before ``listen``, so there is no moment in which others may.
        if number is not None and file.stat().st_gid != number:
            _hand_to(file, number, group or "")
        file.chmod(0o600 if number is None else 0o660)
        listening.listen(BACKLOG)
    except ListenError:
        listening.close()
        remove_unix(file)
        raise
    except OSError as error:
        listening.close()
        hint = "The state directory must be writable for this user, and the name of the target short."
        raise ListenError(f"Cannot listen on the socket {file}: {error.strerror or error}.", hint=hint) from error
    finally:
        if folder is not None:
            os.close(folder)
    return listening


def _number_of(group: str, folder: Path) -> int:
    """The number of a group that can reach the sockets of a folder; raises ``ListenError`` if it cannot."""
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        hint = f"Make it (groupadd {group}), or correct daemon.push_group."
        raise ListenError(f"There is no group {group} on this machine.", hint=hint) from None
    with contextlib.suppress(OSError):  # what is wrong with the folder is told when the socket is made
        seen = folder.stat()
        enters = stat.S_IXOTH if seen.st_gid != number else stat.S_IXGRP
        if not seen.st_mode & enters:
            hint = f"chgrp {group} {folder} && chmod g+x {folder}"
            raise ListenError(f"The group {group} of daemon.push_group may not enter {folder}.", hint=hint)
    return number


def _hand_to(file: Path, number: int, group: str) -> None:
    try:
        os.chown(file, -1, number)
    except OSError as error:
        hint = (
            "Only a group of the service's own user can be given, and under systemd only its main one: put the pushers "
            "into that group (usermod -aG), or set Group= of the unit."
        )
        raise ListenError(f"{file} cannot be given to the group {group}: {error.strerror}.", hint=hint) from error


def remove_unix(file: Path) -> None:
    """Take the socket away again; that it is gone already is no matter."""
    file.unlink(missing_ok=True)


def _remove_stale(file: Path) -> None:
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "there is a file of this name that is no socket")
    file.unlink()


def _failure(address: str, error: OSError) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        hint = "Another program listens there: choose another port in daemon.listen, or null for no HTTP at all."
    elif error.errno == errno.EACCES:
        hint = "Ports below 1024 are for root: choose a higher one in daemon.listen."
    else:
        hint = "daemon.listen must be an address of this machine, such as 127.0.0.1:8766."
    return ListenError(f"Cannot listen on {address}: {error.strerror or error}.", hint=hint)
