"""A world in which every class of divergence is planted, by direct calls to the sandbox: what ``check`` must find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from world import World, item_xml, stimulus_xml

TARGET = {"owned_prefixes": ["our-"], "max_update": "100%", "max_concurrency": 8}


@dataclass(frozen=True)
class Planted:
    """Identifiers by class. ``quiet``: changed at the API in a way that is none of the classes."""

    classes: Mapping[str, frozenset[str]]
    quiet: frozenset[str]
    in_sync: int


def plant(world: World, total: int, each: int = 5) -> Planted:
    """``total`` items are synced, then each class is planted ``each`` times; the rest stays as it is."""
    names = [f"our-{number:04}" for number in range(total)]
    files = {f"items/{name[-2:]}/{name}.xml": item_xml(name) for name in names}
    files |= {f"items/{name[-2:]}/{name}.yaml": "difficulty: medium\nsubject: Math\n" for name in names}
    stimuli = [f"our-s{number}" for number in range(each)]
    files |= {f"stimuli/{name}.xml": stimulus_xml(name) for name in stimuli}
    world.commit(files)
    assert world.run("sync").code == 0
    take = iter(names)

    def some() -> list[str]:
        return [next(take) for _ in range(each)]

    classes: dict[str, list[str]] = {}
    api = world.api.world
    classes["drift content"] = some()
    for name in classes["drift content"]:
        api.edit_item(name, xml=item_xml(name, "Edited at the API"))
    classes["drift metadata"] = some()
    for name in classes["drift metadata"]:
        api.edit_item(name, metadata={**api.item(name).metadata, "difficulty": "hard", "updatedBy": "pat"})
    classes["drift vanished"] = some()
    for name in classes["drift vanished"]:
        api.remove_item(name)
    classes["drift stimulus"] = stimuli
    for name in stimuli:
        api.edit_stimulus(name, content="<p>Edited at the API</p>")
    classes["conflict"] = some()
    for name in classes["conflict"]:
        api.edit_item(name, xml=item_xml(name, "Edited at the API"))
    classes["unmanaged"] = [f"our-lost-{number}" for number in range(each)]
    classes["foreign"] = [f"their-{number}" for number in range(each)]
    for name in (*classes["unmanaged"], *classes["foreign"]):
        api.put_item(name, item_xml(name))
    classes["taken"] = [f"taken-{number}" for number in range(each)]
    for name in classes["taken"]:
        api.put_item(name, item_xml(name))
    classes["pending update"], classes["pending metadata"], classes["orphan"] = some(), some(), some()
    classes["broken"], classes["moved"] = some(), some()
    classes["pending create"] = [f"our-new-{number}" for number in range(each)]
    quiet = {"learner": some(), "reformatted": some(), "touched": some()}
    for name in quiet["learner"]:
        api.edit_item(name, metadata={**api.item(name).metadata, "status": "reported", "reportedBy": "a learner"})
    for name in quiet["reformatted"]:
        api.edit_item(name, xml=item_xml(name).replace('title="', "\n  title='").replace('" adaptive', "' adaptive"))
    for name in quiet["touched"]:
        api.edit_item(name)
    classes["parked"], classes["altered"] = some(), some()
    _send_what_fails(world, classes)
    _edit_git(world, classes)
    touched = {name for chosen in classes.values() for name in chosen}
    return Planted(
        classes={name: frozenset(chosen) for name, chosen in classes.items()},
        quiet=frozenset(name for chosen in quiet.values() for name in chosen),
        in_sync=sum(name not in touched for name in names) + len(classes["moved"]),
    )


def _send_what_fails(world: World, classes: Mapping[str, list[str]]) -> None:
    """Objects that the API refuses, and others that it says to have taken and did not."""
    failing = (*classes["parked"], *classes["altered"])
    world.commit({f"items/{name[-2:]}/{name}.xml": item_xml(name, "Edited in git") for name in failing})
    for name in classes["parked"]:
        world.api.faults.add(f"400@PUT:id={name}")
    for name in classes["altered"]:
        world.api.faults.add(f"no-op@PUT:id={name}")
    ran = world.run("apply", "--yes", *(word for name in failing for word in ("--only", name)))
    assert ran.code == 3, (ran.out, ran.err)
    world.api.faults.clear()


def _edit_git(world: World, classes: Mapping[str, list[str]]) -> None:
    def path(name: str) -> str:
        return f"items/{name[-2:]}/{name}.xml"

    files: dict[str, str | None] = {}
    for name in (*classes["conflict"], *classes["pending update"]):
        files[path(name)] = item_xml(name, "Edited in git")
    for name in classes["pending metadata"]:
        files[path(name).replace(".xml", ".yaml")] = "difficulty: easy\nsubject: Math\n"
    for name in classes["orphan"]:
        files |= {path(name): None, path(name).replace(".xml", ".yaml"): None}
    for name in classes["broken"]:
        files[path(name)] = "<qti-assessment-item"
    for name in classes["moved"]:
        files |= {path(name): None, f"moved/{name}.xml": item_xml(name)}
        files |= {
            path(name).replace(".xml", ".yaml"): None,
            f"moved/{name}.yaml": "difficulty: medium\nsubject: Math\n",
        }
    for name in (*classes["pending create"], *classes["taken"]):
        files[f"more/{name}.xml"] = item_xml(name)
    world.commit(files)
