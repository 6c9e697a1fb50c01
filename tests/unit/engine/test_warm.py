"""What is remembered counts only beside the pass that it was kept from."""

from __future__ import annotations

from builders import a_commit, a_key, a_pass

from qtisync.content.facts import BrokenFacts, ObjectFacts, OtherFacts
from qtisync.engine.warm import Memory, Warm, claimed, fold_of
from qtisync.model import Digest, Identifier, Kind


def warm(at: float, commit: str = "1", fingerprint: str = "f1") -> Warm:
    return Warm(
        commit=a_commit(commit),
        fingerprint=fingerprint,
        at=at,
        items=1,
        ignored={},
        shared=frozenset(),
        stray_folders=frozenset(),
        folds=set(),
    )


def test_the_memory_of_the_last_pass_is_found():
    memory, kept = Memory(), warm(1.0)
    memory.keep(kept)

    assert memory.of(a_pass(a_commit("1"), at=1.0, fingerprint="f1"), "f1") is kept


def test_a_plan_that_was_not_written_down_does_not_displace_the_last_pass():
    memory, kept = Memory(), warm(1.0)
    memory.keep(kept)
    memory.keep(warm(2.0, commit="2"))

    assert memory.of(a_pass(a_commit("1"), at=1.0, fingerprint="f1"), "f1") is kept


def test_nothing_is_remembered_of_another_pass_of_other_rules_or_of_a_partial_pass():
    memory = Memory()
    memory.keep(warm(1.0))
    others = [
        (a_pass(a_commit("2"), at=1.0, fingerprint="f1"), "f1"),
        (a_pass(a_commit("1"), at=2.0, fingerprint="f1"), "f1"),
        (a_pass(a_commit("1"), at=1.0, fingerprint=""), "f1"),
        (a_pass(a_commit("1"), at=1.0, fingerprint="f1"), "f2"),
    ]

    assert [memory.of(*other) for other in others] == [None] * 4


def test_a_broken_file_claims_the_identity_that_can_still_be_read():
    said = ObjectFacts(kind=Kind.ITEM, identifier=Identifier("q1"), content=Digest("canon/1:c"))
    damaged = BrokenFacts(problems=(), identifier=Identifier("q1"), kind=Kind.ITEM)

    assert [claimed(said), claimed(damaged)] == [a_key("q1")] * 2
    assert [claimed(None), claimed(BrokenFacts(problems=())), claimed(OtherFacts(root="manifest"))] == [None] * 3


def test_identities_that_people_confuse_have_one_fold():
    assert fold_of(a_key("é1")) == fold_of(a_key("E\u03011"))
    assert fold_of(a_key("q1")) != fold_of(a_key("q1", Kind.STIMULUS))
