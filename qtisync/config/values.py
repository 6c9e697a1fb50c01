"""The small values that a configuration is made of, each with its spelling in YAML, its checks and its JSON Schema.

Checks raise ``fault(message, hint)``: words for people, which never repeat the value of a secret.
"""

from __future__ import annotations

import ipaddress
import math
import os.path
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, PlainValidator, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from qtisync.config.secret_reference import HOW, SecretKind, SecretReference, parse_reference

FAULT = "qtisync_fault"
"""The error type of our own checks; its context has ``message`` and ``hint``."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SCP_URL = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9][\w.-]*:[^\s:][^\s]*")
_MAX_SECONDS = 366 * 86_400
_MAX_PERCENT = 100
_LONGEST_LABEL = 40
_TYPED_KEYS = frozenset({"subject", "grade", "difficulty", "learningObjectiveSet", "humanApproved"})


def fault(message: str, hint: str = "") -> PydanticCustomError:
    """An error of one value: what is wrong (the name of the key goes before it) and what to write instead."""
    return PydanticCustomError(FAULT, "{message}", {"message": message, "hint": hint})


@dataclass(frozen=True, slots=True)
class Share:
    """A limit as a share of the recorded objects: 0 to 100 percent."""

    percent: float

    @property
    def fraction(self) -> float:
        """0 to 1."""
        return self.percent / 100

    def __str__(self) -> str:
        return f"{self.percent:g}%"


@dataclass(frozen=True, slots=True)
class Count:
    """A limit as a number of objects."""

    number: int

    def __str__(self) -> str:
        return str(self.number)


Limit: TypeAlias = Share | Count


def parse_limit(value: object) -> Limit:
    """``30%`` → ``Share(30.0)``, ``12`` → ``Count(12)``."""
    hint = "write a share such as 30%, or a whole number of items such as 12"
    if isinstance(value, Share | Count):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise fault("cannot be negative", hint)
        return Count(value)
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise fault("is neither a share nor a whole number", hint)
    if float(match[1]) > _MAX_PERCENT:
        raise fault("is more than 100%", hint)
    return Share(float(match[1]))


def parse_duration(value: object) -> float:
    """Seconds of ``90s``, ``10m``, ``6h`` or ``1d``. A number without a unit is refused in YAML, not in Python."""
    hint = "write a number and a unit: 90s, 10m, 6h or 1d"
    if isinstance(value, float) and math.isfinite(value) and value > 0:
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise fault("has no unit" if isinstance(value, int | float) else "is not a duration", hint)
    seconds = float(match[1]) * _UNITS[match[2]]
    if not 1 <= seconds <= _MAX_SECONDS:
        raise fault("must be from 1s to 366d", hint)
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest spelling of a duration: ``21600.0`` → ``6h``."""
    for unit in ("d", "h", "m"):
        if seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"


def _check_address(value: str) -> str:
    """An absolute http(s) URL without anything that could hold a secret; no slash at its end."""
    if any(letter.isspace() or not letter.isprintable() for letter in value):
        raise fault("has white space or control characters in it", "write one URL")
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise fault("is not a URL", "write it like https://qti.example.org/api") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise fault("is not an absolute URL", "write it like https://qti.example.org/api")
    if parts.username is not None or parts.password is not None:
        raise fault("has a user name or password in it", "credentials belong in client_id and client_secret")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise fault("has a query or a fragment", "leave out everything from the first ? or #")
    if parts.scheme == "http" and not _is_loopback(host):
        raise fault("would send credentials unencrypted", "write https:// (http is for this machine only)")
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_git_url(value: str) -> str:
    if not value.isprintable() or " " in value:
        raise fault("has white space or control characters in it", "write one URL")
    if _SCP_URL.fullmatch(value):
        return value
    try:
        parts = urlsplit(value)
        host, password = parts.hostname, parts.password
    except ValueError:
        host, password = None, None
        parts = urlsplit("")
    if parts.scheme not in {"https", "ssh"} or not host or host.startswith("-"):
        raise fault("is not an https or ssh URL", "write https://…, ssh://… or git@host:path")
    if password is not None or (parts.scheme == "https" and parts.username is not None):
        raise fault("has credentials in it", "leave them out: they belong in username and token")
    return value


def _check_listen(value: str) -> str:
    hint = "write an address and a port, such as 127.0.0.1:8766 or [::1]:8766"
    try:
        parts = urlsplit(f"//{value}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or port is None or parts.netloc != value or "@" in value:
        raise fault("is not an address to listen on", hint)
    return value


def _check_ref(value: str) -> str:
    bad = value.startswith(("-", "/")) or ".." in value or "@{" in value or value.endswith(("/", ".lock"))
    if not value or bad or any(letter in " ~^:?*[\\" or not letter.isprintable() for letter in value):
        raise fault("is not the name of a branch, tag or commit", "write it like main or refs/tags/v1")
    return value


def check_pattern(value: str) -> str:
    """A pattern of paths that stays inside the repository."""
    if not value or not value.isprintable():
        raise fault("is not a pattern", 'write it like "items/**/*.xml"')
    if "\\" in value or ".." in value.split("/"):
        raise fault("leaves the repository", 'write it from the top of the repository, with /: "items/**/*.xml"')
    return value


def _check_sidecar(value: str) -> str:
    rest = value.replace("{stem}", "", 1)
    if "{stem}" not in value or "{" in rest or "}" in rest:
        raise fault("must have {stem} in it, once", 'write it like "{stem}.yaml"')
    if not value.endswith((".yaml", ".yml")) or value.startswith("/"):
        raise fault("must end with .yaml or .yml and begin with no /", 'write it like "{stem}.yaml"')
    return check_pattern(value)


def _local_path(value: object, info: Any) -> object:  # noqa: ANN401 - pydantic's ValidationInfo[Any]
    """An absolute path; a relative one is below the folder of the configuration file."""
    if not isinstance(value, str):
        return value
    if not value.strip() or "\0" in value:
        raise fault("is empty", "write a path such as ./content.git")
    if "://" in value:
        raise fault("is not a path on this machine", "write a path such as ./content.git")
    if value.startswith("~"):
        raise fault("begins with ~, which is not expanded here", "write the whole path")
    folder: Path | None = (info.context or {}).get("folder")
    return value if folder is None else os.path.normpath(folder / value)


def _state_path(value: object, info: Any) -> object:  # noqa: ANN401 - pydantic's ValidationInfo[Any]
    if isinstance(value, str) and value.startswith(("postgresql://", "postgres://")):
        raise fault("names a PostgreSQL database, which this version cannot use yet", "name a folder such as ./state")
    return _local_path(value, info)


def _secret(value: object, info: Any) -> SecretReference:  # noqa: ANN401 - pydantic's ValidationInfo[Any]
    if isinstance(value, SecretReference):
        return value
    if not isinstance(value, str):
        raise fault("is not a secret reference", HOW)
    try:
        return parse_reference(value, (info.context or {}).get("folder"))
    except ValueError as exc:
        raise fault(str(exc), f"{HOW}; the value itself never stands here") from None


def _client_id(value: object, info: Any) -> SecretReference:  # noqa: ANN401 - pydantic's ValidationInfo[Any]
    if not isinstance(value, str) or value.partition("/")[0] in {"env", "file", "credential"}:
        return _secret(value, info)
    if not value.strip():
        raise fault("is empty", f"write the client id itself, or a reference: {HOW}")
    return SecretReference(kind=SecretKind.LITERAL, name=value.strip())


def _check_stamp_key(value: str) -> str:
    """A metadata key of one's own: what the API or qtisync itself reads cannot say whose an object is."""
    hint = "write a name of your own, such as managedBy"
    if value in _TYPED_KEYS:
        raise fault(f"is {value}, which has a meaning of its own at the API", hint)
    if value.strip().casefold().replace("-", "").replace("_", "") == "qtisync":
        raise fault("is the reserved key of sidecars, which is never sent", hint)
    return _check_label(value)


def _check_label(value: str) -> str:
    """A short text on one line, with nothing at its ends that the API might drop."""
    hint = f"write a name on one line, of 1 to {_LONGEST_LABEL} characters"
    if not value or value != value.strip():
        raise fault("is empty, or begins or ends with white space", hint)
    if len(value) > _LONGEST_LABEL or not value.isprintable():
        raise fault("is no name", hint)
    return value


def check_target_names(value: dict[str, Any]) -> dict[str, Any]:
    """Names of targets must still be distinct when they stand in the name of an environment variable."""
    seen: dict[str, str] = {}
    for name in value:
        if not re.fullmatch(r"[A-Za-z0-9](?:[_-]?[A-Za-z0-9])*", name):
            raise fault(f"has a name that cannot be used: {name!r}", "use letters, digits, and single - or _ between")
        other = seen.setdefault(environment_name(name), name)
        if other != name:
            raise fault(f"has two names that differ too little: {other} and {name}", "rename one of them")
    return value


def environment_name(name: str) -> str:
    """How a key or the name of a target is spelled in the name of an environment variable."""
    return name.upper().replace("-", "_")


_TEXT: dict[str, Any] = {"type": "string"}
_REFERENCE: dict[str, Any] = {"type": "string", "pattern": "^(env|file|credential)/"}

LimitValue: TypeAlias = Annotated[
    Limit,
    PlainValidator(parse_limit),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$"}]}),
]
Duration: TypeAlias = Annotated[
    float,
    PlainValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*[smhd]$"}),
]
WebAddress: TypeAlias = Annotated[str, AfterValidator(_check_address), WithJsonSchema({**_TEXT, "format": "uri"})]
GitUrl: TypeAlias = Annotated[str, AfterValidator(_check_git_url)]
RefName: TypeAlias = Annotated[str, AfterValidator(_check_ref)]
ListenAddress: TypeAlias = Annotated[str, AfterValidator(_check_listen)]
PathPattern: TypeAlias = Annotated[str, AfterValidator(check_pattern)]
SidecarPattern: TypeAlias = Annotated[str, AfterValidator(_check_sidecar)]
LocalPath: TypeAlias = Annotated[str, BeforeValidator(_local_path)]
StampKey: TypeAlias = Annotated[str, AfterValidator(_check_stamp_key)]
StampValue: TypeAlias = Annotated[str, AfterValidator(_check_label)]
StatePath: TypeAlias = Annotated[str, BeforeValidator(_state_path)]
Secret: TypeAlias = Annotated[
    SecretReference, PlainValidator(_secret), PlainSerializer(str), WithJsonSchema(_REFERENCE)
]
ClientId: TypeAlias = Annotated[
    SecretReference, PlainValidator(_client_id), PlainSerializer(str), WithJsonSchema(_TEXT)
]
Flag: TypeAlias = Annotated[bool, Strict()]
