"""Environment variables over the configuration: ``QTISYNC_SECTION__KEY`` sets what the file may also say."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from qtisync.config.settings import CommitStatus, Content, Daemon, Repository, Target, Webhooks
from qtisync.config.values import environment_name
from qtisync.config.yaml_lines import Location, read_yaml
from qtisync.errors import ConfigProblem
from qtisync.model import Json

PREFIX = "QTISYNC_"
_SECTIONS: Mapping[str, type[BaseModel]] = {
    "repository": Repository,
    "content": Content,
    "daemon": Daemon,
    "webhooks": Webhooks,
    "commit_status": CommitStatus,
}
_OTHER_NAMES: Mapping[str, Location] = {"QTISYNC_SCHEMA_DIR": ("content", "schema_dir")}
_NOT_KEYS = frozenset({"QTISYNC_CONFIG"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The configuration's data with the environment put over it."""

    data: dict[str, Json]
    names: Mapping[Location, str]
    """Which variable set what."""
    problems: tuple[ConfigProblem, ...] = ()


def read_overrides(data: dict[str, Json], environ: Mapping[str, str]) -> Overrides:
    """Put every ``QTISYNC_*`` variable over ``data``; one that is no key is a problem, with a suggestion.

    Texts are taken as they are; numbers, booleans, lists and mappings are read as YAML.
    """
    merged = copy.deepcopy(data)
    table = _known_names(data)
    names: dict[Location, str] = {}
    problems: list[ConfigProblem] = []
    for name in sorted(name for name in environ if name in table):
        location = table[name]
        value, faults = _value(name, location, environ[name])
        problems += faults
        if not faults and _put(merged, location, value):
            names[location] = name
    allowed = table.keys() | _NOT_KEYS | set(_referenced(merged))
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in allowed)
    problems += [_unknown(name, table) for name in unknown]
    return Overrides(data=merged, names=names, problems=tuple(problems))


def _known_names(data: Mapping[str, Json]) -> dict[str, Location]:
    """Every variable that may be set, and the key it stands for; targets are those of the file."""
    sections: list[tuple[Location, type[BaseModel]]] = [((name,), model) for name, model in _SECTIONS.items()]
    targets = data.get("targets")
    if isinstance(targets, dict):
        sections += [(("targets", name), Target) for name in targets]
    table: dict[str, Location] = {"QTISYNC_STATE": ("state",), **_OTHER_NAMES}
    for location, model in sections:
        for key in model.model_fields:
            parts = (*location, key)
            table[PREFIX + "__".join(environment_name(str(part)) for part in parts)] = parts
    return table


def _value(name: str, location: Location, text: str) -> tuple[Json, list[ConfigProblem]]:
    if _is_text(location):
        return text, []
    document = read_yaml(text)
    return document.value, [ConfigProblem(where=name, message=p.message, hint=p.hint) for p in document.problems]


def _is_text(location: Location) -> bool:
    """Whether only a text may stand there, so that ``1.10`` or ``{stem}.yaml`` is not read as YAML."""
    if location == ("state",):
        return True
    model = _SECTIONS.get(str(location[0]), Target)
    schema: dict[str, Any] = model.model_json_schema()["properties"][location[-1]]
    types = {choice.get("type") for choice in schema.get("anyOf", [schema])}
    return types - {"null"} == {"string"}


def _put(data: dict[str, Json], location: Location, value: Json) -> bool:
    """Set a value; false where the file has something else than a section, which is reported anyway."""
    section: dict[str, Json] = data
    for part in location[:-1]:
        if section.get(str(part)) is None:
            section[str(part)] = {}
        below = section[str(part)]
        if not isinstance(below, dict):
            return False
        section = below
    section[str(location[-1])] = value
    return True


def _referenced(value: Json) -> Iterator[str]:
    """Names of the environment variables in ``env/NAME`` references."""
    if isinstance(value, str) and value.startswith("env/"):
        yield value.removeprefix("env/")
    elif isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _referenced(below)


def _unknown(name: str, table: Mapping[str, Location]) -> ConfigProblem:
    choices = {key.removeprefix(PREFIX): key for key in table}
    close = difflib.get_close_matches(name.removeprefix(PREFIX), choices, n=1, cutoff=0.75)
    if close:
        hint = f"did you mean {choices[close[0]]}?"
    elif name.startswith("QTISYNC_TARGETS__"):
        known = sorted({key.rsplit("__", 1)[0] for key in table if key.startswith("QTISYNC_TARGETS__")})
        hint = f"the targets of the file are set by: {', '.join(f'{key}__…' for key in known) or 'none'}"
    else:
        hint = "unset it; a key is set by QTISYNC_SECTION__KEY, such as QTISYNC_REPOSITORY__REF"
    return ConfigProblem(where=name, message="is not a setting that qtisync knows", hint=hint)
