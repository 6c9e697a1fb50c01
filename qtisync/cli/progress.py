"""Progress of long work on stderr: bars on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qtisync.cli.common_options import Common

SHOWN_FROM = 200  # units of work from which a step is worth a bar


class Bars:
    """``engine.ports.Progress`` by rich, on a terminal."""

    def __init__(self, common: Common) -> None:
        self._plain = common.plain
        self._shown = sys.stderr.isatty() and not common.quiet and common.format == "text"

    @contextmanager
    def step(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar for one step, if it is long and there is a terminal."""
        if not self._shown or (total is not None and total < SHOWN_FROM):
            yield _nothing
            return
        from rich.console import Console  # noqa: PLC0415 - only for long work on a terminal
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True, no_color=self._plain), transient=True) as progress:
            task = progress.add_task(label, total=total)
            yield lambda units: progress.advance(task, units)


def _nothing(_units: int) -> None:
    """No terminal."""
