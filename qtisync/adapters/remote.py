"""A repository elsewhere: how git is told to reach it, and nothing of it where others could read a secret.

The token goes in the environment of our own git (`http.extraHeader` by ``GIT_CONFIG_*``): it stands in no command line
and in no file, other users cannot read it, and no helper script must be written that git would start. It is bound to
the host of the address, and redirects are not followed, so nobody else ever gets it.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from qtisync.adapters.git_process import Extras
from qtisync.errors import RepositoryError

PROTOCOLS = frozenset({"https", "ssh"})
"""What may be fetched by. Tests have other ones as an argument; no configuration can."""
CONNECT_SECONDS = 20
_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/@]*@")
_SCP = re.compile(r"[^/\s:]+@[^/\s:]+:(?!//)\S+")
_QUIET: tuple[tuple[str, str], ...] = (
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),
    ("fetch.writeCommitGraph", "false"),
    ("transfer.bundleURI", "false"),
    ("credential.helper", ""),
    ("core.askPass", ""),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "60"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """Where it is and how we prove who we are. Secrets are read anew at each fetch, so that they can be changed."""

    url: str
    protocols: frozenset[str] = PROTOCOLS
    ssh_key: Path | None = None
    """The file of the private key; without one, ssh looks for the user's own."""
    known_hosts: Path | None = None
    """The only host keys that are accepted; without it, those that the user and this machine know."""
    username: str = ""
    token: Callable[[], str] | None = None

    @property
    def shown(self) -> str:
        """The address without anything secret."""
        return without_credentials(self.url)

    @property
    def protocol(self) -> str:
        """``https``, ``ssh``…; empty for what is no address."""
        if _SCP.fullmatch(self.url):
            return "ssh"
        return urlsplit(self.url).scheme if "://" in self.url else ""


def without_credentials(text: str) -> str:
    """A text in which no address has a user name or password; the user of an ssh address is no secret."""
    return _CREDENTIALS.sub(lambda found: found[0] if _plain_user(found[0]) else found[1], text)


def _plain_user(text: str) -> bool:
    return text.startswith("ssh://") and ":" not in text.removeprefix("ssh://")


def refuse_unsafe(remote: Remote) -> None:
    """Raise ``RepositoryError`` for what git could take for an option or for a command."""
    url = remote.url
    if url.startswith("-") or not url.isprintable() or "::" in url.partition("/")[0]:
        raise RepositoryError(f"{remote.shown!r} is not an address that can be fetched.", hint=_WRITE, reference="url")
    if remote.protocol not in remote.protocols:
        words = f"Fetching by {remote.protocol or 'a path'} is not allowed: {remote.shown}."
        raise RepositoryError(words, hint=_WRITE, reference="url")


_WRITE = "Write https://…, ssh://… or git@host:path in repository.url, or the folder in repository.path."


def extras_for(remote: Remote, token: str, key: Path | None, home: Path, keeps_open: tuple[int, ...]) -> Extras:
    """What git is told for a fetch. ``home``: a folder without a ``.netrc``."""
    environment = {
        "GIT_ALLOW_PROTOCOL": ":".join(sorted(remote.protocols)),
        "GIT_ASKPASS": "",  # else git falls back on SSH_ASKPASS
        "SSH_ASKPASS_REQUIRE": "never",
    }
    config = _QUIET
    if remote.protocol == "ssh":
        environment |= {"GIT_SSH_COMMAND": ssh_command(key, remote.known_hosts), "GIT_SSH_VARIANT": "ssh"}
    else:
        environment["HOME"] = str(home)
    if token:
        parts = urlsplit(remote.url)
        config = (
            *config,
            (f"http.{parts.scheme}://{parts.netloc}/.extraHeader", f"Authorization: {basic(remote, token)}"),
        )
    return Extras(config=config, environment=environment, keeps_open=keeps_open)


def basic(remote: Remote, token: str) -> str:
    """HTTP Basic; forges take any user name beside an access token unless they document one."""
    pair = f"{remote.username or 'x-access-token'}:{token}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def ssh_command(key: Path | None, known_hosts: Path | None) -> str:
    """How git starts ssh: no question, no unknown host, no configuration of the user, nothing left behind."""
    words = ["ssh", "-F", os.devnull, "-a", "-x"]
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "ControlMaster": "no",
        "ControlPath": "none",
        "PermitLocalCommand": "no",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "4",
    }
    if key is not None:
        words += ["-i", _escaped(key)]
        options |= {"IdentitiesOnly": "yes", "IdentityAgent": "none"}
    if known_hosts is not None:
        options |= {"UserKnownHostsFile": f'"{_escaped(known_hosts)}"', "GlobalKnownHostsFile": os.devnull}
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return shlex.join(words)


def _escaped(path: Path) -> str:
    """A path in which ssh replaces nothing."""
    return str(path.absolute()).replace("%", "%%")


def usable_key(key: Path, copy: Path) -> Path:
    """The key itself, or a copy that only we may read: ssh refuses a key of ours that others may read, too."""
    try:
        status = key.stat()
        if status.st_uid != os.geteuid() or not stat.S_IMODE(status.st_mode) & 0o077:
            with key.open("rb"):
                return key
        text = key.read_bytes()
        copy.unlink(missing_ok=True)
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
    except OSError as exc:
        hint = "Check repository.ssh_key: a private key that the user of qtisync, and nobody else, may read."
        words = f"The ssh key {key} cannot be used: {exc.strerror}."
        raise RepositoryError(words, hint=hint, reference="fetch-denied") from exc
    return copy
