"""Addresses: which may be used, how a request's is built, and what of it is shown."""

from __future__ import annotations

import pytest

from qtisync.adapters.origins import check_base_url, host_of, is_loopback, redirect_host, request_url, shown


@pytest.mark.parametrize(
    "url",
    [
        "https://qti.example.org/api",
        "https://qti.example.org:8443",
        "http://127.0.0.1:8765/api",
        "http://127.8.9.1/api",
        "http://localhost:8765/api/",
        "http://sandbox.localhost/api",
        "http://[::1]:8765/api",
    ],
)
def test_good_address_has_no_complaint(url: str):
    assert check_base_url(url) is None


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://qti.example.org/api", "https://"),
        ("http://127.0.0.1.example.org/api", "https://"),
        ("http://localhost.example.org/api", "https://"),
        ("ftp://qti.example.org", "https://"),
        ("qti.example.org/api", "https://"),
        ("", "https://"),
        ("https:///api", "host"),
        ("https://qti.example.org:99999/api", "port"),
        ("https://[::1/api", "host"),
        ("https://ann:CANARY@qti.example.org/api", "user name"),
        ("https://qti.example.org/api?key=CANARY", "query"),
        ("https://qti.example.org/api#CANARY", "fragment"),
        ("https://qti.example.org/api ", "white space"),
        ("https://qti.example.org/a\x00pi", "control"),
        ("https://qti.example.org/api/../admin", "'..'"),
    ],
)
def test_bad_address_is_refused_without_being_repeated(url: str, word: str):
    complaint = check_base_url(url)

    assert complaint is not None
    assert word in complaint
    assert "CANARY" not in complaint


def test_only_this_machine_is_loopback():
    hosts = [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "0.0.0.0",
        "10.0.0.1",
        "localhost.de",
    ]

    assert [is_loopback(host) for host in hosts] == [True] * 6 + [False] * 3


@pytest.mark.parametrize(
    ("segment", "encoded"),
    [
        ("q-1_a.b~c", "q-1_a.b~c"),
        ("季語", "%E5%AD%A3%E8%AA%9E"),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("..%2f", "..%252f"),
        ("...", "..."),
        ("nice:x1;v=2", "nice%3Ax1%3Bv%3D2"),
        ("é", "%C3%A9"),
    ],
)
def test_segment_is_percent_encoded_as_utf8(segment: str, encoded: str):
    base = "https://qti.example.org/api"

    assert request_url(base, ("assessment-items", segment), {}) == f"{base}/assessment-items/{encoded}"


def test_trailing_slash_of_the_base_is_not_doubled_and_the_query_is_encoded():
    url = request_url("https://h/api/", ("stimuli",), {"filter": "identifier='a&b' OR x", "page": "1"})

    assert url == "https://h/api/stimuli?filter=identifier%3D%27a%26b%27%20OR%20x&page=1"


@pytest.mark.parametrize(
    "segment", ["", " ", "\t", "\u3000", ".", "..", "a\nb", "a\x00", "a\x7f", "a\u2028b", "\ud800"]
)
def test_segment_that_could_lead_elsewhere_never_becomes_an_address(segment: str):
    with pytest.raises(ValueError):
        request_url("https://h/api", ("assessment-items", segment), {})


def test_request_without_a_path_is_refused():
    with pytest.raises(ValueError):
        request_url("https://h/api", (), {})


def test_what_is_shown_has_no_scheme_user_or_query():
    url = "https://ann:CANARY@h.example.org:8443/oauth2/token?key=CANARY#CANARY"

    assert (shown(url), host_of(url)) == ("h.example.org:8443/oauth2/token", "h.example.org:8443")
    assert host_of("http://[::1]:80/x") == "[::1]:80"


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://evil.example.net/x?token=CANARY", "evil.example.net"),
        ("//evil.example.net:8080/x", "evil.example.net:8080"),
        ("https://ann:CANARY@evil.example.net/", "evil.example.net"),
        ("/elsewhere", "h.example.org"),
        ("", "h.example.org"),
        ("https://[::1", "an unreadable address"),
        ("https://h:99999/", "an unreadable address"),
    ],
)
def test_redirect_is_named_by_its_host_only(location: str, host: str):
    assert redirect_host("https://h.example.org/api", location) == host
