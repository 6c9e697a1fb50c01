import sys

from builders import a_blob
from content_world import SYMLINK, a_bad_sidecar, a_sidecar, an_object, selected

from qtisync.content.metadata import metadata_digest
from qtisync.content.pairing import Pairing, Pairings
from qtisync.model import Lane, Problem, Steering
from qtisync.ownership import Stamp


def pairings(files, stamp=None):
    facts = {a_blob(path): what for path, what in files.items() if not isinstance(what, str)}
    return Pairings(selected(files), facts, stamp)


def a_pairing(metadata, steering=Steering(), problems=()):
    return Pairing(metadata=metadata, digest=metadata_digest(metadata), steering=steering, problems=problems)


def test_an_object_without_any_file_around_it_has_empty_metadata():
    assert pairings({"a/q.xml": an_object("q")}).of("a/q.xml") == a_pairing({})


def test_the_nearest_file_wins_and_replaces_whole_values():
    files = {
        "_defaults.yaml": a_sidecar({"subject": "Math", "unit": {"a": 1}, "grade": "3"}, lane=Lane.BULK, protect=True),
        "a/b/_defaults.yaml": a_sidecar({"unit": {"b": 2}, "grade": "4"}, targets=("staging",)),
        "a/b/q.yaml": a_sidecar({"grade": "5"}, protect=False),
        "a/b/q.xml": an_object("q"),
        "a/r.xml": an_object("r"),
    }
    found = pairings(files)

    assert found.of("a/b/q.xml") == a_pairing(
        {"subject": "Math", "unit": {"b": 2}, "grade": "5"}, Steering(lane=Lane.BULK, targets=("staging",))
    )
    assert found.of("a/r.xml") == a_pairing(
        {"subject": "Math", "unit": {"a": 1}, "grade": "3"}, Steering(lane=Lane.BULK, protect=True)
    )


def test_defaults_beside_a_folder_do_not_reach_into_it():
    files = {"a/_defaults.yaml": a_sidecar({"x": 1}), "a/q.xml": an_object("q"), "ab/q.xml": an_object("r")}

    assert pairings(files).of("ab/q.xml") == a_pairing({})


def test_a_broken_file_anywhere_on_the_way_is_a_problem_of_the_object():
    files = {
        "_defaults.yaml": SYMLINK,
        "a/_defaults.yaml": a_bad_sidecar(),
        "a/q.yaml": a_bad_sidecar(),
        "a/q.xml": an_object("q"),
    }

    assert [(found.path, found.code, found.line) for found in pairings(files).of("a/q.xml").problems] == [
        ("_defaults.yaml", "symlink", None),
        ("a/_defaults.yaml", "sidecar-grade", 2),
        ("a/q.yaml", "sidecar-grade", 2),
    ]


def test_a_readable_sidecar_does_not_hide_broken_defaults():
    files = {"_defaults.yaml": a_bad_sidecar(), "q.yaml": a_sidecar({"grade": "5"}), "q.xml": an_object("q")}

    assert [found.path for found in pairings(files).of("q.xml").problems] == ["_defaults.yaml"]


def test_a_rename_cannot_be_declared_for_a_folder():
    files = {"_defaults.yaml": a_sidecar(renamed_from="old"), "q.xml": an_object("q")}
    problem = Problem(
        path="_defaults.yaml",
        code="renamed-from-in-defaults",
        message="`renamed_from` names one object and cannot stand in folder defaults.",
        hint="Move it to the sidecar of the object that was renamed.",
    )

    assert pairings(files).of("q.xml") == a_pairing({}, problems=(problem,))


def test_xml_under_a_yaml_name_is_a_problem_and_no_crash():
    files = {"q.yaml": an_object("x"), "q.xml": an_object("q")}

    assert [found.code for found in pairings(files).of("q.xml").problems] == ["not-a-sidecar"]


def test_the_same_combination_of_files_is_merged_once():
    files = {
        "_defaults.yaml": a_sidecar({"x": 1}),
        "a/q.xml": an_object("q"),
        "a/q.qti.xml": an_object("q2"),
        "a/q.yaml": a_sidecar({"y": 1}),
        "b/r.xml": an_object("r"),
    }
    found = pairings(files)

    assert found.of("a/q.xml") is found.of("a/q.xml")
    assert found.of("b/r.xml") is found.of("a/q.qti.xml")


def test_a_path_deeper_than_the_stack_is_no_trouble():
    deep = "a/" * (sys.getrecursionlimit() + 500)
    files = {"_defaults.yaml": a_sidecar({"x": 1}), f"{deep}q.xml": an_object("q")}

    assert pairings(files).of(f"{deep}q.xml") == a_pairing({"x": 1})


def test_the_owner_stamp_lies_below_everything_and_is_part_of_the_metadata():
    files = {
        "_defaults.yaml": a_sidecar({"subject": "Math"}),
        "a/q.yaml": a_sidecar({"grade": "5"}),
        "a/q.xml": an_object("q"),
        "a/said.yaml": a_sidecar({"managedBy": "us"}),
        "a/said.xml": an_object("said"),
    }
    found = pairings(files, Stamp(key="managedBy", value="us"))

    assert found.of("a/q.xml") == a_pairing({"managedBy": "us", "subject": "Math", "grade": "5"})
    assert found.of("a/said.xml") == a_pairing({"managedBy": "us", "subject": "Math"})
    assert pairings({"q.xml": an_object("q")}, Stamp(key="managedBy", value="us")).of("q.xml") == a_pairing(
        {"managedBy": "us"}
    )


def test_a_file_that_names_another_owner_is_a_problem_wherever_it_lies():
    files = {
        "a/_defaults.yaml": a_sidecar({"managedBy": "them"}),
        "a/q.yaml": a_sidecar({"managedBy": True}),
        "a/q.xml": an_object("q"),
        "r.xml": an_object("r"),
    }
    found = pairings(files, Stamp(key="managedBy", value="us"))

    assert [(problem.path, problem.code, problem.message) for problem in found.of("a/q.xml").problems] == [
        (
            path,
            "other-owner",
            "`managedBy` is something else here than the owner stamp of this target, `managedBy: us`.",
        )
        for path in ("a/_defaults.yaml", "a/q.yaml")
    ]
    assert found.of("r.xml").problems == ()
