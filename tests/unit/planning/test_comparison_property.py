"""What ``check`` calls a conflict is what the push would meet: two rooms, one rule."""

from __future__ import annotations

from typing import Any

from builders import a_content_digest, a_metadata_digest, a_recorded, an_item
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.outcome import RemoteObject
from qtisync.delivery.wire import Job, Terms, conflict, whose
from qtisync.model import Facets, Identifier, ItemStatus, Presence, Remote, Scope
from qtisync.ownership import Ownership, Stamp
from qtisync.planning.comparison import Shown, divergence
from qtisync.planning.diff import compare

CONTENTS = st.sampled_from([a_content_digest(name) for name in ("c1", "c2", "c3")])
METADATA = st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, True, "1", [1]]), max_size=3)
STAMPS = st.tuples(st.sampled_from([None, 1, 2]), st.sampled_from([None, "a", "b"]))


@given(
    recorded=st.tuples(CONTENTS, METADATA, CONTENTS, STAMPS),
    doubt=st.tuples(st.booleans(), st.booleans()),
    wanted=st.tuples(CONTENTS, METADATA),
    shown=st.tuples(st.none() | CONTENTS, METADATA, STAMPS),
    ownership=st.sampled_from([Ownership(), Ownership(stamp=Stamp(key="a", value="1"))]),
)
def test_check_and_push_agree_on_what_was_changed_at_the_api(
    recorded: Any, doubt: tuple[bool, bool], wanted: Any, shown: Any, ownership: Ownership
) -> None:
    content, metadata, server_content, (version, updated_at) = recorded
    acknowledged = Facets(
        content=None if doubt[0] else content, metadata=None if doubt[1] else a_metadata_digest(metadata)
    )
    row = a_recorded(
        status=ItemStatus.QUEUED if any(doubt) else ItemStatus.SYNCED,
        presence=Presence.PRESENT,
        acknowledged=acknowledged,
        acknowledged_metadata=metadata,
        remote=Remote(content=server_content, version=version, updated_at=updated_at),
    )
    item = an_item(content=wanted[0].partition(":")[2], metadata=wanted[1])
    change = compare(item, row).change
    copy = RemoteObject(
        identifier=Identifier("q1"),
        xml="",
        content=shown[0],
        metadata=shown[1],
        version=shown[2][0],
        updated_at=shown[2][1],
    )
    lags = (version, updated_at, *shown[2]) == (2, "b", 1, "a")
    if change is None or lags:
        return  # nothing would be pushed; or the API answered from a copy that lags, which only a survey can meet
    job = Job(
        key=row.key,
        content=wanted[0],
        metadata=wanted[1],
        body={},
        scope=frozenset(Scope),
        presence=row.presence,
        acknowledged=acknowledged,
        acknowledged_metadata=metadata,
        remote=row.remote,
        terms=Terms(ownership=ownership),
    )

    found = divergence(row, change, Shown(copies={row.key: copy}), ownership)

    not_ours = whose(job, (), copy)
    assert (None if found is None else found.not_ours) == not_ours
    assert not_ours is not None or (found is not None) == (conflict(job, copy) is not None)
