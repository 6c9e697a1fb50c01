"""The meter of those who count nothing."""

from __future__ import annotations


class SilentMeter:
    """``engine.ports.Meter`` of a command: it ends soon, and its report says everything."""

    def called(self, purpose: str, outcome: str, seconds: float) -> None:
        """Not counted."""

    def paused(self, reason: str, seconds: float) -> None:
        """Not counted."""

    def passed(self, outcome: str, seconds: float) -> None:
        """Not counted."""

    def token_refreshed(self) -> None:
        """Not counted."""

    def rung(self, origin: str) -> None:
        """Not counted."""
