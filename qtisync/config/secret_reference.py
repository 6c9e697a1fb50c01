"""Secrets are written in a configuration as references only: ``env/NAME``, ``file/PATH`` or ``credential/NAME``."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qtisync.errors import ConfigError, ConfigProblem

MAX_SECRET_BYTES = 65_536
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]*")
_FILE_HINT = "name a file that holds the secret only"
HOW = "write env/NAME (an environment variable), file/PATH, or credential/NAME (a systemd credential)"


class SecretKind(enum.StrEnum):
    """Where a secret is kept."""

    ENV = "env"
    FILE = "file"
    CREDENTIAL = "credential"
    LITERAL = "literal"
    """The value itself: only for names that are no secret, such as a client id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a secret is, never what it is. It is read anew each time it is needed, so that rotation works."""

    kind: SecretKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind is SecretKind.LITERAL else f"{self.kind}/{self.name}"

    def file(self, environ: Mapping[str, str], *, where: str = "") -> Path | None:
        """The file that holds it, for programs that want a file; ``None`` if there is none.

        Raises ``ConfigError`` for a systemd credential outside of systemd.
        """
        return (
            self._path(environ, where or str(self)) if self.kind in {SecretKind.FILE, SecretKind.CREDENTIAL} else None
        )

    def read(self, environ: Mapping[str, str], *, where: str = "") -> str:
        """The secret, without white space around it.

        ``where`` names the key of the configuration, for the message. Raises ``ConfigError``, which never holds a
        value, if there is none, if it is empty or if it cannot be read.
        """
        where = where or str(self)
        if self.kind is SecretKind.LITERAL:
            return self.name
        if self.kind is SecretKind.ENV:
            text = environ.get(self.name)
            if text is None:
                raise _failure(where, f"the environment variable {self.name} is not set", f"export {self.name}=…")
        else:
            text = _read_file(self._path(environ, where), where)
        if not text.strip():
            raise _failure(where, f"{self} is empty", "put the secret there, on one line")
        return text.strip()

    def _path(self, environ: Mapping[str, str], where: str) -> Path:
        if self.kind is SecretKind.FILE:
            return Path(self.name)
        directory = environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise _failure(
                where,
                f"{self} needs $CREDENTIALS_DIRECTORY, which is not set",
                f"start qtisync by systemd with LoadCredential={self.name}:…, or use env/NAME or file/PATH",
            )
        return Path(directory) / self.name


def parse_reference(text: str, folder: Path | None = None) -> SecretReference:
    """A reference from its spelling; a relative ``file/`` path is below ``folder``.

    Raises ``ValueError`` that says how to write one and never repeats ``text``, which may be the secret itself.
    """
    kind, separator, name = text.partition("/")
    if not separator or kind not in {"env", "file", "credential"}:
        raise ValueError("is not a secret reference")
    if kind == "env" and not _ENV_NAME.fullmatch(name):
        raise ValueError("env/ must be followed by the name of an environment variable")
    if kind == "credential" and not _CREDENTIAL_NAME.fullmatch(name):
        raise ValueError("credential/ must be followed by the name of a systemd credential")
    if kind == "file":
        if not name or "\0" in name:
            raise ValueError("file/ must be followed by a path")
        name = str((folder or Path()) / name)
    return SecretReference(kind=SecretKind(kind), name=name)


def _read_file(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        hint = "check the path, and that this user may read it"
        raise _failure(where, f"{path} cannot be read: {reason}", hint) from None
    if len(data) > MAX_SECRET_BYTES:
        raise _failure(where, f"{path} is larger than {MAX_SECRET_BYTES} bytes", _FILE_HINT)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _failure(where, f"{path} is not UTF-8 text", _FILE_HINT) from None


def _failure(where: str, message: str, hint: str) -> ConfigError:
    return ConfigError((ConfigProblem(where=where, message=message, hint=hint),))
