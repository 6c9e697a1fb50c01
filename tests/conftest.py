"""Settings of all tests: which random histories are tried.

`make test` tries the same ones each time and everywhere, so that it says the same of the same code. `make explore` tries
new ones, and everything that is random in it follows from one seed, which it prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histories import USUAL
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

# A machine that is busy with something else is no fault of the code under test. What was found once is not kept in a
# database but in a test: otherwise a folder that is in no commit would decide what a run says.
_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None, max_examples=USUAL)
_EXPLORING = settings(_COMMON, derandomize=False)
settings.register_profile("default", _COMMON, derandomize=True)
settings.register_profile("short", _EXPLORING, max_examples=USUAL // 4)
settings.register_profile("long", _EXPLORING, max_examples=20 * USUAL)
settings.load_profile("default")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """After a run that explored and failed: how to see the same again."""
    profile, seed = config.getoption("--hypothesis-profile"), config.getoption("--hypothesis-seed")
    if profile in {"short", "long"} and terminalreporter.stats.get("failed"):
        terminalreporter.section("new histories failed")
        terminalreporter.line(f"The same again: make explore HISTORIES={profile} SEED={seed}")
        terminalreporter.line("What was found becomes a test of its own: CONTRIBUTING.md, Tests.")
