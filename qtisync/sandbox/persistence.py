"""The state file: everything that is stored, as JSON, replaced as a whole so that it is never half written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Final

from qtisync.sandbox.messages import JsonObject, encode
from qtisync.sandbox.shelf import Stored
from qtisync.sandbox.world import World

FORMAT: Final = 1


class StateFile:
    """Loads at the start, saves after each change: meant for rehearsals, not for tens of thousands of items."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def attach(self, world: World) -> None:
        """Fill ``world`` from the file, if there is one, and keep the file up to date from now on.

        Raises ``ValueError`` if it is not a state file.
        """
        if self._path.exists():
            items, stimuli = _read(self._path)
            world.load(items, stimuli)
        world.item_shelf.on_change = world.stimulus_shelf.on_change = lambda: self._save(world)

    def _save(self, world: World) -> None:
        shelves = {"items": world.items().values(), "stimuli": world.stimuli().values()}
        state = {"format": FORMAT} | {name: [*map(asdict, rows)] for name, rows in shelves.items()}
        beside = self._path.with_name(f"{self._path.name}.new")
        with beside.open("wb") as file:
            file.write(encode(state))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)


def _read(path: Path) -> tuple[list[Stored], list[Stored]]:
    try:
        state = json.loads(path.read_bytes())
        if state["format"] != FORMAT:
            raise ValueError(f"{path}: format {state['format']!r} is not {FORMAT}")
        return _rows(state["items"]), _rows(state["stimuli"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a state file of the sandbox: {error!r}") from error


def _rows(values: Iterable[JsonObject]) -> list[Stored]:
    return [Stored(**value) for value in values]
