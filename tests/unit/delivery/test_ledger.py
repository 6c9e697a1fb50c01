"""The journal as a chain: whatever is done to it afterwards shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import START, a_commit, a_journal_line, a_key, a_recorded, facets
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.ledger import (
    FIELDS,
    Chain,
    Entry,
    Fault,
    Place,
    carried,
    chained,
    digest_of,
    faults,
    line_of,
    signed,
    values_of,
)
from qtisync.model import JournalLine, Key, Kind

START_OF_ALL = Place()
words = st.text(max_size=9)
maybe = st.none() | words
lines = st.builds(
    JournalLine,
    at=st.floats(0, 4e9),
    key=st.none() | st.builds(Key, st.sampled_from(Kind), words),
    method=words,
    path=words,
    purpose=words,
    outcome=words,
    commit=maybe,
    author=maybe,
    actor=maybe,
    content=maybe,
    metadata=maybe,
    http_status=st.none() | st.integers(100, 599),
    remote_version=st.none() | st.integers(0, 2**40),
    message=maybe,
)


def a_chain(count: int = 5) -> tuple[list[Entry], Chain]:
    entries = list(chained(Place(), [a_journal_line(a_key(f"q{n}"), at=START + n) for n in range(count)]))
    return entries, Chain(newest=Place(number=count, digest=entries[-1].digest))


def found(entries: list[Entry], chain: Chain | None, begin: Place = START_OF_ALL) -> list[Fault]:
    return list(faults(entries, begin, lambda: chain))


@given(lines)
def test_a_line_is_kept_whole(line):
    kept = line_of(values_of(line))
    assert values_of(kept) == values_of(line)
    assert (kept.at, kept.key, kept.commit, kept.content, kept.actor) == (
        line.at, line.key, line.commit, line.content, line.actor if line.actor is None else values_of(line)[9],
    )  # fmt: skip


def test_an_untouched_chain_has_no_fault():
    entries, chain = a_chain()
    assert found(entries, chain) == []
    assert found([], Chain()) == []


def test_a_chain_goes_on_where_it_ended():
    whole, _ = a_chain()
    last = Place(number=2, digest=whole[1].digest)
    assert list(chained(last, [entry.line for entry in whole[2:]])) == whole[2:]


@pytest.mark.parametrize("name", FIELDS)
def test_a_change_of_any_field_is_found(name):
    entries, chain = a_chain()
    values = list(entries[2].values)
    values[FIELDS.index(name)] = "x" if values[FIELDS.index(name)] != "x" else "y"
    entries[2] = replace(entries[2], values=tuple(values))

    assert found(entries, chain) == [Fault(number=3, message="was changed, or is not the entry that stood there")]


def test_a_change_whose_digest_was_made_to_fit_shows_at_the_next_entry():
    entries, chain = a_chain()
    values = (START, *entries[2].values[1:])
    entries[2] = Entry(number=3, values=values, digest=digest_of(entries[1].digest, 3, values))

    assert [fault.number for fault in found(entries, chain)] == [4]


def test_a_change_of_the_last_entry_with_its_digest_shows_at_the_end():
    entries, chain = a_chain()
    values = (START, *entries[4].values[1:])
    entries[4] = Entry(number=5, values=values, digest=digest_of(entries[3].digest, 5, values))

    assert [fault.number for fault in found(entries, chain)] == [5]


def test_what_is_missing_is_named():
    entries, chain = a_chain()
    assert found([*entries[:1], *entries[3:]], chain) == [
        Fault(number=2, message="and all up to 3 are missing: removed")
    ]
    assert found(entries[:4], chain) == [Fault(number=5, message="is missing: removed")]
    assert found(entries[1:], chain) == [Fault(number=1, message="is missing: removed")]


def test_what_was_inserted_is_named():
    entries, chain = a_chain()
    more = list(chained(chain.newest, [a_journal_line()]))
    assert [fault.number for fault in found([*entries, *more], chain)] == [6]
    begin = Place(number=2, digest=entries[1].digest)
    assert found(entries[2:], chain, begin) == []
    assert [fault.number for fault in found(entries[1:], chain, begin)] == [2]


def test_exchanged_entries_are_found():
    entries, chain = a_chain()
    one, other = entries[1], entries[3]
    entries[1], entries[3] = replace(one, values=other.values), replace(other, values=one.values)
    assert [fault.number for fault in found(entries, chain)] == [2, 4]


def test_removed_ends_are_a_fault():
    entries, _ = a_chain()
    assert found(entries, None) == [Fault(number=0, message="the ends of the chain are gone")]


@given(st.lists(lines, min_size=1, max_size=6), st.data())
def test_any_single_tampering_is_found(written, data):
    entries = list(chained(Place(), written))
    chain = Chain(newest=Place(number=len(entries), digest=entries[-1].digest))
    at = data.draw(st.integers(0, len(entries) - 1))
    kind = data.draw(st.sampled_from(["change", "digest", "remove", "insert", "exchange", "renumber"]))
    spoiled = list(entries)
    if kind == "change":
        other = values_of(data.draw(lines))
        spoiled[at] = replace(entries[at], values=other)
    elif kind == "digest":
        spoiled[at] = replace(entries[at], digest=data.draw(st.text("0123456789abcdef", min_size=64, max_size=64)))
    elif kind == "remove":
        del spoiled[at]
    elif kind == "insert":
        spoiled.append(next(iter(chained(chain.newest, [data.draw(lines)]))))
    elif kind == "exchange":
        other = data.draw(st.integers(0, len(entries) - 1))
        spoiled[at], spoiled[other] = (
            replace(entries[at], values=entries[other].values),
            replace(entries[other], values=entries[at].values),
        )
    else:
        spoiled[at] = replace(entries[at], number=data.draw(st.integers(-1, 9)))
        spoiled.sort(key=lambda entry: entry.number)
    assert bool(found(spoiled, chain)) == (spoiled != entries)


def test_the_lines_of_an_attempt_say_whose_change_they_carried_and_the_last_one_what_it_confirmed():
    row = a_recorded(commit=a_commit("7"), author="Zoë")
    read, write = a_journal_line(purpose="pre_read"), a_journal_line()
    of = {"commit": a_commit("7"), "author": "Zoë"}

    assert signed([read, write], row, None) == (replace(read, **of), replace(write, **of))
    assert signed([read, write], row, facets(), "altered") == (
        replace(read, **of),
        replace(write, **of, content=facets().content, metadata=facets().metadata, message="altered"),
    )
    assert signed([], row, facets()) == ()


def test_what_is_carried_says_what_it_was_and_is_not_a_call_again():
    entry = next(iter(chained(Place(number=8), [a_journal_line(content="canon/1:x", at=START)])))
    again = carried(entry)
    assert again == replace(entry.line, purpose="carried", message="was entry 9")
    assert carried(next(iter(chained(Place(), [again])))) == again
