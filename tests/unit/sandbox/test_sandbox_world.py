import itertools
import threading

import pytest

from qtisync.sandbox.journal import Journal, JournalEntry
from qtisync.sandbox.options import Options
from qtisync.sandbox.world import World


def test_times_rise_strictly_and_versions_count():
    world = World()
    rows = [world.put_item("q1", f"<a n='{number}'/>") for number in range(50)]

    assert [row.version for row in rows] == list(range(50))
    assert all(before.updated_at < after.updated_at for before, after in itertools.pairwise(rows))
    assert len({row.object_id for row in rows}) == 1


def test_what_was_read_does_not_change_behind_the_readers_back():
    world = World()
    mine = {"a": [1]}
    row = world.put_item("q1", "<a/>", mine)
    mine["a"].append(2)
    edited = world.edit_item("q1", metadata=mine)
    mine["a"].append(3)

    assert (row.metadata, edited.metadata, world.items()["q1"]) == ({"a": [1]}, {"a": [1, 2]}, edited)


def test_many_threads_lose_no_write():
    world = World()
    world.put_item("q1", "<a/>")
    threads = [threading.Thread(target=_edit, args=(world,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert world.item("q1").version == 400


def _edit(world):
    for _ in range(100):
        world.edit_item("q1", metadata={})


def test_removal_says_whether_it_was_there():
    world = World()
    world.put_item("q1", "<a/>")
    world.put_stimulus("s1", "T", "<p/>")

    assert [world.remove_item("q1"), world.remove_item("q1")] == [True, False]
    assert [world.remove_stimulus("s1"), world.remove_stimulus("s1")] == [True, False]


def test_journal_counts_what_is_in_flight():
    journal = Journal()
    first, second = journal.open(_arrived), journal.open(_arrived)
    journal.close(first.number, now=2.0, status=200, fault=None, applied=True, catastrophe=False)
    journal.clear()
    journal.close(second.number, now=3.0, status=200, fault=None, applied=True, catastrophe=False)

    assert ((first.in_flight, first.peak), (second.in_flight, second.peak)) == ((1, 1), (2, 2))
    assert (list(journal), journal.in_flight, journal.peak) == ([], 0, 1)


def _arrived(number, in_flight, peak):
    return JournalEntry(
        number=number,
        method="PUT",
        path="/api/assessment-items/q1",
        query="",
        identifier="q1",
        headers=(),
        body_sha256="",
        body_size=0,
        started=1.0,
        in_flight=in_flight,
        peak=peak,
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"metadata_on_put": "forget"}, "metadata_on_put: 'forget' is not one of replace, merge, keep-if-absent"),
        ({"raw_xml": "pretty"}, "raw_xml: 'pretty' is not one of"),
        ({"raw_xml": "drop_element:"}, "raw_xml: 'drop_element:' is not one of"),
        ({"rate": 0}, "rate: 0 is not a number of requests a second"),
        ({"burst": 0}, "burst: 0 is less than one request"),
        ({"latency": (2.0, 1.0)}, "latency: (2.0, 1.0) is not a range"),
        ({"invalid_xml_status": 418}, "invalid_xml_status: 418 is not one of 400, 422, 500"),
    ],
)
def test_wrong_option_is_named(wrong, words):
    with pytest.raises(ValueError) as caught:
        Options(**wrong)

    assert words in str(caught.value)
