"""YAML sidecars, read with distrust: the only door to ``yaml`` besides the configuration.

PyYAML's own loaders follow aliases without limit, keep the last of two equal keys, read dates and octal numbers where
nobody meant any, and end the process on deep nesting. So only its event stream is used: it is flat, it names lines, and
reading stops at the first event that a sidecar may not have, long before nesting could hurt. Values are built from
the same events, so nothing is parsed twice and no tag can construct anything. Plain sidecars do not come that far.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from qtisync.content.facts import BrokenFacts, Remark, SidecarFacts
from qtisync.content.metadata import whole_numbers
from qtisync.content.plain_sidecar import plain_mapping
from qtisync.content.scalars import UnfaithfulNumberError, read_plain
from qtisync.content.sidecar_rules import Document, sidecar_facts
from qtisync.model import Json

MAX_BYTES = 65_536
MAX_DEPTH = 16
"""Lists and mappings inside each other, the outermost included."""
MAX_EVENTS = 5_000
"""A value is one event, a list or a mapping two."""

_HINTS = (
    ("cannot start any token", "Indent with spaces, not tabs; put text that begins with @, `, % or & in quotes."),
    ("mapping values are not allowed", "Put text that contains ': ' in quotes, and check the indentation."),
    ("expected key", "Check the indentation and the quotes just above."),
    ("Unicode character escape", "Write the character itself instead of its \\u number."),
    ("unexpected end of stream", "A quotation mark or a bracket is never closed."),
)


def parse_sidecar(data: bytes, *, max_bytes: int = MAX_BYTES) -> SidecarFacts | BrokenFacts:
    """What a sidecar or ``_defaults.yaml`` says, or what is wrong with it. Never raises for its content.

    YAML 1.2 core scalars; keys are text and occur once; no anchors, tags, merge keys or second documents. An empty
    file has empty metadata.
    """
    root = plain_mapping(data) if len(data) <= max_bytes else None
    if root is not None:
        plain = sidecar_facts(Document(root=root, lines={}))
        if isinstance(plain, SidecarFacts):
            return plain
    try:
        document = _read(_decode(data, max_bytes))
    except _UnreadableError as exc:
        return BrokenFacts(problems=(exc.remark,))
    facts = sidecar_facts(document)
    if document.has_floats and isinstance(facts, SidecarFacts):
        metadata = {key: whole_numbers(value) for key, value in facts.metadata.items()}
        return SidecarFacts(metadata=metadata, steering=facts.steering, steered=facts.steered)
    return facts


class _UnreadableError(Exception):
    """Stops reading at once; carries the reason."""

    def __init__(self, code: str, message: str, line: int | None, hint: str) -> None:
        super().__init__(message)
        self.remark = Remark(code=code, message=message, line=line, hint=hint)


def _decode(data: bytes, max_bytes: int) -> str:
    if len(data) > max_bytes:
        message = f"The file has {len(data):,} bytes; a sidecar may have {max_bytes:,}."
        raise _UnreadableError("sidecar-too-large", message, None, "Keep long texts and data out of the metadata.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        raise _UnreadableError("yaml-encoding", "The file is not UTF-8.", line, "Save it as UTF-8.") from exc


def _read(text: str) -> Document:
    builder = _Builder()
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        problem = exc.problem or str(exc.context)
        hint = next((hint for words, hint in _HINTS if words in problem), "Check the line, or put the text in quotes.")
        raise _UnreadableError(
            "yaml-syntax", f"Not valid YAML: {problem}.", mark.line + 1 if mark else None, hint
        ) from exc
    except yaml.reader.ReaderError as exc:
        # libyaml counts the bytes of the UTF-8 form.
        line = text.encode().count(b"\n", 0, exc.position) + 1
        raise _UnreadableError("yaml-syntax", f"Not valid YAML: {exc.reason}.", line, "Remove the character.") from exc
    return Document(root=builder.root, lines=builder.lines, has_floats=builder.has_floats)


def _events(text: str) -> Iterator[yaml.Event]:
    """The events up to the first that is not allowed."""
    depth = 0
    documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if count >= MAX_EVENTS:
            message = f"The file has more than {MAX_EVENTS // 2:,} values."
            raise _refusal("yaml-too-many-values", message, event, "Keep data out of the metadata.")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            hint = "Write the value out where it is needed; put text that begins with * or & in quotes."
            raise _refusal("yaml-anchor", f"Anchors and aliases are not allowed: `{sign}{event.anchor}`.", event, hint)
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            hint = "Remove the tag; put text that begins with ! in quotes."
            raise _refusal("yaml-tag", f"Tags are not allowed: `{event.tag[:60]}`.", event, hint)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                message = f"Lists and keys are nested more than {MAX_DEPTH} deep."
                raise _refusal("yaml-too-deep", message, event, "Metadata should be flat.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refusal(
                    "yaml-several-documents", "A second document begins here.", event, "Remove the line `---`."
                )
        yield event


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1  # type: ignore[union-attr]  # libyaml marks every event


def _refusal(code: str, message: str, event: yaml.Event, hint: str) -> _UnreadableError:
    return _UnreadableError(code, message, _line(event), hint)


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being filled."""

    into: dict[str, Json] | list[Json]
    key: str | None = None
    """The key whose value comes next."""


@dataclass(slots=True)
class _Builder:
    """Turns events into values."""

    root: dict[str, Json] = field(default_factory=dict)
    lines: dict[tuple[int, str | int], int] = field(default_factory=dict)
    has_floats: bool = False
    stack: list[_Frame] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        """Take the next event."""
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._begin({}, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin([], event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()

    def _begin(self, into: dict[str, Json] | list[Json], event: yaml.Event) -> None:
        if self.stack:
            self._put(into, event)
        elif isinstance(into, dict):
            self.root = into
        else:
            raise _not_a_mapping("a list", event)
        self.stack.append(_Frame(into))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        value = _value(event)
        if not self.stack:
            if value is not None:
                raise _not_a_mapping("one text or number", event)
            return
        frame = self.stack[-1]
        if isinstance(frame.into, dict) and frame.key is None:
            frame.key = self._key(frame.into, value, event)
            return
        self.has_floats = self.has_floats or isinstance(value, float)
        self._put(value, event)

    def _put(self, value: Json, event: yaml.Event) -> None:
        frame = self.stack[-1]
        if isinstance(frame.into, list):
            self.lines[id(frame.into), len(frame.into)] = _line(event)
            frame.into.append(value)
        elif frame.key is not None:
            frame.into[frame.key] = value
            frame.key = None
        else:
            hint = "Put it in quotes if it is meant as text."
            raise _refusal("yaml-key-not-text", "A list or a mapping cannot be a key.", event, hint)

    def _key(self, into: dict[str, Json], value: Json, event: yaml.ScalarEvent) -> str:
        if not isinstance(value, str):
            what = "true, false or empty" if value is None or isinstance(value, bool) else "a number"
            message = f"The key `{event.value}` is read as {what}, not as text."
            raise _refusal("yaml-key-not-text", message, event, f'Put it in quotes: `"{event.value}":`.')
        if value == "<<" and event.implicit[0]:
            hint = "Write the keys out; for what many items share, use `_defaults.yaml`."
            raise _refusal("yaml-merge-key", "Merge keys (`<<`) are not allowed.", event, hint)
        if value in into:
            message = f"The key `{value}` stands here for the second time; first in line {self.lines[id(into), value]}."
            raise _refusal("yaml-duplicate-key", message, event, "Remove one of the two.")
        self.lines[id(into), value] = _line(event)
        return value


def _value(event: yaml.ScalarEvent) -> str | bool | float | None:
    text: str = event.value
    if not event.implicit[0]:
        if "\0" in text:
            raise _refusal("yaml-control-character", "The text contains a NUL character.", event, "Remove it.")
        return text
    try:
        return read_plain(text)
    except UnfaithfulNumberError as exc:
        message = f"The number {text[:60]} cannot be sent as it is. {exc}"
        raise _refusal("yaml-number", message, event, "Put it in quotes if it is a code or a text.") from exc


def _not_a_mapping(what: str, event: yaml.Event) -> _UnreadableError:
    message = f"A sidecar must hold keys and values; this one holds {what}."
    return _refusal("sidecar-not-a-mapping", message, event, "Write lines such as `subject: Math`.")
