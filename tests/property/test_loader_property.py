"""What no tree of content can break, whatever lies in it."""

from __future__ import annotations

from collections import Counter

from builders import a_blob, a_commit
from content_world import SYMLINK, a_bad_sidecar, a_damaged, a_sidecar, an_object, entries, loaded
from hypothesis import given
from hypothesis import strategies as st

from qtisync.content.facts import BrokenFacts, ObjectFacts, OtherFacts, SidecarFacts
from qtisync.content.loader import load_snapshot
from qtisync.content.selection import ContentRules, select
from qtisync.model import Key, Kind, Lane

FOLDERS = ("", "a/", "a/b/", "c/")
STEMS = ("q1", "q2", "Q2", "q3")
IDENTIFIER = st.sampled_from(["x", "X", "y", "z", "e\u0301", "\u00e9"])
KIND = st.sampled_from([Kind.ITEM, Kind.STIMULUS])
TARGETS = st.sampled_from([None, ("staging",), ("production",), ("staging", "production")])
OBJECT = st.one_of(
    st.builds(an_object, IDENTIFIER, KIND),
    st.builds(a_damaged, st.none() | IDENTIFIER, KIND),
    st.just(OtherFacts(root="manifest")),
    st.just(SYMLINK),
)
STEERING = st.fixed_dictionaries(
    {},
    optional={"ignore": st.booleans(), "targets": TARGETS, "lane": st.sampled_from(Lane), "renamed_from": st.just("o")},
)
SIDECAR = st.one_of(
    st.builds(
        lambda metadata, steering: a_sidecar(metadata, **steering), st.just({}) | st.just({"grade": "5"}), STEERING
    ),
    st.just(a_bad_sidecar()),
    st.just(SYMLINK),
)
OBJECTS = st.dictionaries(
    st.builds("{}{}.xml".format, st.sampled_from(FOLDERS), st.sampled_from(STEMS)), OBJECT, max_size=7
)
SIDECARS = st.dictionaries(
    st.builds(
        "{}{}.{}".format,
        st.sampled_from(FOLDERS),
        st.sampled_from((*STEMS, "_defaults")),
        st.sampled_from(["yaml", "yaml", "yml"]),
    ),
    SIDECAR,
    max_size=6,
)
TREE = st.builds(lambda objects, sidecars: objects | sidecars, OBJECTS, SIDECARS)
TARGET = st.sampled_from(["", "staging", "production"])


def claimants(tree):
    return {
        path: Key(said.kind, said.identifier)
        for path, said in tree.items()
        if isinstance(said, ObjectFacts)
        or (isinstance(said, BrokenFacts) and said.identifier and path.endswith(".xml"))
    }


def held(snapshot):
    return {found.key for found in snapshot.broken if found.key}


@given(TREE, TARGET)
def test_an_identity_is_sent_held_or_left_alone_and_never_two_of_these(tree, target):
    snapshot = loaded(tree, target=target)
    parts = [set(snapshot.items), held(snapshot), set(snapshot.ignored)]

    assert set().union(*parts) == set(claimants(tree).values())
    assert sum(map(len, parts)) == len(set().union(*parts))


@given(TREE, TARGET)
def test_every_file_is_accounted_for(tree, target):
    snapshot = loaded(tree, target=target)
    xml = {path for path in tree if path.endswith(".xml")}
    shown = {item.path for item in snapshot.items.values()} | {found.path for found in snapshot.broken}
    shown |= set(snapshot.ignored.values()) | {path for path in xml if isinstance(tree[path], OtherFacts)}
    keys = claimants(tree)
    hidden = xml - shown

    # Only a file for other targets may be hidden, by one that shares its identity.
    assert all(keys[path] in {keys.get(other) for other in shown} for path in hidden)
    assert snapshot.others == sum(isinstance(tree[path], OtherFacts) for path in xml)
    assert all(found.problems for found in snapshot.broken)


@given(OBJECTS, st.booleans())
def test_no_claimant_of_a_duplicate_is_ever_sent_and_all_others_are(objects, ignore_one):
    steering = {f"{min(objects).removesuffix('.xml')}.yaml": a_sidecar(ignore=True)} if objects and ignore_one else {}
    keys = claimants(objects)
    counted = Counter(keys.values())
    snapshot = loaded(objects | steering)
    duplicates = {key for key, count in counted.items() if count > 1}
    named = {found.path: found for found in snapshot.broken}

    assert duplicates.isdisjoint(snapshot.items)
    assert duplicates.isdisjoint(snapshot.ignored)
    for path, key in keys.items():
        if key in duplicates:
            others = {other for other, same in keys.items() if same == key and other != path}
            assert named[path].problems[0].code == "duplicate-identifier"
            assert all(other in named[path].problems[0].message for other in others)
        elif isinstance(objects[path], ObjectFacts) and not steering:
            assert snapshot.items[key].path == path


@given(TREE, TARGET, st.randoms(use_true_random=False))
def test_the_order_of_the_tree_does_not_matter(tree, target, random):
    rules = ContentRules(target=target)
    facts = {a_blob(path): what for path, what in tree.items() if not isinstance(what, str)}
    shuffled = entries(tree)
    random.shuffle(shuffled)
    one = load_snapshot(a_commit(), select(entries(tree), rules), facts, rules)
    other = load_snapshot(a_commit(), select(shuffled, rules), facts, rules)

    assert (one, list(one.items), list(one.ignored)) == (other, list(other.items), list(other.ignored))


@given(TREE, TARGET, st.data())
def test_breaking_a_file_never_drops_its_identity(tree, target, data):
    """A broken file is held, not removed: whatever was known before is known after."""
    paths = sorted(path for path, said in tree.items() if isinstance(said, ObjectFacts | SidecarFacts))
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    said = tree[path]
    damage = a_damaged(said.identifier, said.kind) if isinstance(said, ObjectFacts) else a_bad_sidecar()
    before, after = loaded(tree, target=target), loaded({**tree, path: damage}, target=target)

    assert set(before.items) | held(before) | set(before.ignored) == set(after.items) | held(after) | set(after.ignored)


@given(TREE)
def test_breaking_an_object_beyond_recognition_holds_its_path(tree):
    for path in claimants(tree):
        snapshot = loaded({**tree, path: a_damaged()})

        assert path in {found.path for found in snapshot.broken}


@given(TREE, TARGET)
def test_a_new_object_elsewhere_changes_no_other(tree, target):
    before = loaded(tree, target=target)
    new = Key(Kind.ITEM, "unheard-of")
    after = loaded({**tree, "elsewhere/new.xml": an_object("unheard-of")}, target=target)

    assert {key: item for key, item in after.items.items() if key != new or new in before.items} == before.items
    assert (held(after), after.ignored) == (held(before), before.ignored) or new not in after.items
