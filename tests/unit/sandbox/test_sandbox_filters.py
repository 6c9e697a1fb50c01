import pytest

from qtisync.sandbox.filters import parse_filter

ITEM = {
    "identifier": "m-1",
    "title": "It's me",
    "adaptive": True,
    "metadata": {"grade": "5"},
    "createdAt": "2026-01-02",
}


@pytest.mark.parametrize(
    "text",
    [
        "identifier='m-1'",
        "identifier = m-1",
        "title='It''s me'",
        "identifier!='x'",
        "adaptive=true",
        "metadata.grade='5'",
        "metadata.none=''",
        "identifier~'^M-'",
        "title~s.m",
        "createdAt>'2026-01-01' AND createdAt<='2026-01-02'",
        "identifier='x' OR identifier='m-1'",
        "identifier='m-1' OR identifier='x' AND title='x'",
        "(identifier='x' OR identifier='m-1') AND metadata.grade='5'",
        "((identifier='m-1'))",
    ],
)
def test_expression_that_is_true_of_the_item(text):
    assert parse_filter(text)(ITEM) is True


@pytest.mark.parametrize(
    "text",
    [
        "identifier='M-1'",
        "identifier!='m-1'",
        "identifier~'^-'",
        "identifier='m-1' AND identifier='x'",
        "(identifier='m-1' OR identifier='x') AND title='x'",
        "metadata.grade.deeper='5'",
        "title<'A'",
    ],
)
def test_expression_that_is_false_of_the_item(text):
    assert parse_filter(text)(ITEM) is False


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a field name at the end"),
        ("identifier", "expected an operator at the end"),
        ("identifier=", "expected a value at the end"),
        ("'identifier'='x'", "expected a field name"),
        ("identifier 'x'", "expected an operator"),
        ("identifier==x", "expected a value"),
        ("identifier='x", "cannot read"),
        ("(identifier='x'", "expected a closing bracket"),
        ("(identifier='x' title", "bracket is not closed"),
        ("identifier='x' title='y'", "unexpected 'title'"),
        ("identifier~'['", "is not a regular expression"),
    ],
)
def test_mistake_is_named(text, words):
    with pytest.raises(ValueError, match="filter: ") as caught:
        parse_filter(text)

    assert words in str(caught.value)
