"""What came before is known again, for a while and up to a number."""

from __future__ import annotations

from qtisync.web.deliveries import BODY_LIFE, ID_LIFE, Deliveries, keys_of
from qtisync.web.signatures import Forge

NOW = 1000.0


def keys(delivery: str | None, body: bytes) -> tuple[bytes, ...]:
    return keys_of(Forge.GITHUB, delivery, body)


def test_delivery_is_new_once():
    memory = Deliveries()

    assert memory.is_new(keys("1", b"a"), NOW)
    assert not memory.is_new(keys("1", b"b"), NOW)
    assert not memory.is_new(keys("2", b"a"), NOW)
    assert not memory.is_new(keys(None, b"a"), NOW)
    assert memory.is_new(keys("2", b"b"), NOW)


def test_what_was_only_compared_is_not_remembered():
    memory = Deliveries()
    memory.is_new(keys("1", b"a"), NOW)
    memory.is_new(keys("1", b"b"), NOW)

    assert memory.is_new(keys("2", b"b"), NOW)


def test_body_is_forgotten_before_the_id():
    memory = Deliveries()
    memory.is_new(keys("1", b"a"), NOW)

    assert not memory.is_new(keys("2", b"a"), NOW + BODY_LIFE - 1)
    assert memory.is_new(keys("2", b"a"), NOW + BODY_LIFE)
    assert not memory.is_new(keys("1", b"z"), NOW + ID_LIFE - 1)
    assert memory.is_new(keys("1", b"z"), NOW + ID_LIFE)


def test_number_of_what_is_remembered_is_bounded_and_the_oldest_goes_first():
    memory = Deliveries(kept=10)
    for number in range(100):
        memory.is_new(keys(str(number), b"%d" % number), NOW)

    assert len(memory) == 10
    assert not memory.is_new(keys("99", b"new"), NOW)
    assert memory.is_new(keys("1", b"1"), NOW)


def test_delivery_that_was_forgotten_may_come_again():
    memory = Deliveries()
    memory.is_new(keys("1", b"a"), NOW)
    memory.forget(keys("1", b"a"))
    memory.forget(keys("never", b"there"))

    assert (len(memory), memory.is_new(keys("1", b"a"), NOW)) == (0, True)


def test_keys_are_short_whatever_was_sent_and_differ_between_forges():
    long = keys("x" * 100_000, b"y" * 1_000_000)

    assert [len(key) for key in long] == [37, 35]
    assert set(long).isdisjoint(keys_of(Forge.GITEA, "x" * 100_000, b"y" * 1_000_000))
