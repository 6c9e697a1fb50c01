"""Settings of all tests.

``pytest --hypothesis-profile=long tests/property`` tries twenty times as many histories as ``make test`` does.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A machine that is busy with something else is no fault of the code under test.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")
settings.register_profile("long", max_examples=20 * settings().max_examples)
