import time

import pytest
from content_world import SUBMODULE, SYMLINK, entries, selected

from qtisync.content.selection import ContentRules, SidecarNames, select
from qtisync.model import Broken, Problem


def paths(chosen):
    return tuple(entry.path for entry in chosen)


def parts(selection):
    return paths(selection.objects), paths(selection.sidecars), paths(selection.defaults)


def test_objects_their_sidecars_and_the_defaults_above_them_are_selected():
    files = ["README.md", "_defaults.yaml", "items/_defaults.yml", "items/a/q1.xml", "items/a/q1.yaml", "items/b/q2.xml",
             "items/b/q2.yml", "other/_defaults.yaml", "other/x.yaml"]  # fmt: skip
    selection = selected(files)

    assert parts(selection) == (
        ("items/a/q1.xml", "items/b/q2.xml"),
        ("items/a/q1.yaml", "items/b/q2.yml"),
        ("_defaults.yaml", "items/_defaults.yml"),
    )
    assert {path: entry.path for path, entry in selection.pairs.items()} == {
        "items/a/q1.xml": "items/a/q1.yaml",
        "items/b/q2.xml": "items/b/q2.yml",
    }
    assert {path: entry.path for path, entry in selection.layers.items()} == {
        "": "_defaults.yaml",
        "items": "items/_defaults.yml",
    }


def test_an_object_may_lie_in_the_root_and_have_dots_in_its_name():
    assert parts(selected(["q.1.xml", "q.1.yaml", "q.yaml"])) == (("q.1.xml",), ("q.1.yaml",), ())


def test_what_is_excluded_is_not_looked_at_at_all():
    files = ["a/q1.xml", "a/q1.yaml", "drafts/q2.xml", "drafts/q2.yaml", "a/_defaults.yaml", "a/q9.yaml"]
    selection = selected(files, exclude=("drafts/**", "**/_defaults.yaml", "a/q9.yaml"))

    assert (parts(selection), selection.strays) == ((("a/q1.xml",), ("a/q1.yaml",), ()), ())


def test_sidecars_follow_the_configured_name():
    files = ["a/q1.xml", "a/meta/q1.meta.yml", "a/q1.yaml"]

    assert paths(selected(files, sidecar="meta/{stem}.meta.yaml").sidecars) == ("a/meta/q1.meta.yml",)


def test_yaml_files_are_never_objects():
    assert paths(selected(["q1.xml", "q1.yaml", "_defaults.yml", "x"], include=("**/*",)).objects) == ("q1.xml", "x")


def test_two_objects_with_one_stem_share_a_sidecar():
    assert parts(selected(["q1.qti", "q1.xml", "q1.yaml"], include=("*.qti", "*.xml"))) == (
        ("q1.qti", "q1.xml"),
        ("q1.yaml",),
        (),
    )


def test_both_spellings_of_a_sidecar_are_a_fault_and_neither_is_read():
    selection = selected(["a/q1.xml", "a/q1.yaml", "a/q1.yml"])

    assert selection.sidecars == ()
    assert selection.faults == {
        "a/q1.yaml": Problem(
            path="a/q1.yaml",
            code="two-sidecars",
            message="Both a/q1.yaml and a/q1.yml exist, and only one of them can count.",
            hint="Remove one of them.",
        )
    }


def test_both_spellings_of_defaults_are_a_fault():
    assert [fault.code for fault in selected(["q.xml", "_defaults.yaml", "_defaults.yml"]).faults.values()] == [
        "two-sidecars"
    ]


def test_a_symbolic_link_is_not_followed():
    selection = selected(
        {"a.xml": SYMLINK, "b.xml": "100755", "b.yaml": SYMLINK, "_defaults.yaml": SYMLINK, "c": SYMLINK}
    )
    problem = Problem(
        path="a.xml",
        code="symlink",
        message="This is a symbolic link, and links are not followed.",
        hint="Replace it by the file itself, or exclude it.",
    )

    assert selection.broken == (Broken(path="a.xml", problems=(problem,)),)
    assert parts(selection) == (("b.xml",), (), ())
    assert {path: fault.code for path, fault in selection.faults.items()} == {
        "b.yaml": "symlink",
        "_defaults.yaml": "symlink",
    }


def test_a_mode_that_git_does_not_write_is_not_read():
    assert [held.problems[0].code for held in selected({"a.xml": "140000"}).broken] == ["not-a-regular-file"]


@pytest.mark.parametrize(
    ("rules", "warned"),
    [
        ({}, ["items/lib", "q.xml", "vendor"]),
        ({"include": ("items/**/*.xml",)}, ["items/lib"]),
        ({"include": ("items/lib/deep/*.xml",)}, ["items/lib"]),
        ({"exclude": ("vendor/**", "**/lib")}, ["q.xml"]),
    ],
)
def test_a_submodule_in_which_objects_could_lie_is_a_warning(rules, warned):
    selection = selected({"vendor": SUBMODULE, "items/lib": SUBMODULE, "q.xml": SUBMODULE}, **rules)

    assert [(found.path, found.code) for found in selection.warnings] == [(path, "submodule") for path in warned]
    assert (selection.objects, selection.broken) == ((), ())


def test_files_that_look_like_sidecars_without_an_object_are_strays():
    files = [
        "q1.xml",
        "q2.yaml",
        ".hidden.yaml",
        "_config.yml",
        "qtisync.yaml",
        "link.yaml",
        "link.xml",
        "out.xml",
        "out.yaml",
    ]
    modes = dict.fromkeys(files, "100644") | {"link.xml": SYMLINK}

    assert selected(modes, exclude=("out.xml",)).strays == ("q2.yaml",)


def test_order_of_the_tree_does_not_matter():
    tree = entries(["b/q.xml", "a/q.xml", "b/q.yaml", "a/q.yml", "_defaults.yaml"])

    assert select(tree, ContentRules()) == select(reversed(tree), ContentRules())


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("{stem}.yaml", ("a/q.1.yaml", "a/q.1.yml")),
        ("{stem}.yml", ("a/q.1.yml", "a/q.1.yaml")),
        ("./m/{stem}-x.json", ("a/m/q.1-x.json",)),
    ],
)
def test_names_of_sidecars_come_from_the_pattern(pattern, names):
    assert SidecarNames(pattern).of("a/q.1.xml") == names


def test_a_very_deep_path_is_no_trouble():
    started = time.perf_counter()
    selection = selected([f"{'a/' * 2_000}q.xml", "_defaults.yaml"])

    assert (len(selection.objects), len(selection.defaults)) == (1, 1)
    assert time.perf_counter() - started < 1
