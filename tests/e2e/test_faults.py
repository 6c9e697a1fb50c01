"""Under faults of every sort all items converge: no duplicate, no lost update, no refused item that comes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from world import World, item_xml

ITEMS = 300
REFUSED = tuple(f"q-{n:03}" for n in range(0, ITEMS, 75))
EVERY = {
    "429:retry-after=0.1": 97,
    "429:retry-after=garbage": 211,
    "503:retry-after=date+1": 307,
    "500": 113,
    "500-after": 127,
    "503": 131,
    "html-502": 109,
    "reset-before": 103,
    "reset-after": 67,
    "close-before": 139,
    "close-after": 71,
    "truncate": 73,
    "hang=0.2": 149,
    "hang-after=0.2": 151,
    "html-200": 157,
    "empty-200": 163,
    "empty-object": 167,
    "401": 173,
    "slow=0.2": 179,
}
"""About one call in eleven; each rule strikes on each so-manieth call, so that no run is without one of them."""
SCRIPT = (
    *(f"400:id={name}:times=1" for name in REFUSED),
    *(f"{name}:every={n}" for name, n in EVERY.items()),
    "e11000@POST:nth=40",
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, target={"max_requests_per_second": 1000.0, "max_concurrency": 32}) as made:
        yield made


def applied(world: World) -> Counter[str | None]:
    """How often each item was really written."""
    return Counter(entry.identifier for entry in world.api.journal.writes() if entry.applied)


def held(world: World) -> dict[str, tuple[str, dict[str, Any]]]:
    return {name: (row.xml, row.metadata) for name, row in world.api.world.items().items()}


def test_300_items_converge_under_all_faults_and_nothing_is_written_twice(world: World) -> None:
    files = {f"q-{n:03}": item_xml(f"q-{n:03}", f"Question {n}") for n in range(ITEMS)}
    world.commit({f"{name}.xml": xml for name, xml in files.items()} | {"_defaults.yaml": "subject: Math\n"})
    world.api.faults.add(*SCRIPT)

    report = world.report("sync", code=3)

    struck = world.api.faults.counts()
    parked = {item["identifier"]: item["outcome"] for item in report["items"] if item["outcome"]["status"] == "parked"}
    assert set(parked) == set(REFUSED)
    assert {outcome["refusal"] for outcome in parked.values()} == {"RequestError"}
    expected = {name: (xml, {"subject": "Math"}) for name, xml in files.items() if name not in REFUSED}
    assert held(world) == expected
    assert applied(world) == dict.fromkeys(expected, 1)
    calls = len(world.calls())
    print(
        f"create: {calls} calls for {ITEMS} items, {calls / ITEMS:.2f} times the least; faults: {sum(struck.values())}"
    )

    # A later pass revives nothing that was refused, and changes arrive under the same faults.
    changed = [name for name in files if name not in REFUSED][:60]
    files |= {name: files[name].replace("Question", "A better question") for name in changed}
    metadata = [name for name in files if name not in REFUSED][100:120]
    world.api.journal.clear()
    world.commit(
        {f"{name}.xml": files[name] for name in changed} | {f"{name}.yaml": "grade: '5'\n" for name in metadata}
    )
    world.report("sync", code=3)
    expected |= {name: (files[name], {"subject": "Math"}) for name in changed}
    expected |= {name: (files[name], {"subject": "Math", "grade": "5"}) for name in metadata}
    assert held(world) == expected
    assert applied(world) == dict.fromkeys([*changed, *metadata], 1)
    calls, least = len(world.calls()), len(changed) + len(metadata) + 1  # a list of what is there, then a write each
    print(f"update: {calls} calls for {len(changed) + len(metadata)} items, {calls / least:.2f} times the least")
    assert not set(REFUSED) & {entry.identifier for entry in world.api.journal.writes()}

    # Once it is quiet, nothing is left to say.
    world.api.faults.clear()
    world.api.journal.clear()
    world.report("sync", code=3)
    assert world.calls() == []
    assert world.api.journal.catastrophes() == []
    assert [rule for rule, count in struck.items() if not count and "every" in rule] == []
