import pytest

from qtisync.content.facts import Remark, SidecarFacts
from qtisync.content.steering import override, read_steering
from qtisync.model import Lane, Steering


def line_of(key):
    return {"protect": 3, "lane": 4}.get(key)


def read(value):
    return read_steering(value, 2, line_of)


def test_every_key_is_read_and_named():
    value = {"protect": True, "ignore": False, "lane": "hotfix", "renamed_from": "OLD-ID", "targets": ["a", "b", "a"]}
    expected = SidecarFacts(
        steering=Steering(protect=True, lane=Lane.HOTFIX, renamed_from="OLD-ID", targets=("a", "b")),
        steered=("ignore", "lane", "protect", "renamed_from", "targets"),
    )

    assert read(value) == (expected, ())


@pytest.mark.parametrize("value", [None, {}])
def test_nothing_set_steers_nothing(value):
    assert read(value) == (SidecarFacts(), ())


def test_null_takes_back_what_a_folder_says():
    inherited = Steering(protect=True, lane=Lane.BULK, targets=("staging",))
    own, _ = read({"lane": None, "targets": None})

    assert override(inherited, own) == Steering(protect=True)


def test_only_keys_that_a_file_sets_override():
    own, _ = read({"protect": False})

    assert override(Steering(protect=True, lane=Lane.BULK), own) == Steering(lane=Lane.BULK)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("protected", "Did you mean `protect`?"),
        ("Lane", "Did you mean `lane`?"),
        ("renamed-from", "Did you mean `renamed_from`?"),
        ("target", "Did you mean `targets`?"),
        ("colour", "It may be `ignore`, `lane`, `protect`, `renamed_from`, `targets`."),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(key, hint):
    _, problems = read({key: True})

    assert problems == (Remark(code="sidecar-steering", message=f"`qtisync:` has no key `{key}`.", hint=hint),)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"protect": "yes"}, "Write `protect: true`, or remove the line."),
        ({"protect": None}, "Write `protect: true`, or remove the line."),
        ({"ignore": 1}, "Write `ignore: true`, or remove the line."),
        ({"lane": "hot-fix"}, "Did you mean `hotfix`?"),
        ({"lane": ["bulk"]}, "Did you mean `bulk`?"),
        ({"lane": 5}, "It may be `hotfix`, `normal`, `bulk`."),
        ({"renamed_from": " "}, 'Write the former identifier, as in `renamed_from: "alg-0102"`.'),
        ({"renamed_from": "a\nb"}, 'Write the former identifier, as in `renamed_from: "alg-0102"`.'),
        ({"renamed_from": 12}, 'Write the former identifier, as in `renamed_from: "alg-0102"`.'),
        (True, "Write, for example, `qtisync: {protect: true}`."),
        (["protect"], "Write, for example, `qtisync: {protect: true}`."),
    ],
)
def test_values_of_another_kind_are_refused(value, hint):
    facts, problems = read(value)

    assert (facts, [(problem.code, problem.hint) for problem in problems]) == (
        SidecarFacts(),
        [("sidecar-steering", hint)],
    )


@pytest.mark.parametrize("value", ["staging", [], [1], [""], {"staging": True}])
def test_targets_are_a_list_of_names(value):
    _, problems = read({"targets": value})

    assert [problem.message for problem in problems] == ["`targets` must be a list of names of targets."]


def test_problems_name_the_line_of_their_key_or_of_the_whole():
    assert [problem.line for problem in read({"protect": 1, "lane": 1})[1]] == [3, 4]
    assert [problem.line for problem in read("x")[1]] == [2]
