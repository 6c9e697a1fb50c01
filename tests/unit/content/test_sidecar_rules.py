import pytest

from qtisync.content.facts import BrokenFacts, Remark, SidecarFacts
from qtisync.content.sidecar import parse_sidecar


def problems_of(text):
    facts = parse_sidecar(text.encode())
    assert isinstance(facts, BrokenFacts), facts
    return facts.problems


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("5", "5"),
        ('"5"', "5"),
        ("-1", "-1"),
        ("0", "0"),
        ("13", "13"),
        ("08", "8"),
        ("010", "10"),
        ("'  7 '", "7"),
        ("+3", "3"),
    ],
)
def test_a_grade_is_sent_as_text_however_it_is_written(written, sent):
    assert parse_sidecar(f"grade: {written}".encode()) == SidecarFacts(metadata={"grade": sent})


@pytest.mark.parametrize(
    "written",
    [
        "5.0",
        "1e1",
        "true",
        "null",
        "K",
        "-2",
        "14",
        "'5.0'",
        '"\u0665"',
        "[5]",
        "{a: 5}",
        "1_0",
        "0x5",
        "''",
        "9" * 15,
        f"'{'9' * 5_000}'",
    ],
)
def test_any_other_grade_is_refused(written):
    assert [(problem.code, problem.line) for problem in problems_of(f"a: 1\ngrade: {written}")] == [
        ("sidecar-grade", 2)
    ]


def test_the_message_about_a_grade_says_what_stands_there():
    assert problems_of("grade: 5.5") == (
        Remark(
            code="sidecar-grade",
            message="`grade` must be a whole number from -1 to 13, not the number 5.5.",
            line=1,
            hint="Write, for example, `grade: 5`; remove the line if there is no grade.",
        ),
    )


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("Medium", "Write `difficulty: medium`."),
        ("HARD", "Write `difficulty: hard`."),
        ("med", "Write `difficulty: medium`."),
        ("easy-ish", "Write `difficulty: easy`."),
        ("3", "Choose one of the three, or remove the line."),
        ("", "Choose one of the three, or remove the line."),
        ("''", "Choose one of the three, or remove the line."),
        ("[easy]", "Choose one of the three, or remove the line."),
        ("tricky", "Choose one of the three, or remove the line."),
    ],
)
def test_a_difficulty_that_the_api_does_not_know_is_refused_with_the_right_spelling(written, hint):
    assert [(problem.code, problem.hint) for problem in problems_of(f"difficulty: {written}")] == [
        ("sidecar-difficulty", hint)
    ]


def test_learning_objectives_are_text_because_3_10_is_not_3_1():
    text = "learningObjectiveSet:\n  - source: CASE\n    learningObjectiveIds:\n      - a\n      - 3.10\n      - 7\n"

    assert problems_of(text) == (
        Remark(
            code="sidecar-learning-objectives",
            message="`learningObjectiveIds` must hold text; this one is read as the number 3.1.",
            line=5,
            hint='Put it in quotes, as in `"3.10"`.',
        ),
        Remark(
            code="sidecar-learning-objectives",
            message="`learningObjectiveIds` must hold text; this one is read as the number 7.",
            line=6,
            hint='Put it in quotes, as in `"3.10"`.',
        ),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("learningObjectiveSet: CASE", 1),
        ("learningObjectiveSet:\n", 1),
        ("learningObjectiveSet:\n  learningObjectiveIds: [a]", 1),
        ("learningObjectiveSet:\n  - a\n", 2),
        ("learningObjectiveSet:\n  - source: CASE\n    learningObjectiveIds: a", 3),
    ],
)
def test_learning_objectives_of_another_shape_are_refused(text, line):
    assert [(problem.code, problem.line) for problem in problems_of(text)] == [("sidecar-learning-objectives", line)]


@pytest.mark.parametrize("key", ["standard", "lesson"])
def test_a_code_that_reads_as_a_number_with_a_point_is_refused(key):
    assert [(problem.code, problem.hint) for problem in problems_of(f"{key}: 3.10")] == [
        ("sidecar-code-is-a-number", f'Put it in quotes, as in `{key}: "3.10"`.')
    ]


def test_unknown_keys_pass_through():
    assert parse_sidecar(b"khanId: x1\nDOK: 2\npValue: 0.50\nflags: [a, null]") == SidecarFacts(
        metadata={"khanId": "x1", "DOK": 2, "pValue": 0.5, "flags": ["a", None]}
    )


def test_all_faults_of_a_file_are_told_at_once_in_order_of_line():
    text = "qtisync:\n  lanes: bulk\n  protect: yes\ndifficulty: Medium\ngrade: K\n"

    assert [(problem.code, problem.line) for problem in problems_of(text)] == [
        ("sidecar-steering", 2),
        ("sidecar-steering", 3),
        ("sidecar-difficulty", 4),
        ("sidecar-grade", 5),
    ]


@pytest.mark.parametrize("key", ["QtiSync", "qti-sync", "qti_sync", "QTISYNC"])
def test_a_misspelt_reserved_key_is_not_sent_as_metadata(key):
    assert [(problem.code, problem.hint) for problem in problems_of(f"{key}: {{protect: true}}")] == [
        ("sidecar-steering", "Write `qtisync:`.")
    ]
