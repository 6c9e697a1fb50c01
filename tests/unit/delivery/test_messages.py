"""Which requests change the API."""

from __future__ import annotations

from qtisync.delivery.messages import Purpose


def test_reads_are_told_from_writes():
    assert {purpose for purpose in Purpose if not purpose.writes} == {
        Purpose.PRE_READ,
        Purpose.READ_BACK,
        Purpose.CANARY_READ,
        Purpose.LIST,
        Purpose.CHECK,
        Purpose.PROBE,
    }
