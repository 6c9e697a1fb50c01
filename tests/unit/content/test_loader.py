import time

import pytest
from builders import a_blob, a_commit
from content_world import SUBMODULE, SYMLINK, a_bad_sidecar, a_damaged, a_sidecar, an_object, entries, loaded

from qtisync.content.facts import OtherFacts, Remark, SidecarFacts
from qtisync.content.loader import load_snapshot
from qtisync.content.metadata import metadata_digest
from qtisync.content.selection import ContentRules, select
from qtisync.model import Broken, Facets, Item, Key, Kind, Lane, Problem, Snapshot, Steering
from qtisync.ownership import Stamp


def key(identifier, kind=Kind.ITEM):
    return Key(kind, identifier)


def codes(snapshot):
    return [
        (held.path, held.key and held.key.identifier, [problem.code for problem in held.problems])
        for held in snapshot.broken
    ]


def warned(snapshot):
    return [(found.path, found.code) for found in snapshot.warnings]


DAMAGE = Problem(path="a/q.xml", code="not-well-formed", message="It ends too early.", line=7)


def test_a_file_its_sidecar_and_its_defaults_become_one_item():
    files = {
        "a/_defaults.yaml": a_sidecar({"subject": "Math", "grade": "4"}, lane=Lane.BULK),
        "a/file-name.xml": an_object(
            "alg-1", answers="canon/1:key", references=("stim-1",), findings=(Remark(code="img-alt", message="No alt.", line=3, hint="Add it."),)
        ),
        "a/file-name.yaml": a_sidecar({"grade": "5"}, protect=True),
    }  # fmt: skip
    item = Item(
        key=key("alg-1"),
        path="a/file-name.xml",
        blob=a_blob("a/file-name.xml"),
        sidecar="a/file-name.yaml",
        facets=Facets(content="canon/1:alg-1", metadata=metadata_digest({"subject": "Math", "grade": "5"})),
        metadata={"subject": "Math", "grade": "5"},
        answers="canon/1:key",
        references=(key("stim-1", Kind.STIMULUS),),
        steering=Steering(protect=True, lane=Lane.BULK),
        findings=(Problem(path="a/file-name.xml", code="img-alt", message="No alt.", line=3, hint="Add it."),),
    )

    assert loaded(files) == Snapshot(commit=a_commit(), items={item.key: item})


def test_an_empty_tree_is_an_empty_snapshot():
    assert loaded({}) == Snapshot(commit=a_commit(), items={})


def test_an_item_and_a_stimulus_may_share_an_identifier():
    snapshot = loaded({"a.xml": an_object("x"), "b.xml": an_object("x", Kind.STIMULUS)})

    assert (list(snapshot.items), snapshot.broken) == ([key("x"), key("x", Kind.STIMULUS)], ())


def test_xml_that_is_not_ours_is_counted_and_its_yaml_does_not_matter():
    files = {
        "imsmanifest.xml": OtherFacts(root="manifest"),
        "imsmanifest.yaml": a_bad_sidecar(),
        "q.xml": an_object("q"),
    }
    snapshot = loaded(files)

    assert (snapshot.others, list(snapshot.items), snapshot.broken, snapshot.warnings) == (1, [key("q")], (), ())


def test_a_broken_file_is_held_with_its_identity_where_that_can_be_read():
    assert loaded({"a/q.xml": a_damaged("q")}).broken == (Broken(path="a/q.xml", key=key("q"), problems=(DAMAGE,)),)
    assert loaded({"a/q.xml": a_damaged()}).broken == (Broken(path="a/q.xml", problems=(DAMAGE,)),)


def test_a_broken_sidecar_holds_its_item_and_names_its_own_path_and_line():
    problem = Problem(path="q.yaml", code="sidecar-grade", message="No such grade.", line=2, hint="Write 5.")

    assert loaded({"q.xml": an_object("q"), "q.yaml": a_bad_sidecar()}).broken == (
        Broken(path="q.xml", key=key("q"), problems=(problem,)),
    )


def test_broken_defaults_hold_every_item_below_and_no_other():
    files = {
        "a/_defaults.yaml": a_bad_sidecar(),
        "a/q1.xml": an_object("q1"),
        "a/b/q2.xml": an_object("q2"),
        "c/q3.xml": an_object("q3"),
    }
    snapshot = loaded(files)

    assert codes(snapshot) == [("a/b/q2.xml", "q2", ["sidecar-grade"]), ("a/q1.xml", "q1", ["sidecar-grade"])]
    assert list(snapshot.items) == [key("q3")]


def test_all_problems_of_an_object_are_told_together():
    files = {"a/q.xml": a_damaged("q"), "a/q.yaml": a_bad_sidecar(), "a/_defaults.yml": a_bad_sidecar()}

    assert codes(loaded(files)) == [("a/q.xml", "q", ["not-well-formed", "sidecar-grade", "sidecar-grade"])]


def test_two_spellings_of_a_sidecar_hold_the_item():
    files = {"q.xml": an_object("q"), "q.yaml": a_sidecar(), "q.yml": a_sidecar()}

    assert codes(loaded(files)) == [("q.xml", "q", ["two-sidecars"])]


def test_symbolic_links_are_held_and_submodules_are_told():
    files = {"a.xml": SYMLINK, "b.xml": an_object("b"), "b.yaml": SYMLINK, "lib": SUBMODULE}
    snapshot = loaded(files)

    assert codes(snapshot) == [("a.xml", None, ["symlink"]), ("b.xml", "b", ["symlink"])]
    assert (snapshot.items, warned(snapshot)) == ({}, [("lib", "submodule")])


# Duplicates


def test_of_two_files_with_one_identifier_none_is_sent_and_each_names_the_other():
    hint = "Give each its own identifier, or remove the copies."
    snapshot = loaded({"a.xml": an_object("q"), "b.xml": an_object("q"), "c.xml": an_object("r")})

    assert list(snapshot.items) == [key("r")]
    assert snapshot.broken == (
        Broken(path="a.xml", key=key("q"), problems=(
            Problem(path="a.xml", code="duplicate-identifier", message='The identifier "q" is also in b.xml; none of them is sent.', hint=hint),
        )),
        Broken(path="b.xml", key=key("q"), problems=(
            Problem(path="b.xml", code="duplicate-identifier", message='The identifier "q" is also in a.xml; none of them is sent.', hint=hint),
        )),
    )  # fmt: skip


def test_a_broken_file_claims_its_identifier_too():
    snapshot = loaded({"a.xml": an_object("q"), "b.xml": a_damaged("q")})

    assert codes(snapshot) == [
        ("a.xml", "q", ["duplicate-identifier"]),
        ("b.xml", "q", ["duplicate-identifier", "not-well-formed"]),
    ]


def test_an_ignored_file_claims_its_identifier_too():
    snapshot = loaded({"a.xml": an_object("q"), "b.xml": an_object("q"), "b.yaml": a_sidecar(ignore=True)})

    assert (snapshot.items, [held.path for held in snapshot.broken], snapshot.ignored) == ({}, ["a.xml", "b.xml"], {})


def test_many_copies_name_some_of_the_others():
    snapshot = loaded({f"{number:03}.xml": an_object("q") for number in range(200)})

    assert len(snapshot.broken) == 200
    assert snapshot.broken[0].problems[0].message == (
        'The identifier "q" is also in 001.xml, 002.xml, 003.xml, 004.xml, 005.xml, 006.xml, 007.xml, 008.xml, 009.xml, '
        "010.xml and 189 more; none of them is sent."
    )


FOR_TWO_TARGETS = {
    "production.xml": an_object("q"),
    "production.yaml": a_sidecar(targets=("production", "backup")),
    "staging.xml": an_object("q"),
    "staging.yaml": a_sidecar(targets=("staging",)),
}


@pytest.mark.parametrize(
    ("target", "path"), [("staging", "staging.xml"), ("production", "production.xml"), ("", "production.xml")]
)
def test_files_for_different_targets_may_share_an_identifier(target, path):
    snapshot = loaded(FOR_TWO_TARGETS, target=target)

    assert {found: item.path for found, item in snapshot.items.items()} == {key("q"): path}
    assert (snapshot.broken, snapshot.ignored) == ((), {})


def test_for_a_third_target_both_are_left_alone():
    snapshot = loaded(FOR_TWO_TARGETS, target="elsewhere")

    assert (snapshot.items, snapshot.ignored) == ({}, {key("q"): "production.xml"})


@pytest.mark.parametrize("sidecar", [a_sidecar(targets=("staging", "backup")), a_sidecar(), a_bad_sidecar()])
@pytest.mark.parametrize("target", ["staging", "production", ""])
def test_files_that_meet_at_one_target_clash_at_every_target(sidecar, target):
    snapshot = loaded({**FOR_TWO_TARGETS, "third.xml": an_object("q"), "third.yaml": sidecar}, target=target)

    assert (snapshot.items, snapshot.ignored) == ({}, {})
    assert [held.path for held in snapshot.broken] == ["production.xml", "staging.xml", "third.xml"]


def test_a_broken_file_of_another_target_does_not_hold_this_one():
    files = {**FOR_TWO_TARGETS, "production.xml": a_damaged("q")}

    assert list(loaded(files, target="staging").items) == [key("q")]
    assert codes(loaded(files, target="production")) == [("production.xml", "q", ["not-well-formed"])]
    assert (loaded(files).items, codes(loaded(files))) == ({}, [("production.xml", "q", ["not-well-formed"])])


# What is left alone


@pytest.mark.parametrize(
    ("sidecar", "target", "is_sent"),
    [
        (a_sidecar(ignore=True), "staging", False),
        (a_sidecar(ignore=True), "", False),
        (a_sidecar(targets=("production",)), "staging", False),
        (a_sidecar(targets=("production",)), "", True),
        (a_sidecar(targets=("production", "staging")), "staging", True),
        (a_sidecar(targets=None), "staging", True),
        (a_sidecar(ignore=False), "staging", True),
    ],
)
def test_ignore_and_targets_leave_an_object_alone(sidecar, target, is_sent):
    snapshot = loaded({"q.xml": an_object("q"), "q.yaml": sidecar}, target=target)

    assert (list(snapshot.items), snapshot.ignored) == (([key("q")], {}) if is_sent else ([], {key("q"): "q.xml"}))


def test_a_folder_can_be_ignored_and_one_item_of_it_sent():
    files = {
        "_defaults.yaml": a_sidecar(ignore=True),
        "a.xml": an_object("a"),
        "b.xml": an_object("b"),
        "b.yaml": a_sidecar(ignore=False),
    }
    snapshot = loaded(files)

    assert (list(snapshot.items), snapshot.ignored) == ([key("b")], {key("a"): "a.xml"})


def test_an_ignored_draft_may_be_broken_but_without_identity_its_path_is_held():
    sidecar = a_sidecar(ignore=True)

    assert loaded({"q.xml": a_damaged("q"), "q.yaml": sidecar}).ignored == {key("q"): "q.xml"}
    assert codes(loaded({"q.xml": a_damaged(), "q.yaml": sidecar})) == [("q.xml", None, ["not-well-formed"])]


def test_what_a_broken_sidecar_hides_is_not_guessed():
    """A folder says ``ignore``, the sidecar may say otherwise: nobody knows, so the object is held."""
    files = {"_defaults.yaml": a_sidecar(ignore=True), "q.xml": an_object("q"), "q.yaml": a_bad_sidecar()}

    assert codes(loaded(files)) == [("q.xml", "q", ["sidecar-grade"])]


# Warnings


def test_orphaned_sidecars_are_told_beside_objects_only():
    files = {
        "a/q.xml": an_object("q"),
        "a/gone.yaml": a_sidecar(),
        "b/imsmanifest.xml": OtherFacts(root="manifest"),
        "b/mkdocs.yaml": a_sidecar(),
        "compose.yaml": a_sidecar(),
    }

    assert warned(loaded(files)) == [("a/gone.yaml", "orphaned-sidecar")]


def test_identifiers_that_look_alike_are_sent_and_told():
    files = {"a.xml": an_object("Q"), "b.xml": an_object("q"), "c.xml": a_damaged("Q"), "d.xml": a_damaged("r")}
    snapshot = loaded({path: files[path] for path in ("a.xml", "b.xml", "d.xml")})

    assert list(snapshot.items) == [key("Q"), key("q")]
    assert warned(snapshot) == [("a.xml", "case-twin"), ("b.xml", "case-twin")]
    assert warned(loaded(files)) == [("a.xml", "case-twin"), ("b.xml", "case-twin"), ("c.xml", "case-twin")]


def test_a_file_name_that_differs_from_the_identifier_is_normal():
    assert loaded({"other-name.xml": an_object("q")}).warnings == ()


# The same bytes under two names


def test_empty_files_are_broken_xml_and_good_yaml_if_facts_are_kept_apart():
    tree = [*entries(["q.xml", "r.xml", "r.yaml"])]
    empty = a_blob("q.xml")
    shared = [tree[0], tree[1], type(tree[2])(tree[2].path, tree[2].mode, empty)]
    rules = ContentRules()
    snapshot = load_snapshot(
        a_commit(),
        select(shared, rules),
        {empty: a_damaged(), a_blob("r.xml"): an_object("r")},
        rules,
        yaml_facts={empty: SidecarFacts()},
    )

    assert (list(snapshot.items), codes(snapshot)) == ([key("r")], [("q.xml", None, ["not-well-formed"])])


def test_yaml_under_an_xml_name_is_broken():
    assert codes(loaded({"q.xml": a_sidecar()})) == [("q.xml", None, ["not-xml"])]


def test_a_blob_that_was_not_read_is_a_bug():
    rules = ContentRules()

    with pytest.raises(KeyError):
        load_snapshot(a_commit(), select(entries(["q.xml"]), rules), {}, rules)


def test_thousands_of_items_load_in_time_that_grows_with_their_number():
    def seconds(count):
        files = {f"f{n % 50}/{n}.xml": an_object(f"q{n}") for n in range(count)}
        files |= {f"f{n % 50}/{n}.yaml": a_sidecar({"n": n}) for n in range(count)}
        facts = {a_blob(path): what for path, what in files.items()}
        tree, rules = entries(files), ContentRules()
        started = time.process_time()
        load_snapshot(a_commit(), select(tree, rules), facts, rules)
        return time.process_time() - started

    assert min(seconds(4_000) for _ in range(2)) < 20 * max(min(seconds(500) for _ in range(3)), 0.005)


def test_owner_stamp_of_the_rules_is_metadata_of_everything_stimuli_included():
    stamp = Stamp(key="managedBy", value="us")
    files = {
        "q.xml": an_object("q"),
        "q.yaml": a_sidecar({"grade": "5"}),
        "s.xml": an_object("s", Kind.STIMULUS),
        "t.xml": an_object("t"),
        "t.yaml": a_sidecar({"managedBy": "them"}),
    }
    found = loaded(files, stamp=stamp)
    assert {str(key): item.metadata for key, item in found.items.items()} == {
        "q": {"managedBy": "us", "grade": "5"},
        "stimulus s": {"managedBy": "us"},
    }
    assert {str(key): item.facets.metadata for key, item in found.items.items()} == {
        str(key): metadata_digest(item.metadata) for key, item in found.items.items()
    }
    assert [(broken.path, str(broken.key), [p.path for p in broken.problems]) for broken in found.broken] == [
        ("t.xml", "t", ["t.yaml"])
    ]
