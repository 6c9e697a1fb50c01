from qtisync.content.naming import case_twins, folded, orphaned_sidecars
from qtisync.model import Key, Kind, Problem


def item(identifier):
    return Key(Kind.ITEM, identifier)


def test_identifiers_that_differ_by_case_are_reported_on_each_file():
    hint = "Capitals and forms of accents count: give them names that people can tell apart."

    assert list(case_twins([(item("Alg-1"), "a.xml"), (item("alg-1"), "b.xml"), (item("alg-2"), "c.xml")])) == [
        Problem(
            path="a.xml",
            code="case-twin",
            message='The identifier "Alg-1" looks like "alg-1" in b.xml, but it is another one.',
            hint=hint,
        ),
        Problem(
            path="b.xml",
            code="case-twin",
            message='The identifier "alg-1" looks like "Alg-1" in a.xml, but it is another one.',
            hint=hint,
        ),
    ]


def test_composed_and_decomposed_accents_are_twins():
    assert [found.path for found in case_twins([(item("e\u0301t\u00e9"), "a"), (item("\u00c9T\u00c9"), "b")])] == [
        "a",
        "b",
    ]


def test_an_item_and_a_stimulus_are_no_twins():
    assert list(case_twins([(item("a"), "a"), (Key(Kind.STIMULUS, "A"), "b")])) == []


def test_the_same_identifier_twice_is_no_twin():
    assert list(case_twins([(item("a"), "a"), (item("a"), "b")])) == []


def test_ascii_and_other_text_fold_alike():
    assert (folded("Straße"), folded("STRASSE"), folded("K")) == ("strasse", "strasse", "k")  # the last is U+212A


def test_a_thousand_twins_do_not_make_a_million_words():
    claims = [(item(f"{number:010b}".replace("1", "A").replace("0", "a")), f"{number}.xml") for number in range(1_024)]

    assert max(len(found.message) for found in case_twins(claims)) < 1_000


def orphans(strays, objects, pattern="{stem}.yaml"):
    return [(found.path, found.hint) for found in orphaned_sidecars(strays, objects, pattern)]


def test_a_sidecar_without_object_beside_objects_is_orphaned():
    assert orphans(["a/q2.yaml", "b/q2.yaml"], ["a/q1.xml"]) == [
        ("a/q2.yaml", "Name it like its object, or remove it.")
    ]


def test_a_sidecar_that_differs_by_case_is_told_its_right_name():
    assert orphans(["Q1.yaml", "q1.YML"], ["q1.xml"]) == [
        ("Q1.yaml", "Rename it to q1.yaml: upper and lower case count."),
        ("q1.YML", "Rename it to q1.yml: upper and lower case count."),
    ]


def test_sidecars_in_a_folder_of_their_own_are_looked_for_there():
    assert [path for path, _ in orphans(["a/meta/q2.yaml", "a/q2.yaml"], ["a/q1.xml"], "meta/{stem}.yaml")] == [
        "a/meta/q2.yaml"
    ]
