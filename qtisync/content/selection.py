"""Which files of a commit matter, by path and mode alone: objects, their sidecars, and folder defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol

from qtisync.content.globs import literal_folder, matcher
from qtisync.model import BlobId, Broken, Problem, RepoPath
from qtisync.ownership import Stamp

DEFAULTS = ("_defaults.yaml", "_defaults.yml")
_TWINS = {".yaml": ".yml", ".yml": ".yaml"}
_SYMLINK = "120000"
_SUBMODULE = "160000"
_REGULAR = "100"
"""How the modes of all ordinary files begin: 100644, 100755, and 100664 in old repositories."""


class Entry(Protocol):
    """One file of a commit's tree."""

    @property
    def path(self) -> RepoPath:
        """Where it lies."""

    @property
    def mode(self) -> str:
        """What git says it is, six octal digits."""

    @property
    def blob(self) -> BlobId:
        """Its content's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRules:
    """Which files are content, and for whom it is read."""

    include: tuple[str, ...] = ("**/*.xml",)
    """Patterns of objects (see ``globs.matcher``)."""
    exclude: tuple[str, ...] = ()
    """Patterns of files that are not looked at: objects, sidecars, defaults and submodules alike."""
    sidecar: str = "{stem}.yaml"
    """A sidecar's path from the folder of its object; ``{stem}`` is the object's file name up to its last dot."""
    target: str = ""
    """Name of the target that the snapshot is for; empty: for none in particular, so ``targets`` excludes nothing."""
    stamp: Stamp | None = None
    """What says at this target whose its objects are: metadata of every object, as if it stood above all folders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The files that matter, each sequence in order of path. The blobs of the first three must be read."""

    objects: tuple[Entry, ...] = ()
    """Files that may be objects; their content decides."""
    sidecars: tuple[Entry, ...] = ()
    """Readable sidecars of these."""
    defaults: tuple[Entry, ...] = ()
    """Readable ``_defaults.yaml`` files in folders on the way to these."""
    pairs: Mapping[RepoPath, Entry] = field(default_factory=dict)
    """The sidecar of each object that has one."""
    layers: Mapping[str, Entry] = field(default_factory=dict)
    """The defaults of each folder that has some, by the folder's path (the root: empty)."""
    faults: Mapping[RepoPath, Problem] = field(default_factory=dict)
    """Sidecars and defaults of ``pairs`` and ``layers`` that cannot be read, and why."""
    strays: tuple[RepoPath, ...] = ()
    """Files that look like sidecars, with no object to belong to."""
    broken: tuple[Broken, ...] = ()
    """Objects that are no ordinary files."""
    warnings: tuple[Problem, ...] = ()


class SidecarNames:
    """The naming rule of sidecars, from an object's path to the paths at which its sidecar may lie."""

    def __init__(self, pattern: str) -> None:
        folder, slash, name = pattern.removeprefix("./").rpartition("/")
        self._folder = folder + slash
        self._before, _, after = name.partition("{stem}")
        ending = next((ending for ending in _TWINS if after.endswith(ending)), None)
        self._afters = (after,) if ending is None else (after, after.removesuffix(ending) + _TWINS[ending])
        self.endings = tuple(after for after in self._afters if after) or tuple(_TWINS)
        """How the names of all sidecars end."""

    def of(self, path: str) -> tuple[str, ...]:
        """Where the sidecar of an object may lie, the name as configured first."""
        folder, slash, name = path.rpartition("/")
        stem = name.rpartition(".")[0] or name
        start = f"{folder}{slash}{self._folder}{self._before}{stem}"
        return tuple(start + after for after in self._afters)

    def objects_of(self, path: str, endings: Iterable[str]) -> tuple[RepoPath, ...]:
        """Where the objects of a sidecar may lie, if the names of all objects end so."""
        found = []
        for after in filter(path.endswith, self._afters):
            head, slash, name = path.removesuffix(after).rpartition("/")
            folder = head + slash
            if folder.endswith(self._folder) and name.startswith(self._before):
                stem = folder.removesuffix(self._folder) + name.removeprefix(self._before)
                found += [stem + ending for ending in endings if path in self.of(stem + ending)]
        return tuple(map(RepoPath, dict.fromkeys(found)))

    def could_be(self, path: str) -> bool:
        """Whether a path looks like a sidecar; ``.gitlab-ci.yml``, ``_config.yml`` and the like belong to others."""
        name = path.rpartition("/")[2]
        return (
            name.startswith(self._before)
            and name.endswith(self.endings)
            and not name.startswith((".", "_", "qtisync."))
        )


def folder_of(path: str) -> str:
    """The folder in which a path lies; empty for the root."""
    return path.rpartition("/")[0]


def select(entries: Iterable[Entry], rules: ContentRules) -> Selection:
    """Sort a commit's files by their part. Symbolic links and submodules are never followed."""
    names = SidecarNames(rules.sidecar)
    included, excluded = matcher(rules.include), matcher(rules.exclude)
    matched: list[Entry] = []
    companions: dict[str, Entry] = {}
    warnings: list[Problem] = []
    for entry in sorted(entries, key=attrgetter("path")):
        path = entry.path
        if path.endswith((*names.endings, *DEFAULTS)):
            if not excluded(path):
                companions[path] = entry
        elif included(path) and entry.mode != _SUBMODULE:
            matched.append(entry)
        elif entry.mode == _SUBMODULE and _may_hold(path, rules.include) and not excluded(path):
            warnings.append(_submodule(path))
    candidates = [entry for entry in matched if not excluded(entry.path)]
    objects = tuple(entry for entry in candidates if entry.mode.startswith(_REGULAR))
    broken = tuple(_not_a_file(entry) for entry in candidates if not entry.mode.startswith(_REGULAR))
    return _paired(objects, matched, companions, names, broken=broken, warnings=tuple(warnings))


def _paired(
    objects: tuple[Entry, ...],
    matched: list[Entry],
    companions: Mapping[str, Entry],
    names: SidecarNames,
    *,
    broken: tuple[Broken, ...],
    warnings: tuple[Problem, ...],
) -> Selection:
    faults: dict[RepoPath, Problem] = {}
    pairs: dict[RepoPath, Entry] = {}
    for entry in objects:
        found = _one_of(names.of(entry.path), companions, faults)
        if found is not None:
            pairs[entry.path] = found
    layers = _layers(objects, companions, faults)
    used = {entry.path for entry in pairs.values()}
    strays = [path for path in companions if path not in used and names.could_be(path)]
    taken = {name for entry in matched for name in names.of(entry.path)} if strays else set()
    return Selection(
        objects=objects,
        sidecars=_readable(pairs, faults),
        defaults=_readable(layers, faults),
        pairs=pairs,
        layers=layers,
        faults=faults,
        strays=tuple(RepoPath(path) for path in strays if path not in taken),
        broken=broken,
        warnings=warnings,
    )


def _one_of(paths: tuple[str, ...], companions: Mapping[str, Entry], faults: dict[RepoPath, Problem]) -> Entry | None:
    """The file that exists under one of these names; a fault is noted if both do or if it is no ordinary file."""
    found = [companions[path] for path in paths if path in companions]
    if not found:
        return None
    entry = found[0]
    if len(found) > 1:
        message = f"Both {entry.path} and {found[1].path} exist, and only one of them can count."
        faults[entry.path] = Problem(path=entry.path, code="two-sidecars", message=message, hint="Remove one of them.")
    elif not entry.mode.startswith(_REGULAR):
        faults[entry.path] = _fault(entry)
    return entry


def _layers(
    objects: tuple[Entry, ...], companions: Mapping[str, Entry], faults: dict[RepoPath, Problem]
) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for folder in _folders(objects):
        prefix = f"{folder}/" if folder else ""
        layer = _one_of(tuple(prefix + name for name in DEFAULTS), companions, faults)
        if layer is not None:
            found[folder] = layer
    return dict(sorted(found.items()))


def _folders(objects: tuple[Entry, ...]) -> set[str]:
    """The folders of the objects and all above them, up to the root."""
    seen: set[str] = set()
    for entry in objects:
        folder = folder_of(entry.path)
        while folder not in seen:
            seen.add(folder)
            folder = folder_of(folder)
    return seen


def _readable(
    found: Mapping[RepoPath, Entry] | Mapping[str, Entry], faults: Mapping[RepoPath, Problem]
) -> tuple[Entry, ...]:
    distinct = {entry.path: entry for entry in found.values() if entry.path not in faults}
    return tuple(distinct[path] for path in sorted(distinct))


def _may_hold(folder: str, include: Iterable[str]) -> bool:
    """Whether a pattern could match something inside a folder."""
    places = (literal_folder(pattern) for pattern in include)
    return any(place.startswith(f"{folder}/") or f"{folder}/".startswith(place) for place in places)


def _not_a_file(entry: Entry) -> Broken:
    return Broken(path=entry.path, problems=(_fault(entry),))


def _fault(entry: Entry) -> Problem:
    if entry.mode == _SYMLINK:
        return Problem(
            path=entry.path,
            code="symlink",
            message="This is a symbolic link, and links are not followed.",
            hint="Replace it by the file itself, or exclude it.",
        )
    return Problem(
        path=entry.path,
        code="not-a-regular-file",
        message=f"This is no ordinary file (git mode {entry.mode}).",
        hint="Replace it by an ordinary file, or exclude it.",
    )


def _submodule(path: RepoPath) -> Problem:
    return Problem(
        path=path,
        code="submodule",
        message="This is a submodule; the files in it are not read.",
        hint="Synchronise that repository by itself, or exclude the path.",
    )
