"""Durations on the command line, written as in the configuration."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    _ParamType = click.ParamType[float]
else:
    _ParamType = click.ParamType  # click before 8.3 has no type parameter

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
# As in ``config.values``, which is not imported here: it loads pydantic, and a hook's options are read without.


class Duration(_ParamType):
    """Seconds: ``90``, ``90s``, ``5m``, ``2h``, ``1d``; from ``least`` to ``most``."""

    name = "duration"

    def __init__(self, *, least: float = 0.1, most: float = 366 * 86_400.0) -> None:
        self._least, self._most = least, most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds that a word means; a number is taken as seconds."""
        if isinstance(value, int | float):
            return float(value)
        found = _DURATION.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is not a duration. Write it as 90s, 5m or 2h; a plain number is seconds.", param, ctx)
        seconds = float(found[1]) * _UNITS[found[2]]
        if not (math.isfinite(seconds) and self._least <= seconds <= self._most):
            self.fail(f"{value!r} must be from {said(self._least)} to {said(self._most)}.", param, ctx)
        return seconds


def said(seconds: float) -> str:
    """A duration as one would type it: ``300.0`` → ``5m``."""
    unit = next(unit for unit in ("d", "h", "m", "s") if unit == "s" or (seconds and seconds % _UNITS[unit] == 0))
    return f"{seconds / _UNITS[unit]:g}{unit}"


TIMEOUT = Duration()
