"""Deleting at the API: what goes, what never goes, and what a kill or a lost answer leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from builders import a_key
from engine_world import Killed, Shelf
from fake_api import Fault
from removal_world import DAY, RemovalWorld, item, stimulus

from qtisync.delivery.messages import Reply, Request
from qtisync.engine.drain import Ending
from qtisync.engine.sweep import TRIES
from qtisync.model import ItemStatus, Standing

HTML = Fault.answers(404, body=b"<html>nginx</html>")


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest) -> Iterator[RemovalWorld]:
    shelf: Shelf = request.param
    world = RemovalWorld(shelf)
    yield world
    world.close()


def failing(world: RemovalWorld, method: str, *faults: Fault) -> None:
    """The next calls of this method end so."""
    left = list(faults)

    def send(request: Request) -> Reply:
        if request.method != method or not left:
            return world.api.send(request)
        fault = left.pop(0)
        if fault.applied:
            world.api.send(request)
        return fault.reply

    world.send = send


def test_what_git_dropped_is_read_deleted_and_remembered_in_the_journal(world: RemovalWorld) -> None:
    commit = world.remove("b")
    world.api.requests.clear()
    assert world.sync() == ()
    assert [(request.method, *request.segments) for request in world.api.requests] == [
        ("GET", "assessment-items", "b"),
        ("DELETE", "assessment-items", "b"),
    ]
    assert world.there == "ac"
    assert "b" not in {key.identifier for key in world.kept.recorded()}
    line = world.kept.history("b", 1)[0]
    assert (line.method, line.outcome, line.http_status, line.commit) == ("DELETE", "Missing", 204, commit)
    assert (line.message or "").startswith(f"deleted: b.xml is not in {commit[:7]}; the API had content canon/")
    assert world.prepare().plan.orphans == ()


def test_report_mode_deletes_nothing_and_gives_no_reason(world: RemovalWorld) -> None:
    world.switch(on=False)
    world.remove("b")
    assert world.sync() == ()
    assert (world.there, world.reasons()) == ("abc", {"b": ""})


def test_default_limit_holds_each_delete_and_an_approval_lets_it_go(world: RemovalWorld) -> None:
    world.switch(on=True, max_delete=0)
    world.source.commit({"b.xml": None, "a.xml": item("a", "Edited")})
    before = len(world.api.writes())
    assert world.sync() == ("mass-delete",)
    assert len(world.api.writes()) == before  # updates do not ride along
    assert world.sync("mass-delete") == ()
    assert (world.there, len(world.api.writes())) == ("ac", before + 2)


def test_a_share_is_rounded_down(world: RemovalWorld) -> None:
    world.switch(on=True, max_delete=0.34)
    world.remove("b")
    assert world.sync() == ()
    world.remove("c")
    world.clock.advance(DAY)
    assert world.sync() == ("mass-delete",)  # 34 % of 2 is less than one


def test_one_after_the_other_is_not_more_than_all_at_once(world: RemovalWorld) -> None:
    world.switch(on=True, max_delete=1)
    world.remove("a")
    assert world.sync() == ()
    world.remove("b")
    assert world.sync() == ("mass-delete",)
    world.clock.advance(DAY)
    assert world.sync() == ()
    assert world.there == "c"


def test_nothing_goes_without_an_approval_on_the_first_day_of_a_record(world: RemovalWorld) -> None:
    young = RemovalWorld()
    young.clock.advance(-2.0)
    young.remove("a")
    assert young.sync() == ("mass-delete",)
    young.close()


def test_switching_it_off_and_on_again_gives_no_new_allowance(world: RemovalWorld) -> None:
    world.switch(on=True, max_delete=1)
    world.remove("a")
    world.sync()
    world.switch(on=False)
    world.remove("b")
    world.sync()
    world.switch(on=True, max_delete=1)
    assert world.sync() == ("mass-delete", "unproven-delete")
    assert world.there == "bc"


def broken(world: RemovalWorld) -> None:
    world.source.commit({"c.xml": b"<broken"})


def emptied(world: RemovalWorld) -> None:
    world.remove("a", "c")


def replaced_by_a_link(world: RemovalWorld) -> None:
    world.source.commit({"b.xml": ("120000", b"elsewhere.xml")})


def a_submodule(world: RemovalWorld) -> None:
    world.source.commit({"library": ("160000", b"")})


def renamed_in_place(world: RemovalWorld) -> None:
    world.source.commit({"b.xml": item("other")})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (broken, "a file cannot be read, and it may be the one"),
        (replaced_by_a_link, "a file cannot be read, and it may be the one"),
        (emptied, "the commit holds no item at all"),
        (a_submodule, "a part of the tree is a submodule, which is not read"),
        (renamed_in_place, "its identifier was changed in place"),
    ],
)
def test_absence_that_is_not_proven_deletes_nothing(
    world: RemovalWorld, spoil: Callable[[RemovalWorld], None], reason: str
) -> None:
    world.remove("b")
    spoil(world)
    reasons = world.reasons()
    world.sync("empty-snapshot", "mass-delete", "unproven-delete")
    assert world.deletes() == []
    assert reasons.get("b", reason) == reason


def test_a_folder_that_became_a_link_has_not_lost_its_items(world: RemovalWorld) -> None:
    world.source.commit({"unit/d.xml": item("d")})
    world.sync()
    world.source.commit({"unit/d.xml": None, "unit": ("120000", b"../elsewhere")})
    assert world.sync("mass-delete") == ()
    assert world.reasons() == {"d": "the commit still has something at its path"}
    assert world.there == "abcd"


def test_narrower_rules_have_not_removed_a_file(world: RemovalWorld) -> None:
    world.aim = replace(world.aim, rules=replace(world.aim.rules, exclude=("b.xml",)))
    assert world.sync() == ()
    assert (world.there, world.reasons()) == ("abc", {"b": "the commit still has something at its path"})


def test_rewritten_history_needs_an_approval_now_and_later(world: RemovalWorld) -> None:
    first = world.source.resolve("main")
    world.source.commit({"d.xml": item("d")})
    world.sync()
    world.source.move_ref("main", first)
    assert world.sync() == ("unproven-delete",)
    world.switch(on=False)
    world.sync()
    world.switch(on=True)
    world.clock.advance(DAY)
    world.source.commit({"a.xml": item("a", "Edited")})
    assert "unproven-delete" in world.sync()
    assert world.sync("mass-delete", "unproven-delete") == ()
    assert world.there == "abc"


def test_protection_survives_the_file(world: RemovalWorld) -> None:
    world.source.commit({"b.yaml": b"qtisync:\n  protect: true\n"})
    world.sync()
    world.source.commit({"b.xml": None, "b.yaml": None})
    assert world.sync("mass-delete", "unproven-delete") == ()
    assert (world.there, world.reasons()) == ("abc", {"b": "it is protected"})


def test_what_is_not_ours_is_never_deleted(world: RemovalWorld) -> None:
    world.source.commit({"x.xml": item("x-1")})
    world.sync()
    world.remove("x")
    assert world.sync() == ()
    assert world.reasons() == {"x-1": "its identifier has none of the owned prefixes"}


def test_a_lost_record_deletes_nothing(world: RemovalWorld) -> None:
    world.remove("b")
    world.lose_the_record()
    world.sync()
    world.clock.advance(DAY)
    world.sync()
    assert world.deletes() == []


def test_a_stimulus_goes_after_the_items_that_refer_to_it_and_not_before(world: RemovalWorld) -> None:
    world.source.commit(
        {"s.xml": stimulus("s"), "d.xml": item("d", references="s"), "e.xml": item("e", references="s")}
    )
    world.sync()
    world.remove("s", "d")
    assert world.sync() == ()
    assert world.deletes() == [("assessment-items", "d")]
    world.remove("e")
    assert world.sync() == ()
    assert world.deletes()[1:] == [("assessment-items", "e"), ("stimuli", "s")]
    assert world.api.stimuli == {}


def test_a_stimulus_stays_while_an_item_that_was_kept_may_refer_to_it(world: RemovalWorld) -> None:
    world.source.commit({"s.xml": stimulus("s"), "d.xml": item("d", references="s")})
    world.sync()
    world.api.store_item(item("d", "Changed there", references="s").decode())
    world.remove("s", "d")
    assert world.sync() == ()
    assert (world.deletes(), set(world.api.stimuli)) == ([], {"s"})
    assert world.reasons()["stimulus s"] == "items that no file asks for stay, and may refer to it"


def leaving(world: RemovalWorld) -> None:
    """A stimulus and the only item of git's that refers to it leave git together."""
    world.source.commit({"s.xml": stimulus("s"), "d.xml": item("d", references="s")})
    world.sync()
    world.remove("s", "d")


def test_a_stimulus_stays_while_an_item_of_others_refers_to_it(world: RemovalWorld) -> None:
    leaving(world)
    world.api.store_item(item("x-9", references="s").decode())
    assert world.sync() == ()
    assert (world.deletes(), set(world.api.stimuli)) == ([("assessment-items", "d")], {"s"})
    assert world.reasons() == {"stimulus s": 'item "x-9" at the API refers to it'}
    del world.api.items["x-9"]
    world.sync()
    assert set(world.api.stimuli) == {"s"}  # until a person says that it may be tried again
    world.kept.retry(None)
    world.sync()
    assert world.api.stimuli == {}


def test_a_plan_announces_the_look_at_the_list(world: RemovalWorld) -> None:
    leaving(world)
    assert world.prepare().plan.cost.calls == 2 + 2 + 1
    before = len(world.api.requests)
    world.sync()
    assert len(world.api.requests) - before == 5


def test_a_list_that_may_not_show_every_item_keeps_every_stimulus(world: RemovalWorld) -> None:
    leaving(world)
    page = Fault.answers(200, {"items": [], "total": 3, "page": 1, "pages": 1, "limit": 50})
    world.api.faults.append(lambda request, _: page if request.segments == ("assessment-items",) else None)
    assert world.sync() == ()
    assert (world.deletes(), set(world.api.stimuli)) == ([("assessment-items", "d")], {"s"})
    assert (world.drained.ending, world.drained.reason) == (
        Ending.UNAVAILABLE,
        "whether an item at the API refers to stimulus s cannot be told: the list of items is doubtful: it shows 0 of 3",
    )
    world.api.faults.clear()
    world.sync()
    assert world.api.stimuli == {}


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        (HTML, Ending.HALTED),
        (Fault.answers(403, {"error": "Forbidden"}), Ending.HALTED),
        (Fault.unreachable(), Ending.UNAVAILABLE),
    ],
)
def test_a_list_that_cannot_be_read_ends_the_sweep_before_any_stimulus(
    world: RemovalWorld, fault: Fault, ending: Ending
) -> None:
    leaving(world)
    world.api.faults.append(lambda request, _: fault if request.segments == ("assessment-items",) else None)
    assert world.sync() == ()
    assert (world.drained.ending, set(world.api.stimuli)) == (ending, {"s"})


@pytest.mark.parametrize("changed", [lambda w: w.api.store_item(item("b", "There").decode()), None])
def test_what_others_changed_is_parked_not_deleted(
    world: RemovalWorld, changed: Callable[[RemovalWorld], object] | None
) -> None:
    if changed is None:
        world.source.commit({"b.yaml": b"grade: 5\n"})
        world.sync()
        world.source.commit({"b.yaml": None})
        world.api.store_metadata("b", grade=9)
    else:
        changed(world)
    world.remove("b")
    world.sync()
    assert world.kept.recorded()[a_key("b")].standing is Standing.ORPHAN
    assert world.sync() == ()
    row = world.kept.recorded()[a_key("b")]
    assert (row.standing, row.status, row.last_outcome) == (Standing.ORPHAN, ItemStatus.PARKED, "Conflict")
    assert (world.there, world.deletes()) == ("abc", [])


def test_keys_of_others_are_no_reason_to_keep_it(world: RemovalWorld) -> None:
    world.api.store_metadata("b", reportedBy="a learner")
    world.remove("b")
    world.sync()
    assert world.there == "ac"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_404_of_a_proxy_halts_and_is_never_the_end_of_an_item(world: RemovalWorld, method: str) -> None:
    world.remove("b")
    failing(world, method, HTML)
    assert world.sync() == ()
    assert (world.drained.ending, world.drained.wrong_api) == (Ending.HALTED, True)
    assert a_key("b") in world.kept.recorded()
    assert world.sync() == ()
    assert world.there == "ac"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.lost(applied=True),
        Fault.lost(applied=False),
        Fault.answers(500, {"error": "Internal"}),
        Fault.applies_then(502, body=b"<html>bad gateway</html>"),
        Fault.answers(200, body=b"<html>Welcome</html>"),
        Fault.answers(429, {"error": "slow down"}, retry_after="2"),
        Fault.answers(404, {"error": "Not Found"}),
    ],
)
def test_an_answer_that_is_none_is_followed_by_a_read(world: RemovalWorld, fault: Fault) -> None:
    world.remove("b")
    failing(world, "DELETE", fault)
    world.sync()
    if fault.reply == Fault.answers(404, {"error": "Not Found"}).reply:
        return  # the API says that it is not there
    assert (world.there, world.drained.ending) == ("ac", Ending.DRAINED)
    assert a_key("b") not in world.kept.recorded()


def test_an_api_that_is_away_ends_the_sweep_and_a_later_pass_goes_on(world: RemovalWorld) -> None:
    world.remove("a", "b")
    failing(world, "GET", *[Fault.unreachable()] * TRIES)
    world.sync()
    assert (world.there, world.drained.ending) == ("abc", Ending.UNAVAILABLE)
    world.sync()
    assert world.there == "c"


def test_a_refused_delete_waits_for_a_person(world: RemovalWorld) -> None:
    world.remove("b")
    failing(world, "DELETE", Fault.answers(422, {"error": "still in use"}))
    for _ in range(2):
        world.sync()
    assert world.there == "abc"
    assert world.reasons() == {"b": "422: still in use"}
    assert world.kept.retry(None) == 1
    world.sync()
    assert world.there == "ac"


def test_what_is_gone_already_is_done(world: RemovalWorld) -> None:
    del world.api.items["b"]
    world.remove("b")
    assert world.sync() == ()
    assert world.deletes() == []
    assert (world.kept.history("b", 1)[0].message or "").startswith("it was gone already: b.xml")
    assert a_key("b") not in world.kept.recorded()


def test_a_file_that_comes_back_makes_the_item_anew_and_one_that_comes_in_time_keeps_it(world: RemovalWorld) -> None:
    world.switch(on=True, max_delete=0)
    world.remove("b")
    world.sync()
    world.source.commit({"b.xml": item("b")})
    world.sync("mass-delete")
    assert (world.there, world.deletes()) == ("abc", [])
    world.remove("b")
    world.sync("mass-delete")
    assert world.there == "ac"
    world.source.commit({"b.xml": item("b")})
    world.sync()
    assert world.there == "abc"
    assert world.kept.recorded()[a_key("b")].status is ItemStatus.SYNCED


def test_a_kill_anywhere_ends_with_it_deleted_once_and_counted_once() -> None:
    dies_at, died = 0, True
    while died:
        world = RemovalWorld("memory", max_delete=1)
        world.remove("b")
        world.fate.points.clear()
        world.fate.dies_at = dies_at
        try:
            world.sync()
            died = False
        except Killed:
            world.kill()
        world.fate.dies_at = None
        assert world.sync() == ()
        assert (world.there, len(world.kept.setting("removals")["spent"])) == ("ac", 1)
        world.close()
        dies_at += 1
    assert dies_at > 10


def test_an_approval_that_was_given_is_not_asked_for_again_after_a_kill(world: RemovalWorld) -> None:
    world.switch(on=True, max_delete=0)
    world.remove("a", "b")
    world.fate.dies_on = "after delete"
    with pytest.raises(Killed):
        world.sync("mass-delete")
    world.kill()
    assert world.sync() == ()
    assert world.there == "c"
    assert world.kept.setting("removals")["spent"] == []


def test_an_edit_that_never_arrived_does_not_hinder_and_one_in_doubt_does(world: RemovalWorld) -> None:
    world.source.commit({"b.xml": item("b", "Edited")})
    failing(world, "PUT", *[Fault.lost(applied=True)] * 9)
    world.write_down()
    claim = world.kept.claim("host/1", world.clock.now(), 60.0)
    world.kept.recover(world.clock.now() + 61.0)
    assert claim is not None
    world.remove("b")
    assert world.sync() == ()
    assert world.reasons() == {"b": "it is not known what the API holds of it"}
    assert world.there == "abc"
