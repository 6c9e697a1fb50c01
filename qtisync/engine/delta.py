"""The part of a commit that can differ from what the last pass left: changed files, and what is not settled yet.

Everything else is as the record says it is: wanted, sent and acknowledged. The result is, value by value, what looking
at everything gives; wherever that is not certain (folder defaults, links, strays, two files for one identity,
identifiers that look alike), ``None`` says so and everything is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from qtisync.content.facts import Facts, OtherFacts
from qtisync.content.globs import matcher
from qtisync.content.loader import load_snapshot
from qtisync.content.selection import DEFAULTS, ContentRules, Selection, SidecarNames, folder_of, select
from qtisync.engine.parsing import Reader
from qtisync.engine.ports import Progress, RecordReader, Source
from qtisync.engine.reading import VERSIONS, Caps, read_facts
from qtisync.engine.view import View
from qtisync.engine.warm import Warm, claimed, fold_of
from qtisync.model import BlobId, CommitId, Key, PassRecord, Presence, Recorded, RepoPath, Snapshot, Standing, TreeEntry

MOST_PATHS = 2_000
"""Changed files, or objects that are not settled, up to which looking at a part is worth it."""
_ROUNDS = 4  # each may find objects that the last one refers to
_ENDING = re.compile(r"(?:.*/)?[^/]*\*[^/*?\[]*(\.[^/*?\[.]+)")
_CONFUSIONS = frozenset(("duplicate-identifier", "case-twin"))


class _UnusualError(Exception):
    """Something that only a look at everything can judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a part is looked at."""

    source: Source
    record: RecordReader
    rules: ContentRules
    caps: Caps
    progress: Progress


def view_of_changes(ground: Ground, warm: Warm, last: PassRecord, commit: CommitId, at: float) -> View | None:
    """The part of ``commit`` that may differ from what the pass ``last`` left; ``None``: look at everything."""
    changed = ground.source.changed(warm.commit, commit)
    if changed is None or len(changed) > MOST_PATHS:
        return None
    unsettled = {row.key: row for row in ground.record.unsettled()}
    if len(unsettled) > MOST_PATHS:
        return None
    try:
        return _Delta(ground, warm, last, commit, changed, unsettled).view(at)
    except _UnusualError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The commit as if it had only some of its objects."""

    selection: Selection
    snapshot: Snapshot
    fresh: Mapping[str, Mapping[BlobId, Facts]]
    claims: frozenset[Key]
    claiming: frozenset[RepoPath]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """The same objects in the commit of the last pass."""

    claims: frozenset[Key]
    paths: frozenset[RepoPath]
    claiming: frozenset[RepoPath]
    """Those of them that are objects, readable or not; the rest are other files."""
    others: int


def _claiming(selection: Selection, facts: Mapping[BlobId, Facts]) -> frozenset[RepoPath]:
    return frozenset(entry.path for entry in selection.objects if not isinstance(facts[entry.blob], OtherFacts))


class _Delta:
    """One look."""

    def __init__(
        self,
        ground: Ground,
        warm: Warm,
        last: PassRecord,
        commit: CommitId,
        changed: Sequence[RepoPath],
        unsettled: Mapping[Key, Recorded],
    ) -> None:
        self._ground, self._warm, self._last, self._commit = ground, warm, last, commit
        self._changed, self._unsettled = changed, unsettled
        self._names = SidecarNames(ground.rules.sidecar)

    def view(self, at: float) -> View:
        """See ``view_of_changes``."""
        paths = self._touched() | {row.path for row in self._unsettled.values() if row.standing is Standing.WANTED}
        rows = dict(self._unsettled)
        for _ in range(_ROUNDS):
            part, past = self._part(paths), self._past(paths)
            needed = {key for item in part.snapshot.items.values() for key in item.references}
            rows |= self._ground.record.recorded_some((needed | past.claims | part.claims) - rows.keys())
            further = {row.path for row in rows.values() if row.standing is Standing.WANTED} - paths
            if any(key in rows and rows[key].path in further for key in part.claims):
                raise _UnusualError  # another file has this identity, too
            if not further:
                self._refuse_confusion(paths, part, past, rows)
                return self._view(at, paths, part, past, dict(sorted(rows.items())))
            paths |= further
        raise _UnusualError

    def _touched(self) -> set[RepoPath]:
        """Paths of objects, there or not, whose file or sidecar changed."""
        included, excluded = matcher(self._ground.rules.include), matcher(self._ground.rules.exclude)
        endings = self._endings()
        found: set[RepoPath] = set()
        for path in self._changed:
            if path.endswith((*self._names.endings, *DEFAULTS)):
                if excluded(path):
                    continue
                if path.rpartition("/")[2] in DEFAULTS or endings is None:
                    raise _UnusualError
                found.add(path)
                found.update(self._names.objects_of(path, endings))
            elif included(path) or not excluded(path):
                found.add(path)
        return found

    def _endings(self) -> tuple[str, ...] | None:
        """How the names of all objects end, so that a sidecar's object can be found; ``None``: in more ways."""
        found = [_ENDING.fullmatch(pattern) for pattern in self._ground.rules.include]
        return tuple(sorted({one[1] for one in found if one})) if all(found) else None

    def _entries(self, commit: CommitId, paths: Iterable[RepoPath]) -> Sequence[TreeEntry]:
        entries = self._ground.source.entries(commit, paths)
        if entries is None:
            raise _UnusualError
        return entries

    def _part(self, paths: set[RepoPath]) -> _Part:
        """The commit, as if it had only these objects."""
        looked_at = set(paths)
        for path in paths:
            looked_at.update(map(RepoPath, self._names.of(path)))
            folder = folder_of(path)
            while folder:
                looked_at.update(RepoPath(f"{folder}/{name}") for name in DEFAULTS)
                folder = folder_of(folder)
        looked_at.update(map(RepoPath, DEFAULTS))
        selection = select(self._entries(self._commit, looked_at), self._ground.rules)
        if selection.faults or selection.strays or selection.broken or selection.warnings:
            raise _UnusualError
        ground = self._ground
        known = read_facts(ground.source, ground.record, selection, ground.caps, ground.progress)
        snapshot = load_snapshot(self._commit, selection, known.xml, ground.rules, yaml_facts=known.yaml)
        if snapshot.warnings:
            raise _UnusualError
        claims = frozenset(filter(None, (claimed(known.xml[entry.blob]) for entry in selection.objects)))
        claiming = _claiming(selection, known.xml)
        return _Part(selection=selection, snapshot=snapshot, fresh=known.fresh, claims=claims, claiming=claiming)

    def _past(self, paths: set[RepoPath]) -> _Past:
        selection = select(self._entries(self._warm.commit, paths), self._ground.rules)
        blobs = {entry.blob for entry in selection.objects}
        facts = self._ground.record.known_facts(blobs, VERSIONS[Reader.XML])
        if facts.keys() != blobs:
            raise _UnusualError
        return _Past(
            claims=frozenset(filter(None, (claimed(facts[entry.blob]) for entry in selection.objects))),
            paths=frozenset(entry.path for entry in selection.objects),
            claiming=_claiming(selection, facts),
            others=sum(isinstance(facts[entry.blob], OtherFacts) for entry in selection.objects),
        )

    def _refuse_confusion(self, paths: set[RepoPath], part: _Part, past: _Past, rows: Mapping[Key, Recorded]) -> None:
        """Raise if files outside of the part may have a say in what becomes of it, or it in what becomes of them."""
        warm, last = self._warm, self._last
        new = part.claims - past.claims
        elsewhere = {broken.key for broken in last.broken if broken.path not in paths}
        elsewhere |= {key for key, path in warm.ignored.items() if path not in paths}
        held = {key for key in new if key in rows and rows[key].standing in (Standing.HELD, Standing.IGNORED)}
        broken = (*part.snapshot.broken, *(broken for broken in last.broken if broken.path in paths))
        codes = {problem.code for file in broken for problem in file.problems}
        codes |= {warning.code for warning in last.warnings if warning.path in paths}
        moved = past.paths ^ {entry.path for entry in part.selection.objects} | past.claiming ^ part.claiming
        folders = {folder_of(name) for path in moved | self._excluded(paths) for name in self._names.of(path)}
        if (
            held
            or not codes.isdisjoint(_CONFUSIONS)
            or not elsewhere.isdisjoint(new)
            or not warm.shared.isdisjoint(part.claims | past.claims)
            or not warm.stray_folders.isdisjoint(folders)
            or not warm.folds.isdisjoint(map(fold_of, new))
        ):
            raise _UnusualError

    def _excluded(self, paths: set[RepoPath]) -> set[RepoPath]:
        """Excluded objects: they are not looked at, but their sidecars are no strays."""
        return set(filter(matcher(self._ground.rules.exclude), paths))

    def _view(self, at: float, paths: set[RepoPath], part: _Part, past: _Past, rows: Mapping[Key, Recorded]) -> View:
        warm, last, found = self._warm, self._last, part.snapshot
        gone = sum(key in rows and rows[key].standing is Standing.WANTED for key in past.claims)
        ignored = {key: path for key, path in warm.ignored.items() if path not in paths} | dict(found.ignored)
        items = warm.items - gone + len(found.items)
        broken = (*(file for file in last.broken if file.path not in paths), *found.broken)
        desired = replace(
            found,
            broken=tuple(sorted(broken, key=lambda file: file.path)),
            ignored=ignored,
            warnings=tuple(warning for warning in last.warnings if warning.path not in paths),
            others=last.summary.get("others", 0) - past.others + found.others,
        )
        unsettled = self._unsettled.values()
        warm.folds.update(map(fold_of, part.claims))
        return View(
            snapshot=desired,
            recorded=rows,
            items=items,
            present=warm.items
            + sum(row.standing is not Standing.WANTED for row in unsettled)
            - sum(row.presence is not Presence.PRESENT for row in unsettled),
            fresh=part.fresh,
            changed=frozenset(self._changed),
            warm=replace(warm, commit=self._commit, at=at, items=items, ignored=ignored),
        )
