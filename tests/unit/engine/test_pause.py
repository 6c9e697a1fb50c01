"""A person's pause, kept in the record."""

from fakes import MemoryStore

from qtisync.engine import pause
from qtisync.engine.pause import Pause


def test_record_without_a_pause_has_none():
    assert pause.paused(MemoryStore(), 100.0) is None


def test_pause_holds_until_somebody_resumes():
    store, said = MemoryStore(), Pause(reason="exam week", since=100.0)
    pause.begin(store, said)

    assert pause.paused(store, 1e9) == said
    pause.end(store)
    assert pause.paused(store, 100.0) is None


def test_pause_with_an_end_is_over_then():
    store, said = MemoryStore(), Pause(reason="", since=100.0, until=200.0)
    pause.begin(store, said)

    assert pause.paused(store, 199.9) == said
    assert pause.paused(store, 200.0) is None


def test_pause_that_cannot_be_read_still_holds():
    """Whatever wrote it, somebody wanted that nothing is sent."""
    store = MemoryStore()
    store.put_setting(pause.SETTING, {"until": "soon"})

    assert pause.paused(store, 100.0) == Pause(reason="", since=100.0)
