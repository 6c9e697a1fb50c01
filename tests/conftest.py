"""Settings of all tests.

``pytest --hypothesis-profile=long tests/property`` tries twenty times as many histories as ``make test`` does.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# `make test` says the same of the same code, each time and everywhere; what has not been thought of yet is looked for by
# the profile `long`. A machine that is busy with something else is no fault of the code under test.
_RANDOM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("default", _RANDOM, derandomize=True, database=None)
settings.load_profile("default")
settings.register_profile("long", _RANDOM, max_examples=20 * settings().max_examples)
