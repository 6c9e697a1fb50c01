import pytest

from qtisync.content.scalars import LARGEST, UnfaithfulNumberError, read_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("5", 5),
        ("-1", -1),
        ("+7", 7),
        ("0", 0),
        ("-0", 0),
        ("3.10", 3.1),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1.5e3", 1500.0),
        ("1.5E-3", 0.0015),
        (str(LARGEST), LARGEST),
        (str(-LARGEST), -LARGEST),
    ],
)
def test_core_scalars_are_read(text, value):
    assert (read_plain(text), type(read_plain(text))) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "NO",
        "y",
        "n",
        "Yes",
        "05",
        "08",
        "010",
        "-01",
        "00.5",
        "0x1F",
        "0o17",
        "1_000",
        "1:30",
        "12:30:45",
        "2024-01-01",
        "2024-13-45",
        "=",
        "<<",
        "-",
        "+",
        ".",
        "1.2.3",
        "tRUE",
        "e3",
        "5a",
    ],
)
def test_everything_else_is_text(text):
    assert read_plain(text) == text


@pytest.mark.parametrize(
    "text",
    [
        str(LARGEST + 1),
        str(-LARGEST - 1),
        "9" * 5_000,
        "1e16",
        "1e999",
        "1e-400",
        "1e-99999999999999999999",
        "0.12345678901234567890",
        "0." + "0" * 50 + "1",
        ".nan",
        ".NaN",
        ".inf",
        "-.Inf",
    ],
)
def test_numbers_that_would_arrive_as_others_are_refused(text):
    with pytest.raises(UnfaithfulNumberError):
        read_plain(text)
