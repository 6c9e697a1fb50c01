"""How many random histories a property tries: so many in `make test`, and a multiple or a share in the other profiles."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings

USUAL = 100
"""``max_examples`` of the profile of `make test`, which numbers in tests refer to."""


def histories(number: int, **others: Any) -> settings:
    """Settings that try ``number`` examples in `make test`; every property with a number of its own takes them from here.

    A plain ``settings(max_examples=…)`` would try the same few in each profile, also in the ones that look for new ones.
    """
    return settings(max_examples=max(1, round(number * settings().max_examples / USUAL)), **others)


patient = pytest.mark.timeout(3600)
"""For state machines: to shrink a history that failed takes minutes, and its timeout would be told in its place."""
