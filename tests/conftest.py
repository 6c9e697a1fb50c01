"""Settings of all tests.

``pytest --hypothesis-profile=long tests/property`` tries twenty times as many histories as ``make test`` does.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("long", max_examples=20 * settings().max_examples)
