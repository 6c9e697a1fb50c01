"""What to do, by the path of a file: one word for all, or patterns with one word each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from qtisync.config.values import check_pattern, fault
from qtisync.model import RepoPath
from qtisync.planning.comparison import OnDrift

VERDICTS = ("report", "overwrite", "block")


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do, by the path of the file: the first pattern that matches decides, ``report`` where none does."""

    rules: tuple[tuple[str, str], ...]
    """Patterns, each with one of ``VERDICTS``."""

    def __str__(self) -> str:
        return ", ".join(f"{pattern}: {verdict}" for pattern, verdict in self.rules)


def parse_policy(value: object) -> Policy:
    """``overwrite``, or ``{"items/exams/**": block, "**": report}``."""
    hint = 'write one of these words, or patterns of paths with one each: {"items/exams/**": block}'
    if isinstance(value, Policy):
        return value
    rules = {"**": value} if isinstance(value, str) else value
    if not isinstance(rules, dict) or not rules:
        raise fault("is neither a word nor patterns of paths", hint)
    for pattern, verdict in rules.items():
        if verdict not in VERDICTS:
            place = "" if isinstance(value, str) else f" for {pattern!r}"
            raise fault(f"must be report, overwrite or block{place}", hint)
        check_pattern(str(pattern))
    return Policy(tuple((str(pattern), str(verdict)) for pattern, verdict in rules.items()))


def dump_policy(policy: Policy) -> object:
    """The shortest spelling of a policy."""
    return policy.rules[0][1] if [pattern for pattern, _ in policy.rules] == ["**"] else dict(policy.rules)


PolicyValue: TypeAlias = Annotated[
    Policy,
    PlainValidator(parse_policy),
    PlainSerializer(dump_policy),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(VERDICTS)},
                {"type": "object", "minProperties": 1, "additionalProperties": {"enum": list(VERDICTS)}},
            ]
        }
    ),
]


def drift_policy(policy: Policy) -> Callable[[RepoPath], OnDrift]:
    """What to do about an object with this path that drifted."""
    from qtisync.content.globs import matcher  # noqa: PLC0415 - only when something is compared or sent

    rules = tuple((matcher([pattern]), OnDrift(verdict)) for pattern, verdict in policy.rules)
    return lambda path: next((verdict for matches, verdict in rules if matches(path)), OnDrift.REPORT)
