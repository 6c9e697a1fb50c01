"""Objects of the API as files of a repository, and taken over: a commit of them leaves nothing to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from qtisync.content.facts import ObjectFacts
from qtisync.content.file_names import file_names
from qtisync.content.metadata import metadata_digest
from qtisync.content.payload import source_bytes
from qtisync.content.qti import parse_object
from qtisync.content.selection import SidecarNames
from qtisync.content.sidecar_text import Sidecar, sidecar_of
from qtisync.delivery.outcome import RemoteObject
from qtisync.engine.adopt import NO_NAME, complaint, is_name, plainly, snapshot_at
from qtisync.engine.recognise import Ask, look, takeover_lines
from qtisync.engine.survey import Eyes, Survey
from qtisync.model import Key, Metadata, Recorded, RepoPath
from qtisync.planning.takeover import Seen, without_file

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import Source, Store
    from qtisync.engine.reconcile import Aim

State: TypeAlias = Literal["new", "same", "differs"]
Outcome: TypeAlias = Literal["new", "same", "replaced", "kept", "in_git", "unreadable", "not_ours"]


class Shelf(Protocol):
    """A folder that files are imported into; nothing is ever written outside of it."""

    def files(self, ending: str) -> Iterator[tuple[str, bytes]]:
        """Every file in it whose name ends so."""

    def state(self, name: str, data: bytes) -> State:
        """Whether this file is there, with these bytes."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to import, and how."""

    prefix: str = ""
    overwrite: bool = False
    """Replace files that differ."""
    foreign: bool = False
    """Also what is not ours."""
    base: str | None = None
    """The path of the folder in its repository, with a slash at the end unless it is the root; ``None``: in none."""
    sidecar: str = "{stem}.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one object."""

    key: Key
    outcome: Outcome
    path: str = ""
    """Of its file, in the folder; for ``in_git`` in the repository."""
    reason: str = ""
    left_out: tuple[str, ...] = ()
    """Metadata keys that a sidecar cannot say; they stay at the API as keys of others."""
    adopted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What an import came to."""

    survey: Survey
    objects: tuple[Imported, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """The files of one object, not yet written."""

    content: bytes
    facts: ObjectFacts
    sidecar: Sidecar


def import_objects(eyes: Eyes, store: Store, source: Source, shelf: Shelf, aim: Aim, order: Order, ask: Ask) -> Import:
    """Read the API, write the files, and record what they show."""
    survey = look(eyes, keep_xml=True)
    chosen = {key: row for key, row in survey.rows.items() if key.identifier.startswith(order.prefix)}
    snapshot = snapshot_at(store, source, aim, ask)
    in_git = {key: item.path for key, item in snapshot.items.items()}
    in_git |= {broken.key: broken.path for broken in snapshot.broken if broken.key is not None}
    in_git |= snapshot.ignored
    places = _places(shelf, chosen)
    recorded = store.recorded_some(chosen)
    found: list[Imported] = []
    rows: dict[Key, Recorded] = {}
    seen: dict[Key, Seen] = {}
    for key, remote in sorted(chosen.items()):
        path = places[key]
        here = RepoPath((order.base or "") + path)
        if not is_name(key.identifier):
            found.append(Imported(key=key, outcome="unreadable", reason=NO_NAME))
            continue
        not_ours = complaint(key, remote, recorded.get(key), ask)
        if not_ours is not None and not order.foreign:
            found.append(Imported(key=key, outcome="not_ours", reason=not_ours))
            continue
        if order.base is not None and in_git.get(key, here) != here:
            found.append(Imported(key=key, outcome="in_git", path=in_git[key]))
            continue
        stamps = ask.ownership.on(remote.metadata)
        one, made = _import(shelf, key, _without(remote, stamps), path, order)
        if made is not None and one.outcome != "kept" and key not in recorded and key not in in_git:
            seen[key] = replace(plainly(remote), content=made.facts.content)
            rows[key] = without_file(key, seen[key], here, metadata_digest, {**stamps, **made.sidecar.metadata})
        found.append(one)
    store.note(takeover_lines("import", list(rows.values()), seen, ask.actor, eyes.clock.now()))
    store.plant(list(rows.values()))
    return Import(survey=survey, objects=tuple(replace(one, adopted=one.key in rows) for one in found))


def _without(remote: RemoteObject, stamps: Metadata) -> RemoteObject:
    """The object without the stamp: that is the target's, and never stands in a sidecar."""
    return replace(remote, metadata={name: value for name, value in remote.metadata.items() if name not in stamps})


def _places(shelf: Shelf, chosen: Mapping[Key, RemoteObject]) -> dict[Key, str]:
    """Where each object goes: to the file that has it already, wherever that lies, else to a new name."""
    there: dict[Key, str] = {}
    taken: list[str] = []
    for name, data in shelf.files(".xml"):
        taken.append(name)
        facts = parse_object(data)
        if isinstance(facts, ObjectFacts):
            there.setdefault(Key(facts.kind, facts.identifier), name)
    fresh = file_names((key for key in chosen if key not in there), taken)
    return {**fresh, **{key: there[key] for key in chosen if key in there}}


def _import(shelf: Shelf, key: Key, remote: RemoteObject, path: str, order: Order) -> tuple[Imported, _Made | None]:
    made = _made(key, remote)
    if isinstance(made, str):
        return Imported(key=key, outcome="unreadable", reason=made), None
    files = {path: made.content, SidecarNames(order.sidecar).of(path)[0]: made.sidecar.text.encode()}
    states = {name: shelf.state(name, data) for name, data in files.items()}
    differs = "differs" in states.values()
    if differs and not order.overwrite:
        reason = "the file differs: " + ", ".join(name for name, state in states.items() if state == "differs")
        return Imported(key=key, outcome="kept", path=path, reason=reason), made
    for name, data in files.items():
        if states[name] != "same" and (data or states[name] == "differs"):
            shelf.write(name, data)
    outcome: Outcome = "replaced" if differs else "new" if states[path] == "new" else "same"
    return Imported(key=key, outcome=outcome, path=path, left_out=made.sidecar.left_out), made


def _made(key: Key, remote: RemoteObject) -> _Made | str:
    """The files of an object, or why there can be none."""
    if not remote.xml:
        return "the API does not show its XML"
    try:
        content = source_bytes(remote.xml)
    except UnicodeEncodeError:
        return "its XML holds characters that no file can"
    facts = parse_object(content, max_bytes=len(content))
    if not isinstance(facts, ObjectFacts):
        problems = getattr(facts, "problems", ())
        return problems[0].message if problems else "its XML is no QTI 3"
    if Key(facts.kind, facts.identifier) != key:
        return f"its XML is of {Key(facts.kind, facts.identifier)}"
    return _Made(content=content, facts=facts, sidecar=sidecar_of(remote.metadata))
