"""From selected files and what their blobs say to a snapshot: identity, pairing, duplicates, what to leave alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qtisync.content.facts import BrokenFacts, Facts, ObjectFacts, OtherFacts
from qtisync.content.naming import MOST_NAMED, case_twins, orphaned_sidecars
from qtisync.content.pairing import Pairing, Pairings, located
from qtisync.content.selection import ContentRules, Entry, Selection
from qtisync.model import BlobId, Broken, CommitId, Facets, Item, Key, Kind, Problem, RepoPath, Snapshot


def load_snapshot(
    commit: CommitId,
    selection: Selection,
    facts: Mapping[BlobId, Facts],
    rules: ContentRules,
    *,
    yaml_facts: Mapping[BlobId, Facts] | None = None,
) -> Snapshot:
    """What ``commit`` wants, everything in order of path.

    ``facts`` say what each selected blob is; ``yaml_facts`` those of sidecars and defaults, if they are kept apart: the
    same bytes can lie under an ``.xml`` and a ``.yaml`` name, and each reader says something else of them. A selected
    blob without facts is a bug and raises ``KeyError``.

    No identity is both in ``items``, ``ignored`` and among the broken: where files disagree, they are broken.
    """
    pairings = Pairings(selection, facts if yaml_facts is None else yaml_facts, rules.stamp)
    claims = []
    others = 0
    for entry in selection.objects:
        said = facts[entry.blob]
        if isinstance(said, OtherFacts):
            others += 1
        else:
            sidecar = selection.pairs.get(entry.path)
            claims.append(_claim(entry, said, pairings.of(entry.path), None if sidecar is None else sidecar.path))
    items, broken, ignored = _judge(claims, rules.target)
    warnings = (
        *selection.warnings,
        *orphaned_sidecars(selection.strays, (claim.entry.path for claim in claims), rules.sidecar),
        *case_twins((claim.key, claim.entry.path) for claim in claims if claim.key is not None),
    )
    return Snapshot(
        commit=commit,
        items=items,
        broken=tuple(sorted((*selection.broken, *broken), key=lambda held: held.path)),
        ignored=ignored,
        warnings=tuple(sorted(warnings, key=lambda found: (found.path, found.code, found.message))),
        others=others,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A file that says it is an object."""

    entry: Entry
    key: Key | None
    said: ObjectFacts | None
    """``None``: it cannot be read."""
    pairing: Pairing
    problems: tuple[Problem, ...]
    sidecar: RepoPath | None

    def is_for(self, target: str) -> bool:
        """Whether its readable sidecar lets it go to a target."""
        steering = self.pairing.steering
        return not steering.ignore and (not target or steering.targets is None or target in steering.targets)

    @property
    def targets(self) -> tuple[str, ...] | None:
        """For which targets it claims its identity; ``None``, also where that cannot be read: for all."""
        return None if self.pairing.problems else self.pairing.steering.targets


def _claim(entry: Entry, said: Facts, pairing: Pairing, sidecar: RepoPath | None) -> _Claim:
    if isinstance(said, ObjectFacts):
        key: Key | None = Key(said.kind, said.identifier)
        problems = pairing.problems
    else:
        key = _readable_key(said)
        problems = (*_faults(entry.path, said), *pairing.problems)
    readable = said if isinstance(said, ObjectFacts) else None
    return _Claim(entry=entry, key=key, said=readable, pairing=pairing, problems=problems, sidecar=sidecar)


def _readable_key(said: Facts) -> Key | None:
    if not isinstance(said, BrokenFacts) or said.kind is None or said.identifier is None:
        return None
    return Key(said.kind, said.identifier)


def _faults(path: RepoPath, said: Facts) -> tuple[Problem, ...]:
    if isinstance(said, BrokenFacts):
        return tuple(located(path, remark) for remark in said.problems)
    hint = "Restore the XML, or exclude the file."
    return (Problem(path=path, code="not-xml", message="The file is empty or YAML, not XML.", hint=hint),)


def _judge(claims: Sequence[_Claim], target: str) -> tuple[dict[Key, Item], list[Broken], dict[Key, RepoPath]]:
    """What becomes of every claim: sent, held, or left alone."""
    rivals = _rivals(claims)
    items: dict[Key, Item] = {}
    broken: list[Broken] = []
    left: dict[Key, RepoPath] = {}
    for claim in claims:
        key, path = claim.key, claim.entry.path
        if key in rivals:
            problem = _duplicate(key, path, rivals[key])
            broken.append(Broken(path=path, key=key, problems=(problem, *claim.problems)))
        elif key is not None and not claim.pairing.problems and not claim.is_for(target):
            left.setdefault(key, path)
        elif key is None or claim.said is None or claim.problems:
            broken.append(Broken(path=path, key=key, problems=claim.problems))
        else:
            items.setdefault(key, _item(key, claim, claim.said))
    # One identifier may have several files for different targets: what is held or sent here outweighs what is not.
    for key in {found.key for found in broken}:
        if key is not None:
            items.pop(key, None)
            left.pop(key, None)
    return items, broken, {key: path for key, path in left.items() if key not in items}


def _rivals(claims: Iterable[_Claim]) -> dict[Key, list[RepoPath]]:
    """The identities that several files claim for one target, with all these files."""
    groups: defaultdict[Key, list[_Claim]] = defaultdict(list)
    for claim in claims:
        if claim.key is not None:
            groups[claim.key].append(claim)
    return {key: [claim.entry.path for claim in group] for key, group in groups.items() if _clash(group)}


def _clash(group: Sequence[_Claim]) -> bool:
    """Whether there is a target for which two of them claim their identity. ``ignore`` speaks of all targets."""
    if len(group) == 1:
        return False
    targets = [name for claim in group for name in claim.targets or ()]
    return any(claim.targets is None for claim in group) or len(targets) > len(set(targets))


def _duplicate(key: Key, path: RepoPath, paths: Sequence[RepoPath]) -> Problem:
    others = [other for other in paths[: MOST_NAMED + 1] if other != path][:MOST_NAMED]
    more = len(paths) - 1 - len(others)
    named = ", ".join(others) + (f" and {more:,} more" if more else "")
    return Problem(
        path=path,
        code="duplicate-identifier",
        message=f'The identifier "{key.identifier}" is also in {named}; none of them is sent.',
        hint="Give each its own identifier, or remove the copies.",
    )


def _item(key: Key, claim: _Claim, said: ObjectFacts) -> Item:
    pairing = claim.pairing
    return Item(
        key=key,
        path=claim.entry.path,
        blob=claim.entry.blob,
        sidecar=claim.sidecar,
        facets=Facets(content=said.content, metadata=pairing.digest),
        metadata=pairing.metadata,
        answers=said.answers,
        size=said.size,
        references=tuple([Key(Kind.STIMULUS, identifier) for identifier in said.references]),
        steering=pairing.steering,
        findings=tuple([located(claim.entry.path, remark) for remark in said.findings]),
    )
