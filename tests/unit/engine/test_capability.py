"""What was found out about a target is kept, shown, and can be forgotten."""

from __future__ import annotations

from fakes import MemoryStore

from qtisync.engine.capability import Capability, Fitness, Verdict, fitnesses, forget, note, verdict

UNFIT = Verdict(fitness=Fitness.UNFIT, reason="it touched q9", at=1.5)
FIT = Verdict(fitness=Fitness.FIT, reason="one list showed 4 of 4 items", at=2.0)


def test_verdicts_stand_beside_each_other_and_can_be_forgotten():
    store = MemoryStore()
    assert verdict(store, Capability.LIST_FILTER) == Verdict()

    note(store, Capability.METADATA_ENDPOINT, UNFIT)
    note(store, Capability.LIST_FILTER, FIT)

    assert [verdict(store, one) for one in Capability] == [UNFIT, FIT]
    assert fitnesses(store) == {"metadata_endpoint": "unfit", "list_filter": "fit"}

    forget(store)

    assert fitnesses(store) == {"metadata_endpoint": "untested", "list_filter": "untested"}


def test_odd_setting_is_no_verdict():
    store = MemoryStore()
    store.put_setting("capabilities", {"list_filter": "fit", "metadata_endpoint": {"at": "today"}})

    assert [verdict(store, one) for one in Capability] == [Verdict(), Verdict()]
