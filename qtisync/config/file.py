"""Reads the configuration: YAML file and environment → ``Settings``, with every fault reported at once."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from qtisync.config.environment import Overrides, read_overrides
from qtisync.config.settings import OwnerStamp, Settings, Target
from qtisync.config.values import FAULT
from qtisync.config.yaml_lines import Document, Location, dotted, read_yaml
from qtisync.errors import ConfigError, ConfigProblem

DEFAULT_FILES = (Path("qtisync.yaml"), Path("/etc/qtisync/config.yaml"))
MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration and where it came from."""

    settings: Settings
    file: Path
    """Absolute."""
    overrides: tuple[str, ...] = ()
    """Names of the environment variables that changed it, sorted."""


def load_settings(file: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read ``file`` (or ``$QTISYNC_CONFIG``, ``./qtisync.yaml``, ``/etc/qtisync/config.yaml``) and the environment.

    Raises ``ConfigError`` with all faults at once.
    """
    path = _find(file, environ)
    document = read_yaml(_read(path))
    data = {} if document.value is None else document.value
    if not isinstance(data, dict):
        hint = "write keys such as repository: and targets:, each on its line"
        raise ConfigError(
            (ConfigProblem(where="the file", message="is not a mapping", hint=hint, line=1),), file=str(path)
        )
    if document.value is None and document.problems:
        raise ConfigError(document.problems, file=str(path))
    overrides = read_overrides(data, environ)
    settings, faults = _validate(overrides, document, path.parent)
    problems = (*document.problems, *overrides.problems, *faults)
    if problems or settings is None:
        raise ConfigError(tuple(sorted(problems, key=_order)), file=str(path))
    return Loaded(settings=settings, file=path, overrides=tuple(sorted(overrides.names.values())))


def _order(problem: ConfigProblem) -> tuple[bool, int, str]:
    """By line; what has none (a missing key, the environment) comes last."""
    return (problem.line is None, problem.line or 0, problem.where)


def _find(file: Path | None, environ: Mapping[str, str]) -> Path:
    named = file if file is not None else Path(environ["QTISYNC_CONFIG"]) if environ.get("QTISYNC_CONFIG") else None
    candidates = DEFAULT_FILES if named is None else (named,)
    for candidate in candidates:
        if candidate.is_file():
            return candidate.absolute()
    looked = " and ".join(str(candidate.absolute()) for candidate in candidates)
    hint = "run `qtisync init` to write one, or name yours with --config FILE"
    raise ConfigError((ConfigProblem(where="the file", message=f"there is no configuration: {looked}", hint=hint),))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
        if len(data) > MAX_CONFIG_BYTES:
            message, hint = f"is larger than {MAX_CONFIG_BYTES} bytes", "this does not look like a configuration"
        else:
            return data.decode("utf-8-sig")
    except OSError as exc:
        message, hint = f"cannot be read: {exc.strerror or exc}", "check that this user may read it"
    except UnicodeDecodeError:
        message, hint = "is not UTF-8 text", "save it as UTF-8"
    raise ConfigError((ConfigProblem(where="the file", message=message, hint=hint),), file=str(path))


def _validate(
    overrides: Overrides, document: Document, folder: Path
) -> tuple[Settings | None, tuple[ConfigProblem, ...]]:
    text = json.dumps(overrides.data, default=str)
    try:
        settings = Settings.model_validate_json(text, context={"folder": folder})
    except ValidationError as exc:
        faults = exc.errors(include_url=False, include_input=False)
    else:
        return settings, ()
    return None, tuple(_translate(dict(fault), overrides, document) for fault in faults)


def _translate(fault: dict[str, Any], overrides: Overrides, document: Document) -> ConfigProblem:
    location: Location = tuple(fault["loc"])
    message, hint = _words(fault, location)
    name = next((overrides.names[above] for above in _upwards(location) if above in overrides.names), None)
    if name is not None:
        return ConfigProblem(where=name, message=message, hint=hint)
    return ConfigProblem(where=dotted(location), message=message, hint=hint, line=_line_of(location, document))


def _line_of(location: Location, document: Document) -> int | None:
    """The line of the place itself or, if something is missing there, of the nearest key around it."""
    return next((document.lines[above] for above in _upwards(location) if above in document.lines), None)


def _upwards(location: Location) -> list[Location]:
    return [location[:length] for length in range(len(location), 0, -1)]


def _words(fault: dict[str, Any], location: Location) -> tuple[str, str]:
    """Message and hint of one of pydantic's errors; the key's name goes before the message."""
    kind, context = str(fault["type"]), fault.get("ctx", {})
    if kind == FAULT:
        return context["message"], context["hint"]
    if kind == "missing":
        return "is missing", _MISSING.get(location[-1], "add it; config.example.yaml shows every key")
    if kind == "extra_forbidden":
        return "is not a key that qtisync knows", _suggest(location)
    if kind == "literal_error":
        return f"must be {context['expected'].replace(chr(39), '')}", "write one of these words"
    if kind in _WORDS:
        return _WORDS[kind]
    bounds = {key: context[key] for key in ("gt", "ge", "lt", "le") if key in context}
    if bounds:
        sign, bound = next(iter(bounds.items()))
        return f"must be {_SIGNS[sign]} {bound:g}", "write another number"
    return str(fault["msg"]), "config.example.yaml shows every key"


_SIGNS = {"gt": "greater than", "ge": "at least", "lt": "less than", "le": "at most"}
_MISSING: dict[str | int, str] = {
    "repository": "add repository: with path: ./content.git below it",
    "targets": "add targets: with a name of your choice below it, such as staging:",
    "base_url": "add the address of the API, such as base_url: https://qti.example.org/api",
    "token_url": "add the address of the token endpoint of the same environment",
    "client_id": "add client_id: env/QTI_CLIENT_ID",
    "client_secret": "add client_secret: env/QTI_CLIENT_SECRET",
}
_MAPPING = ("must be a mapping", "write keys below it, indented")
_LIST = ("must be a list", 'write it like ["one", "two"]')
_WORDS = {
    "string_type": ("must be a text", "put it in quotes"),
    "string_too_short": ("is empty", "write at least one character, or remove it"),
    "bool_type": ("must be true or false", "write true or false, without quotes"),
    "int_type": ("must be a whole number", "write digits only, without quotes"),
    "int_from_float": ("must be a whole number", "write digits only"),
    "float_type": ("must be a number", "write it without quotes"),
    "finite_number": ("must be a number", "write it without quotes"),
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
}


def _suggest(location: Location) -> str:
    known = keys_at(location[:-1])
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"did you mean {close[0]}?" if close else f"the keys here are: {', '.join(known)}"


def keys_at(location: Location) -> list[str]:
    """The keys that may stand in the section at ``location``."""
    section: type[BaseModel] = Settings
    if location[:1] == ("targets",) and len(location) == 2:  # noqa: PLR2004 - targets.NAME
        section = Target
    elif location[:1] == ("targets",) and location[-1] == "owner_stamp":
        section = OwnerStamp
    elif location:
        annotation = Settings.model_fields[str(location[0])].annotation
        section = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else Settings
    return sorted(section.model_fields)
