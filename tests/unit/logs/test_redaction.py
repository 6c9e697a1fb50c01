import enum
from dataclasses import dataclass

import pytest

from qtisync.logs.redaction import MASK, Redactor, is_secret_name


@dataclass(frozen=True)
class Thing:
    name: str
    client_secret: str


class Colour(enum.StrEnum):
    RED = "red"


def test_ordinary_values_are_left_as_they_are():
    value = {"a": 1, "b": [1.5, None, True], "c": "Basic algebra; the bearer is ill", "d": Colour.RED}

    assert Redactor().value(value) == {
        "a": 1,
        "b": [1.5, None, True],
        "c": "Basic algebra; the bearer is ill",
        "d": "red",
    }


def test_dataclass_is_redacted_field_by_field():
    assert Redactor().value(Thing(name="a", client_secret="x")) == {"name": "a", "client_secret": MASK}


def test_longer_secret_is_masked_before_its_own_beginning():
    redactor = Redactor()
    redactor.register("abcd")
    redactor.register("abcdefgh")

    assert redactor.text("abcdefgh abcd") == f"{MASK} {MASK}"


def test_very_short_value_is_not_masked_everywhere():
    redactor = Redactor()
    redactor.register("a")

    assert redactor.text("alg-0102") == "alg-0102"


def test_value_that_contains_itself_ends():
    value: list[object] = []
    value.append(value)

    assert "nested too deeply" in str(Redactor().value(value))


@pytest.mark.parametrize(
    "name",
    [
        "client_secret",
        "token",
        "accessToken",
        "access_token",
        "Authorization",
        "password",
        "xml",
        "rawXml",
        "rawxml",
        "body",
        "request_body",
        "secret_value",
        "Set-Cookie",
        "CLIENT_SECRET",
    ],
)
def test_names_that_hold_a_secret_or_a_body(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "event",
        "token_url",
        "token_expires_in",
        "item",
        "path",
        "body_bytes",
        "xml_line",
        "message",
        "identifier",
        "nobody",
        "",
    ],
)
def test_names_that_do_not(name):
    assert not is_secret_name(name)


def test_name_of_a_field_that_was_clean_is_looked_at_again_when_a_secret_comes():
    redactor = Redactor()
    assert redactor.name("hunter2-count") == "hunter2-count"

    redactor.register("hunter2")

    assert (redactor.name("hunter2-count"), redactor.name("count")) == ("[redacted]-count", "count")
