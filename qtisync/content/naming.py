"""Names that people confuse: identifiers that look alike, and sidecars that lost their object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from unicodedata import normalize

from qtisync.content.selection import SidecarNames, folder_of
from qtisync.model import Identifier, Key, Kind, Problem, RepoPath

MOST_NAMED = 10
"""Paths that one message names; a thousand copies must not make a million words."""


def case_twins(claims: Iterable[tuple[Key, RepoPath]]) -> Iterator[Problem]:
    """A warning for each file whose identifier differs from another one only by case or by Unicode form."""
    claims = list(claims)
    first: dict[tuple[Kind, str], Identifier] = {}
    twins = set()
    for key, _ in claims:
        same = key.kind, folded(key.identifier)
        if first.setdefault(same, key.identifier) != key.identifier:
            twins.add(same)
    if twins:
        yield from _warnings_of(claims, twins)


def _warnings_of(claims: list[tuple[Key, RepoPath]], twins: set[tuple[Kind, str]]) -> Iterator[Problem]:
    alike: defaultdict[tuple[Kind, str], dict[Identifier, list[RepoPath]]] = defaultdict(dict)
    for key, path in claims:
        same = key.kind, folded(key.identifier)
        if same in twins:
            alike[same].setdefault(key.identifier, []).append(path)
    for spellings in alike.values():
        shown = sorted(spellings)[: MOST_NAMED + 1]
        for spelling, paths in spellings.items():
            message = _twin_message(spelling, {other: spellings[other][0] for other in shown if other != spelling})
            yield from (_twin(path, message) for path in paths)


def folded(identifier: str) -> str:
    """The same text for identifiers that people take for the same."""
    if identifier.isascii():
        return identifier.lower()
    return normalize("NFC", normalize("NFC", identifier).casefold())


def orphaned_sidecars(strays: Iterable[RepoPath], objects: Iterable[RepoPath], pattern: str) -> Iterator[Problem]:
    """A warning for each stray where sidecars of real objects lie; YAML files elsewhere are somebody else's."""
    if not (strays := tuple(strays)):
        return
    names = SidecarNames(pattern)
    expected = [path for name in objects for path in names.of(name)]
    places = {folder_of(path) for path in expected}
    orphans = [path for path in strays if folder_of(path) in places]
    if not orphans:
        return
    by_fold = {folded(path): path for path in reversed(expected)}
    for path in orphans:
        twin = by_fold.get(folded(path))
        yield Problem(
            path=path,
            code="orphaned-sidecar",
            message="No object belongs to this sidecar, so it is not used.",
            hint=f"Rename it to {twin}: upper and lower case count."
            if twin
            else "Name it like its object, or remove it.",
        )


def _twin_message(spelling: Identifier, others: dict[Identifier, RepoPath]) -> str:
    named = ", ".join(f'"{other}" in {path}' for other, path in list(others.items())[:MOST_NAMED])
    return f'The identifier "{spelling}" looks like {named}, but it is another one.'


def _twin(path: RepoPath, message: str) -> Problem:
    hint = "Capitals and forms of accents count: give them names that people can tell apart."
    return Problem(path=path, code="case-twin", message=message, hint=hint)
