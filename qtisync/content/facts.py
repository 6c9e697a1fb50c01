"""What a blob says, apart from where it lies: so facts can be kept by blob id and nothing is parsed twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from qtisync.model import Digest, Identifier, Kind, Lane, Metadata, Steering

FACTS_VERSION = "facts/1"
"""Raise it when a reader or a check says something else of the same bytes; facts of other versions are ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A ``model.Problem`` without its path, because the same blob may lie at several."""

    code: str
    message: str
    line: int | None = None
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFacts:
    """A QTI 3 item or stimulus that may be sent."""

    kind: Kind
    identifier: Identifier
    content: Digest
    answers: Digest | None = None
    size: int = 0
    """Bytes of the blob."""
    references: tuple[Identifier, ...] = ()
    """Identifiers of the stimuli it refers to."""
    findings: tuple[Remark, ...] = ()
    """Lint: warnings, never a reason to hold it back unless asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFacts:
    """Well-formed XML that is not ours to send: a manifest, a QTI test, a response-processing template."""

    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenFacts:
    """A file that cannot be sent, with the reasons; ``identifier`` and ``kind`` where they could be read."""

    problems: tuple[Remark, ...]
    identifier: Identifier | None = None
    kind: Kind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarFacts:
    """A readable YAML sidecar or ``_defaults.yaml``."""

    metadata: Metadata = field(default_factory=dict)
    steering: Steering = Steering()
    steered: tuple[str, ...] = ()
    """Names of the steering keys that the file sets, so that a sidecar can override a folder's default."""


Facts: TypeAlias = ObjectFacts | OtherFacts | BrokenFacts | SidecarFacts
_TYPES: Mapping[str, type[Facts]] = {
    "object": ObjectFacts,
    "other": OtherFacts,
    "broken": BrokenFacts,
    "sidecar": SidecarFacts,
}
_NAMES = {cls: name for name, cls in _TYPES.items()}


def dump_facts(facts: Facts) -> str:
    """Facts as a compact JSON text for the record."""
    return json.dumps([_NAMES[type(facts)], asdict(facts)], ensure_ascii=False, separators=(",", ":"))


def load_facts(text: str) -> Facts:
    """The reverse of ``dump_facts``; raises ``ValueError``, ``KeyError`` or ``TypeError`` on anything else."""
    name, fields = json.loads(text)
    for key in ("findings", "problems"):
        if key in fields:
            fields[key] = tuple(Remark(**remark) for remark in fields[key])
    for key in ("references", "steered"):
        if key in fields:
            fields[key] = tuple(fields[key])
    if fields.get("kind") is not None:
        fields["kind"] = Kind(fields["kind"])
    if "steering" in fields:
        fields["steering"] = _load_steering(fields["steering"])
    return _TYPES[name](**fields)


def _load_steering(fields: dict[str, Any]) -> Steering:
    lane, targets = fields["lane"], fields["targets"]
    return Steering(
        **{
            **fields,
            "lane": None if lane is None else Lane(lane),
            "targets": None if targets is None else tuple(targets),
        }
    )
