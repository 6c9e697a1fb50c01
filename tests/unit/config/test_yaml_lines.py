import pytest

from qtisync.config.yaml_lines import dotted, read_yaml
from qtisync.errors import ConfigProblem


def test_every_key_and_entry_has_its_line():
    document = read_yaml("a: 1\nb:\n  - x\n  - c: y\n    d: z\n")

    assert document.value == {"a": 1, "b": ["x", {"c": "y", "d": "z"}]}
    assert document.lines == {("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("b", 1, "d"): 5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("no", "no"),
        ("Yes", "Yes"),
        ("TRUE", True),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("012", "012"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("2024-01-01", "2024-01-01"),
        ("'7'", "7"),
        ('"true"', "true"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
        ("30%", "30%"),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    found = read_yaml(text).value

    assert (type(found), found) == (type(value), value)


def test_duplicate_keys_are_all_reported_and_the_rest_is_read():
    document = read_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\n")

    assert document.problems == (
        ConfigProblem(where="a", message="stands here twice", hint="keep one of them; the other is on line 1", line=2),
        ConfigProblem(
            where="b.c", message="stands here twice", hint="keep one of them; the other is on line 3", line=3
        ),
    )
    assert document.lines["b",] == 3


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: b: c",
        "\tx",
        "a: *x",
        "a: &x 1",
        "!!set {}",
        "? [a]\n: b",
        "1e999",
        "a: \x00",
        "--- a\n--- b",
        "%YAML 9",
    ],
)
def test_hostile_or_mistaken_text_is_a_problem_not_an_exception(text):
    document = read_yaml(text)

    assert document.value is None
    assert len(document.problems) == 1
    assert document.problems[0].hint


@pytest.mark.parametrize(
    ("location", "text"), [(("a", "b"), "a.b"), (("content", "include", 0), "content.include[0]"), ((), "")]
)
def test_locations_are_written_with_dots(location, text):
    assert dotted(location) == text
