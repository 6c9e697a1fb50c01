import time

import pytest

from qtisync.content.facts import BrokenFacts, Remark, SidecarFacts
from qtisync.content.metadata import canonical_json
from qtisync.content.sidecar import MAX_BYTES, MAX_DEPTH, MAX_EVENTS, parse_sidecar
from qtisync.model import Lane, Steering


def metadata_of(text):
    facts = parse_sidecar(text.encode())
    assert isinstance(facts, SidecarFacts), facts
    return facts.metadata


def problem_of(data):
    facts = parse_sidecar(data if isinstance(data, bytes) else data.encode())
    assert isinstance(facts, BrokenFacts), facts
    assert len(facts.problems) == 1
    return facts.problems[0]


def test_a_sidecar_is_the_metadata_object_and_the_reserved_key():
    text = """
subject: Math   # a comment
grade: 5
difficulty: medium
learningObjectiveSet:
  - {source: CASE, learningObjectiveIds: ["3.10", a-1]}
humanApproved: true
modelAnswer: |
  First line
  second: line
qtisync:
  protect: true
  lane: hotfix
  targets: [staging]
"""
    expected = SidecarFacts(
        metadata={
            "subject": "Math",
            "grade": "5",
            "difficulty": "medium",
            "learningObjectiveSet": [{"source": "CASE", "learningObjectiveIds": ["3.10", "a-1"]}],
            "humanApproved": True,
            "modelAnswer": "First line\nsecond: line\n",
        },
        steering=Steering(protect=True, lane=Lane.HOTFIX, targets=("staging",)),
        steered=("lane", "protect", "targets"),
    )

    assert parse_sidecar(text.encode()) == expected


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "---\n# c\n...\n", "null", "\ufeff", "{}"])
def test_an_empty_file_has_empty_metadata(text):
    assert parse_sidecar(text.encode()) == SidecarFacts()


# The table "YAML sidecars" of the design: what PyYAML would have made of it is named where it is a trap.
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5.0", 5),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("010", "010"),  # 8
        ("08", "08"),
        ("yes", "yes"),  # True
        ("NO", "NO"),  # False
        ("off", "off"),
        ("y", "y"),
        ("1:30", "1:30"),  # 90
        ("12:30:45", "12:30:45"),  # 45045
        ("3.10", 3.1),
        ("'3.10'", "3.10"),
        ("2024-01-01", "2024-01-01"),  # a date
        ("2024-13-45", "2024-13-45"),  # ValueError
        ("1e3", 1000),  # text
        ("1.5e3", 1500),
        ("=", "="),  # ConstructorError
        ("'.nan'", ".nan"),
        ("<<", "<<"),
        ('"<<"', "<<"),
        ("what is 2 + 2? #1", "what is 2 + 2?"),
        ("", None),
        ("~", None),
        ("'true'", "true"),
        ("[1, [two, {three: 3}]]", [1, ["two", {"three": 3}]]),
        (">-\n  a\n  b", "a b"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    read = metadata_of(f"custom: {text}")

    assert (read, canonical_json(read)) == ({"custom": value}, canonical_json({"custom": value}))


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        ("- a\n- b", "sidecar-not-a-mapping", 1),
        ("\njust text", "sidecar-not-a-mapping", 2),
        ("5", "sidecar-not-a-mapping", 1),
        ("a: 1\na: 2", "yaml-duplicate-key", 2),
        ("b:\n  a: 1\n  'a': 2", "yaml-duplicate-key", 3),
        ("b: {a: 1, a: 2}", "yaml-duplicate-key", 1),
        ('1: x\n"1": y', "yaml-key-not-text", 1),
        ("a: 1\ntrue: x", "yaml-key-not-text", 2),
        ("~: x", "yaml-key-not-text", 1),
        ("? [a, b]\n: x", "yaml-key-not-text", 1),
        ("{a: 1}: x", "yaml-key-not-text", 1),
        ("a: .nan", "yaml-number", 1),
        ("a: -.inf", "yaml-number", 1),
        ("x: 1\na: [9007199254740993]", "yaml-number", 2),
        ("a: 1\n---\nb: 1", "yaml-several-documents", 2),
        ("a: &x 1", "yaml-anchor", 1),
        ("b: 1\na: *x", "yaml-anchor", 2),
        ("&a [*a]", "yaml-anchor", 1),
        ("&k a: 1", "yaml-anchor", 1),
        ("a: !!python/object/apply:os.system [ls]", "yaml-tag", 1),
        ("a: !foo 1", "yaml-tag", 1),
        ("a: !!binary aGk=", "yaml-tag", 1),
        ("a: !!set {x, y}", "yaml-tag", 1),
        ("a: !!str 5", "yaml-tag", 1),
        ("a: ! 5", "yaml-tag", 1),
        ("b: 1\n<<: {a: 1}", "yaml-merge-key", 2),
        ("a: 1\n\tb: 2", "yaml-syntax", 2),
        ("a: @x", "yaml-syntax", 1),
        ("a: `x`", "yaml-syntax", 1),
        ("a: %x", "yaml-syntax", 1),
        ("a: b: c", "yaml-syntax", 1),
        ("a: [1", "yaml-syntax", 2),
        ('a: "x', "yaml-syntax", 1),
        ("é: 1\nb: x\x01", "yaml-syntax", 2),
        ('a: "x\\0y"', "yaml-control-character", 1),
        ('a: "\\ud800"', "yaml-syntax", 1),
        (b"a: 1\nb: caf\xe9", "yaml-encoding", 2),
        ("a: 1".encode("utf-16"), "yaml-encoding", 1),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_line_and_a_hint(data, code, line):
    problem = problem_of(data)

    assert (problem.code, problem.line, bool(problem.hint), problem.message[-1]) == (code, line, True, ".")


def test_a_number_as_key_is_answered_with_the_right_spelling():
    assert problem_of("1: x") == Remark(
        code="yaml-key-not-text",
        message="The key `1` is read as a number, not as text.",
        line=1,
        hint='Put it in quotes: `"1":`.',
    )


def test_a_second_key_is_answered_with_the_line_of_the_first():
    assert problem_of("a: 1\nb: 2\na: 3") == Remark(
        code="yaml-duplicate-key",
        message="The key `a` stands here for the second time; first in line 1.",
        line=3,
        hint="Remove one of the two.",
    )


def test_the_same_key_in_two_mappings_is_no_duplicate():
    assert metadata_of("a: {x: 1}\nb: {x: 1, a: 2}") == {"a": {"x": 1}, "b": {"x": 1, "a": 2}}


@pytest.mark.parametrize(
    "text", ["\ufeffa: b\nc: d\n", "a: b\r\nc: d\r\n", "---\na: b\nc: d\n...\n", "%YAML 1.2\n---\na: b\nc: d"]
)
def test_bom_line_ends_and_document_marks_say_nothing(text):
    assert metadata_of(text) == {"a": "b", "c": "d"}


def test_the_size_is_looked_at_before_anything_else():
    allowed = b"a: " + b"x" * (MAX_BYTES - 3)

    assert isinstance(parse_sidecar(allowed), SidecarFacts)
    assert problem_of(allowed + b"\xff") == Remark(
        code="sidecar-too-large",
        message="The file has 65,537 bytes; a sidecar may have 65,536.",
        hint="Keep long texts and data out of the metadata.",
    )


def test_depth_is_limited_and_the_limit_itself_is_allowed():
    def nested(depth):
        return f"a: {'[' * (depth - 1)}{']' * (depth - 1)}".encode()

    assert isinstance(parse_sidecar(nested(MAX_DEPTH)), SidecarFacts)
    assert problem_of(nested(MAX_DEPTH + 1)).code == "yaml-too-deep"


def test_the_number_of_values_is_limited():
    assert isinstance(parse_sidecar(b"a: [" + b"1," * (MAX_EVENTS - 20) + b"]"), SidecarFacts)
    assert problem_of(b"a: [" + b"1," * MAX_EVENTS + b"]").code == "yaml-too-many-values"


DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP,
        "{" * DEEP,
        "[\n" * DEEP,
        "a: " + "[" * DEEP + "]" * DEEP,
        "{a: " * DEEP,
        "- " * DEEP,
        "? " * DEEP,
        "- [\n" * DEEP,
        "".join(f"{' ' * depth}a:\n" for depth in range(2_000)),
        "!a " * DEEP,
        "&a " * DEEP,
    ],
    ids=lambda text: text[:6],
)
def test_deep_nesting_is_refused_at_once_even_without_the_size_guard(text):
    """PyYAML dies of it (SIGSEGV), and libyaml is quadratic: 95 s for 200,000 levels."""
    started = time.perf_counter()
    facts = parse_sidecar(text.encode(), max_bytes=10_000_000)

    assert isinstance(facts, BrokenFacts)
    assert time.perf_counter() - started < 1


def test_an_alias_bomb_is_refused_at_its_first_anchor():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )

    assert (problem_of(bomb).code, problem_of(bomb).line) == ("yaml-anchor", 1)


def test_a_merge_bomb_is_refused_at_its_first_anchor():
    bomb = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 7))

    assert problem_of(bomb).code == "yaml-anchor"


def test_an_emoji_in_json_escapes_is_answered_with_what_to_write():
    assert problem_of('a: "\\ud83d\\ude00"').hint == "Write the character itself instead of its \\u number."


@pytest.mark.parametrize("text", ["%TAG !a! b\n" * 5_000, "a: " + "9" * 60_000, "a: " + "-" * 60_000, "#" * 65_000])
def test_other_monsters_of_64_kilobytes_are_quick(text):
    started = time.perf_counter()
    parse_sidecar(text.encode())

    assert time.perf_counter() - started < 1
