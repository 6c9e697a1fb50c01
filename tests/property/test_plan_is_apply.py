"""I16: the writes that are sent are those that the plan announced, object by object and call by call."""

from __future__ import annotations

from collections import Counter

from engine_desk import NAMES, STIMULUS, Edit, Page, files
from engine_world import EngineWorld
from histories import histories
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.messages import Purpose, Request
from qtisync.model import Kind, Scope
from qtisync.planning.plan import Action, Change

items = st.sampled_from([name for name in NAMES if name != STIMULUS])
metadata = st.sampled_from([(), (("grade", "5"),), (("subject", "Art"),), (("grade", "6"), ("subject", "Math"))])
edits = st.one_of(
    st.builds(Edit, st.sampled_from(NAMES), st.just("words"), st.sampled_from(["v1", "v2", "v3"])),
    st.builds(Edit, items, st.just("metadata"), metadata),
    st.builds(Edit, st.sampled_from(NAMES), st.just("folder"), st.sampled_from(["", "moved/"])),
    st.builds(Edit, st.sampled_from(NAMES), st.just("spacing"), st.integers(0, 2)),
    st.builds(Edit, items),
)


def announced(change: Change) -> Purpose:
    """The call that a change of a plan stands for, once the metadata call has proved itself on an API that merges.

    A key that leaves git can only leave there by the complete call.
    """
    if change.action is Action.CREATE:
        return Purpose.CREATE
    alone = change.scope == {Scope.METADATA} and change.item.key.kind is Kind.ITEM
    before = change.recorded.acknowledged_metadata if change.recorded is not None else {}
    leaves = bool(before.keys() - change.item.metadata.keys())
    return Purpose.UPDATE_METADATA if alone and not leaves else Purpose.UPDATE


@histories(60)
@given(commits=st.lists(st.lists(edits, min_size=1, max_size=4), min_size=1, max_size=6))
def test_writes_that_are_sent_are_those_that_the_plan_announced(commits: list[list[Edit]]) -> None:
    world = EngineWorld()
    try:
        pages = dict.fromkeys(NAMES, Page())
        world.source.commit(files(pages))
        world.cycle()
        pages = {**pages, NAMES[0] if NAMES[0] != STIMULUS else NAMES[1]: Page(metadata=(("grade", "12"),))}
        world.source.commit(files(pages))
        world.cycle()  # the metadata call has its trial
        for chosen in commits:
            before = files(pages)
            for edit in chosen:
                pages = edit.on(pages)
            after = files(pages)
            world.source.commit({**dict.fromkeys(before.keys() - after.keys()), **after})
            planned = Counter((change.item.key.identifier, announced(change)) for change in world.prepare().plan.ready)
            assert sent(world) == planned
    finally:
        world.close()


def sent(world: EngineWorld) -> Counter[tuple[str, Purpose]]:
    """One cycle, and its writes."""
    writes: Counter[tuple[str, Purpose]] = Counter()
    api = world.api.send

    def counting(request: Request):
        if request.purpose.writes:
            writes[identifier_of(request), request.purpose] += 1
        return api(request)

    world.send = counting
    world.cycle()
    world.send = api
    return writes


def identifier_of(request: Request) -> str:
    """Which object a write is about: named by its path, or by what it carries."""
    if len(request.segments) > 1 and request.purpose is not Purpose.UPDATE_METADATA:
        return request.segments[1]
    body = request.body or {}
    if "identifier" in body:
        return str(body["identifier"])
    return str(body["xml"]).split('identifier="', 1)[1].split('"', 1)[0]
