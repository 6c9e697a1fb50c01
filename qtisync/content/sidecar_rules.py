"""What may stand in a sidecar: keys that the API types are checked and brought into its form, others pass through."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qtisync.content.facts import BrokenFacts, Remark, SidecarFacts
from qtisync.content.steering import CODE, RESERVED, Line, read_steering
from qtisync.model import Json

GRADES = range(-1, 14)
"""The API takes the strings "-1" to "13"."""
DIFFICULTIES = ("easy", "medium", "hard")
CODES = ("lesson", "standard")
"""Keys whose values are codes: 3.10 is another one than 3.1, so a number with a point is a mistake."""

_GRADE = re.compile(r"\s*[-+]?[0-9]{1,9}\s*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file holds after its guards: plain values, and the line of each.

    ``lines`` belong to containers by identity, so the values must not be copied.
    """

    root: dict[str, Json]
    lines: Mapping[tuple[int, str | int], int]
    """Counted from 1, by ``id`` of the container and key or position in it."""
    has_floats: bool = False

    def line(self, container: dict[str, Json] | list[Json], place: str | int) -> int | None:
        """Where a key or an entry stands."""
        return self.lines.get((id(container), place))

    def line_of(self, container: dict[str, Json]) -> Line:
        """The same for the keys of one mapping."""
        return lambda key: self.line(container, key)


def sidecar_facts(document: Document) -> SidecarFacts | BrokenFacts:
    """The metadata and the steering of a file, or everything that is wrong with them."""
    metadata = dict(document.root)
    line = document.line_of(document.root)
    value = metadata.pop(RESERVED, None)
    inside = document.line_of(value) if isinstance(value, dict) else line
    steering, problems = read_steering(value, line(RESERVED), inside)
    found = [
        *_misspelt(document.root, line),
        *problems,
        *_grade(metadata, line),
        *_difficulty(metadata, line),
        *_codes(metadata, line),
        *_objectives(metadata, document),
    ]
    if found:
        return BrokenFacts(problems=tuple(sorted(found, key=lambda problem: problem.line or 0)))
    return SidecarFacts(metadata=metadata, steering=steering.steering, steered=steering.steered)


def _misspelt(root: dict[str, Json], line: Line) -> Iterator[Remark]:
    """``QtiSync:`` would be sent as metadata, and what it was to protect would be unprotected."""
    for key in root:
        if key != RESERVED and key.strip().casefold().replace("-", "").replace("_", "") == RESERVED:
            yield Remark(
                code=CODE,
                message=f"`{key}:` looks like the reserved key `{RESERVED}:`.",
                line=line(key),
                hint=f"Write `{RESERVED}:`.",
            )


def _grade(metadata: dict[str, Json], line: Line) -> Iterator[Remark]:
    if "grade" not in metadata:
        return
    value = metadata["grade"]
    whole = (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and _GRADE.fullmatch(value)
    )
    if whole and int(str(value)) in GRADES:
        metadata["grade"] = str(int(str(value)))
        return
    yield Remark(
        code="sidecar-grade",
        message=f"`grade` must be a whole number from {GRADES[0]} to {GRADES[-1]}, not {_shown(value)}.",
        line=line("grade"),
        hint="Write, for example, `grade: 5`; remove the line if there is no grade.",
    )


def _difficulty(metadata: dict[str, Json], line: Line) -> Iterator[Remark]:
    value = metadata.get("difficulty", "easy")
    if value in DIFFICULTIES:
        return
    meant = value.strip().casefold() if isinstance(value, str) else ""
    near = next((word for word in DIFFICULTIES if meant and (word.startswith(meant) or meant.startswith(word))), None)
    yield Remark(
        code="sidecar-difficulty",
        message=f"`difficulty` must be easy, medium or hard, not {_shown(value)}.",
        line=line("difficulty"),
        hint=f"Write `difficulty: {near}`." if near else "Choose one of the three, or remove the line.",
    )


def _codes(metadata: dict[str, Json], line: Line) -> Iterator[Remark]:
    for key in CODES:
        value = metadata.get(key)
        if isinstance(value, float):
            yield Remark(
                code="sidecar-code-is-a-number",
                message=f"`{key}` is a code, but it is written as a number and would be sent as {value}.",
                line=line(key),
                hint=f'Put it in quotes, as in `{key}: "3.10"`.',
            )


def _objectives(metadata: dict[str, Json], document: Document) -> Iterator[Remark]:
    key = "learningObjectiveSet"
    if key not in metadata:
        return
    sets = metadata[key]
    hint = "Write a list of `{source: CASE, learningObjectiveIds: [...]}`."
    if not isinstance(sets, list):
        yield _objective_remark(f"`{key}` must be a list.", document.line_of(document.root)(key), hint)
        return
    for number, entry in enumerate(sets):
        if not isinstance(entry, dict):
            line = document.line(sets, number)
            yield _objective_remark(f"Each entry of `{key}` must have keys of its own.", line, hint)
        elif "learningObjectiveIds" in entry:
            yield from _objective_ids(entry, document)


def _objective_ids(entry: dict[str, Json], document: Document) -> Iterator[Remark]:
    ids = entry["learningObjectiveIds"]
    if not isinstance(ids, list):
        line = document.line(entry, "learningObjectiveIds")
        yield _objective_remark("`learningObjectiveIds` must be a list.", line, 'Write, for example, `["3.10"]`.')
        return
    for number, value in enumerate(ids):
        if not isinstance(value, str):
            message = f"`learningObjectiveIds` must hold text; this one is read as {_shown(value)}."
            yield _objective_remark(message, document.line(ids, number), 'Put it in quotes, as in `"3.10"`.')


def _objective_remark(message: str, line: int | None, hint: str) -> Remark:
    return Remark(code="sidecar-learning-objectives", message=message, line=line, hint=hint)


def _shown(value: Json) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'"{value[:40]}{"…" if len(value) > 40 else ""}"'  # noqa: PLR2004 - enough to recognise it
        case list():
            return "a list"
        case _:
            return "a group of keys"
