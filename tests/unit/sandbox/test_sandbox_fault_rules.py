import pytest

from qtisync.sandbox.fault_rules import Rule, parse_rule


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("500:5%", {"name": "500", "probability": 0.05}),
        (
            "429@PUT:retry-after=2:nth=3",
            {"name": "429", "methods": frozenset({"PUT"}), "retry_after": "2", "nth": 3},
        ),
        ("reset-before@POST:10%", {"name": "reset-before", "methods": frozenset({"POST"}), "probability": 0.1}),
        ("reset-after", {"name": "reset-after"}),
        ("html-502@PUT|POST:times=2", {"name": "html-502", "methods": frozenset({"PUT", "POST"}), "times": 2}),
        ("hang=5", {"name": "hang", "value": "5"}),
        ("hang", {"name": "hang"}),
        ("slow=0.3:every=4", {"name": "slow", "value": "0.3", "every": 4}),
        ("401:nth=50", {"name": "401", "nth": 50}),
        ("empty-200:id=nice:x123", {"name": "empty-200", "identifier": "nice:x123"}),
        ("redirect=http://a.invalid:80/x:times=1", {"name": "redirect", "value": "http://a.invalid:80/x", "times": 1}),
        ("omit=q@1@GET", {"name": "omit", "value": "q@1", "methods": frozenset({"GET"})}),
        ("429:path=/oauth2/token", {"name": "429", "path": "/oauth2/token"}),
        (" 503-after ", {"name": "503-after"}),
    ],
)
def test_rule_is_read(text, values):
    assert parse_rule(text) == Rule(text=text.strip(), **values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is no fault"),
        ("explode", "'explode' is no fault"),
        ("200", "'200' is no fault"),
        ("html-100", "'html-100' is no fault"),
        ("empty-500", "'empty-500' is no fault"),
        ("500=3", "500 takes no value"),
        ("slow", "say for how many seconds"),
        ("hang=long", "'long' is not a number (seconds)"),
        ("redirect", "a value is missing"),
        ("500@put", "'500@put' is no fault"),
        ("500@FETCH", "FETCH is no method"),
        ("500:nht=3", "'nht=3' is none of nth="),
        ("500:nth=0", "nth=0 is not a whole number of at least 1"),
        ("500:times=two", "times=two is not a whole number"),
        ("500:101%", "101% is more than always"),
        ("500:1.2.3%", "'1.2.3' is not a number (percentage)"),
        ("500:id=", "id= has no value"),
        ("429:retry-after=date+soon", "'soon' is not a number (seconds ahead)"),
    ],
)
def test_mistake_is_named(text, words):
    with pytest.raises(ValueError, match="fault ") as caught:
        parse_rule(text)

    assert words in str(caught.value)


def test_rule_concerns_api_calls_unless_its_path_says_otherwise():
    anything, token = parse_rule("500"), parse_rule("500:path=/oauth2")

    assert anything.concerns("GET", "/api/stimuli", None)
    assert not anything.concerns("POST", "/oauth2/token", None)
    assert token.concerns("POST", "/oauth2/token", None)
    assert not token.concerns("GET", "/api/stimuli", None)
    assert not parse_rule("500:id=q1@PUT").concerns("PUT", "/api/assessment-items/q2", "q2")
