"""A small, strict YAML reader for configuration: plain values, and the line on which each of them stands.

Events first, so that nothing is built of a hostile or mistaken text: no aliases, tags, duplicate keys or deep nesting.
Plain words are read as in a sidecar: ``no``, dates, ``012`` and ``1:30`` are texts, not surprises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from qtisync.content.scalars import UnfaithfulNumberError, read_plain
from qtisync.errors import ConfigProblem
from qtisync.model import Json

MAX_DEPTH = 20
Location: TypeAlias = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document. ``lines`` has the line, from 1, of every key and list entry; ``problems`` its faults."""

    value: Json
    lines: dict[Location, int] = field(default_factory=dict)
    problems: tuple[ConfigProblem, ...] = ()


class _RefusedError(Exception):
    """The text cannot be read on; the argument is the problem."""

    def __init__(self, problem: ConfigProblem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def read_yaml(text: str) -> Document:
    """The document in ``text``; never raises for what the text says."""
    builder = _Builder(iter(()))
    try:
        builder = _Builder(yaml.parse(text, Loader=_LOADER))
        value = builder.document()
    except _RefusedError as exc:
        return Document(None, builder.lines, (*builder.problems, exc.problem))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark is not None else None
        message = f"is not valid YAML: {exc.problem or exc.context or 'cannot be read'}"
        hint = "check indentation, colons and quotes on this line and the one above"
        return Document(None, builder.lines, (_problem((), message, hint, line),))
    except yaml.YAMLError:
        message = "is not valid YAML: it has a character that is not allowed"
        return Document(None, builder.lines, (_problem((), message, "save the file as plain UTF-8 text"),))
    return Document(value, builder.lines, tuple(builder.problems))


def dotted(location: Location) -> str:
    """``("content", "include", 0)`` → ``content.include[0]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".")


def _problem(location: Location, message: str, hint: str, line: int | None = None) -> ConfigProblem:
    return ConfigProblem(where=dotted(location) or "the file", message=message, hint=hint, line=line)


class _Builder:
    """Values from the events of one document."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self.lines: dict[Location, int] = {}
        self.problems: list[ConfigProblem] = []

    def document(self) -> Json:
        next(self._events)  # the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), ())
        next(self._events)  # the document's end
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise _RefusedError(_problem((), "has more than one document", "remove the line ---", _line(more)))
        return value

    def _value(self, event: yaml.Event, at: Location) -> Json:
        self._refuse(event, at)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, at)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(at)
        return self._mapping(at)

    def _refuse(self, event: yaml.Event, at: Location) -> None:
        line = _line(event)
        if len(at) > MAX_DEPTH:
            raise _RefusedError(_problem((), f"is nested more than {MAX_DEPTH} deep", "write it flatter", line))
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _RefusedError(
                _problem(at, "uses an anchor or alias (& or *)", "write the value out, or quote it", line)
            )
        if getattr(event, "tag", None) is not None:
            raise _RefusedError(_problem(at, "uses a tag (!)", "remove the tag, or quote the value", line))

    def _scalar(self, event: yaml.ScalarEvent, at: Location) -> Json:
        text: str = event.value
        if not event.implicit[0]:  # quoted, or a block of text
            return text
        try:
            return read_plain(text)
        except UnfaithfulNumberError as exc:
            message = f"is not a usable number: {exc}"
            raise _RefusedError(_problem(at, message, "correct it, or put it in quotes", _line(event))) from None

    def _sequence(self, at: Location) -> list[Json]:
        values: list[Json] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            entry = (*at, len(values))
            self.lines[entry] = _line(event)
            values.append(self._value(event, entry))
        return values

    def _mapping(self, at: Location) -> dict[str, Json]:
        values: dict[str, Json] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            self._refuse(event, at)
            if not isinstance(event, yaml.ScalarEvent):
                raise _RefusedError(_problem(at, "has a key that is a list or a mapping", "use a name", _line(event)))
            key: str = event.value
            entry = (*at, key)
            if key in values:
                hint = f"keep one of them; the other is on line {self.lines[entry]}"
                self.problems.append(_problem(entry, "stands here twice", hint, _line(event)))
            else:
                self.lines[entry] = _line(event)
            values[key] = self._value(next(self._events), entry)
        return values


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1
