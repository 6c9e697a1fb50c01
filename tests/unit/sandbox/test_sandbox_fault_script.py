import pytest

from qtisync.sandbox.faults import Faults, identifier_of
from qtisync.sandbox.messages import Call, encode


def call(method="GET", path="/api/stimuli", body=b""):
    return Call(method=method, path=path, segments=tuple(path.strip("/").split("/")), body=body)


def story(faults, count, **of):
    found = (faults.pick(call(**of), None) for _ in range(count))
    return "".join("." if rule is None else "x" for rule in found)


@pytest.mark.parametrize(
    ("rule", "struck"),
    [
        ("500", "xxxxxx"),
        ("500:nth=2", ".x...."),
        ("500:every=2", ".x.x.x"),
        ("500:times=2", "xx...."),
        ("500:every=2:times=1", ".x...."),
        ("500:0%", "......"),
        ("500:100%", "xxxxxx"),
        ("500@PUT", "......"),
    ],
)
def test_when_a_rule_strikes(rule, struck):
    faults = Faults()
    faults.add(rule)

    assert story(faults, 6) == struck
    assert faults.counts() == {rule: struck.count("x")}


def test_first_rule_that_strikes_wins_and_the_next_takes_over():
    faults = Faults()
    faults.add("500:times=1", "503")

    assert [faults.pick(call(), None).name for _ in range(3)] == ["500", "503", "503"]


def test_one_wrong_rule_adds_none():
    faults = Faults()
    with pytest.raises(ValueError, match="nonsense"):
        faults.add("500", "nonsense")

    assert (list(faults.rules), bool(faults)) == ([], False)


@pytest.mark.parametrize(
    ("method", "path", "body", "found"),
    [
        ("PUT", "/api/assessment-items/q1", b"", "q1"),
        ("DELETE", "/api/stimuli/s1", b"", "s1"),
        ("POST", "/api/stimuli", encode({"identifier": "s1"}), "s1"),
        ("POST", "/api/assessment-items", encode({"xml": '<qti-assessment-item a="b"\n identifier="q1"'}), "q1"),
        ("POST", "/api/assessment-items/metadata", encode({"xml": "<qti-assessment-item identifier='q1'"}), "q1"),
        ("POST", "/api/assessment-items", b"{", None),
        ("POST", "/api/assessment-items", b"[]", None),
        ("POST", "/api/assessment-items", b"{}", None),
        ("GET", "/api/assessment-items", b"", None),
        ("POST", "/oauth2/token", b"", None),
    ],
)
def test_what_a_call_is_about(method, path, body, found):
    assert identifier_of(call(method, path, body)) == found
