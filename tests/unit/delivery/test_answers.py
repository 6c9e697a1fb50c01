"""What each answer means: the table of answers in the architecture, row by row."""

from __future__ import annotations

import json

import pytest
from builders import START
from hypothesis import given
from hypothesis import strategies as st

from qtisync.delivery.answers import MAX_MESSAGE, read_response, retry_after
from qtisync.delivery.messages import Failure, FailureKind, Purpose, Reply, Request, Response
from qtisync.delivery.outcome import (
    Answer,
    Denied,
    Exists,
    Missing,
    NotTheApi,
    Refused,
    RemoteObject,
    Shown,
    Throttled,
    Unavailable,
)
from qtisync.model import Digest, Identifier

CREATE = Request(method="POST", segments=("assessment-items",), purpose=Purpose.CREATE)
UPDATE = Request(method="PUT", segments=("assessment-items", "q1"), purpose=Purpose.UPDATE)
METADATA = Request(method="POST", segments=("assessment-items", "metadata"), purpose=Purpose.UPDATE_METADATA)
READ = Request(method="GET", segments=("assessment-items", "q1"), purpose=Purpose.PRE_READ)
OBJECT = {
    "identifier": "q1",
    "rawXml": "<q1/>",
    "metadata": {"grade": "5"},
    "__v": 3,
    "updatedAt": "2027-01-15T08:00:00.000Z",
}
SHOWN = RemoteObject(
    identifier=Identifier("q1"),
    xml="<q1/>",
    content=Digest("canon/1:<q1/>"),
    metadata={"grade": "5"},
    version=3,
    updated_at="2027-01-15T08:00:00.000Z",
)
HTML = b"<html><body><h1>Not Found</h1></body></html>"
STACK = "Error: boom\n    at process (/app/src/utils/qti-xml-item-processor.ts:267)"


def digest(xml: str) -> Digest:
    return Digest(f"canon/1:{xml}")


def read(request: Request, reply: Reply) -> Answer:
    return read_response(request, reply, digest, START)


def answer(status: int, body: object = None, request: Request = UPDATE, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read(
        request, Response(status=status, body=data, headers={k.replace("_", "-"): v for k, v in headers.items()})
    )


@pytest.mark.parametrize("request_", [CREATE, UPDATE, METADATA, READ])
@pytest.mark.parametrize("status", [200, 201])
def test_2xx_whose_body_shows_the_object_shows_it(request_: Request, status: int):
    assert answer(status, OBJECT, request_) == Shown(remote=SHOWN, status=status)


@pytest.mark.parametrize("wrapper", ["assessmentItem", "stimulus"])
def test_object_that_is_wrapped_once_is_shown(wrapper: str):
    assert answer(200, {wrapper: OBJECT}) == Shown(remote=SHOWN)


def test_odd_fields_of_a_shown_object_are_read_as_unknown():
    odd = {"identifier": "q1", "rawXml": "<q1/>", "metadata": None, "__v": True, "updatedAt": 5}

    assert answer(200, odd) == Shown(
        remote=RemoteObject(identifier=Identifier("q1"), xml="<q1/>", content=Digest("canon/1:<q1/>"))
    )


def test_xml_that_cannot_be_digested_is_still_shown():
    assert read_response(
        UPDATE, Response(status=200, body=json.dumps(OBJECT).encode()), lambda _xml: None, START
    ) == Shown(
        remote=RemoteObject(
            identifier=SHOWN.identifier,
            xml=SHOWN.xml,
            content=None,
            metadata=SHOWN.metadata,
            version=SHOWN.version,
            updated_at=SHOWN.updated_at,
        )
    )


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [
        (b"", "(nothing readable)"),
        (b"{}", "{}"),
        (b"[]", "[]"),
        (b'{"identifier": "q1"', '{"identifier": "q1"'),
        (b"<html><body>Welcome</body></html>", "Welcome"),
        (
            b'{"identifier": "q1", "rawXml": "<a/>", "metadata": {"x": NaN}}',
            '{"identifier": "q1", "rawXml": " ", "metadata": {"x": NaN}}',
        ),
    ],
)
def test_2xx_that_does_not_show_the_object_leaves_it_in_doubt(body: bytes, excerpt: str):
    assert answer(200, body) == Unavailable(
        status=200, message=f"answer 200 that does not show the object: {excerpt}", in_doubt=True
    )


def test_2xx_that_shows_another_object_leaves_it_in_doubt():
    assert answer(200, {**OBJECT, "identifier": "q2"}) == Unavailable(
        status=200, message='answer 200 that shows another object, "q2"', in_doubt=True
    )


def test_429_is_throttling():
    assert answer(429, {"error": "Too many requests"}) == Throttled(until=None, message="429: Too many requests")


def test_503_with_retry_after_is_throttling():
    assert answer(503, b"busy", retry_after="7") == Throttled(until=START + 7, status=503, message="503: busy")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 408])
def test_5xx_and_a_timeout_of_the_server_leave_the_object_in_doubt(status: int):
    assert answer(status, b"") == Unavailable(status=status, message=f"{status} with an empty body", in_doubt=True)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_faults_of_the_content_are_refusals_with_the_servers_words(status: int):
    body = {"error": "Bad request", "meta": {"issues": [{"field": "xml", "message": "is required"}]}}

    assert answer(status, body) == Refused(status=status, message=f"{status}: Bad request; xml: is required")


@pytest.mark.parametrize(
    "words",
    [
        "QTIAssessmentItem validation failed: outcomeDeclarations.0.baseType: Path `baseType` is required",
        "host is not in the approved grader allowlist",
        "`record` is not a valid enum value for path `baseType`.",
        "Unsupported interaction type: undefined",
    ],
)
def test_500_that_blames_the_content_is_a_refusal(words: str):
    assert answer(500, {"error": "Internal", "message": words}) == Refused(
        status=500, message=f"500: Internal; {words}"
    )


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_are_refused_deny_the_queue(status: int):
    assert answer(status, {"message": "jwt expired"}) == Denied(status=status, message=f"{status}: jwt expired")


@pytest.mark.parametrize("request_", [UPDATE, READ])
def test_404_in_the_apis_own_words_means_missing(request_: Request):
    assert answer(404, {"error": "Item not found"}, request_) == Missing(message="404: Item not found")


@pytest.mark.parametrize("request_", [UPDATE, READ, METADATA, CREATE])
@pytest.mark.parametrize("body", [HTML, b"", b"[]", b'{"message": "no route"}', b'{"error": null}', b'{"error": {}}'])
def test_404_that_is_not_the_apis_own_json_never_means_absent(request_: Request, body: bytes):
    found = answer(404, body, request_)

    assert (type(found), found.status) == (NotTheApi, 404)


def test_create_that_is_not_found_went_to_the_wrong_place():
    assert answer(404, {"error": "Not found"}, CREATE) == NotTheApi(status=404, message="answer 404: Not found")


@pytest.mark.parametrize("status", [301, 302, 304, 307, 308])
def test_redirect_is_not_the_api(status: int):
    assert isinstance(answer(status, b""), NotTheApi)


def test_409_on_create_means_that_it_exists():
    assert answer(409, {"error": "Identifier exists"}, CREATE) == Exists(message="409: Identifier exists")


def test_409_on_anything_but_a_create_is_a_refusal():
    assert answer(409, {"error": "busy"}) == Refused(status=409, message="409: busy")


@pytest.mark.parametrize("words", ["E11000 duplicate key error collection", "Duplicate key for identifier"])
def test_500_of_a_racing_create_means_that_it_exists(words: str):
    assert answer(500, {"error": words}, CREATE) == Exists(status=500, message=f"500: {words}")
    assert answer(500, {"error": "Internal", "details": words}, CREATE) == Exists(status=500, message="500: Internal")


def test_duplicate_key_on_an_update_is_no_existence():
    assert answer(500, {"error": "E11000"}) == Unavailable(status=500, message="500: E11000")


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        (FailureKind.UNREACHABLE, Unavailable(message="words", in_doubt=False)),
        (FailureKind.LOST, Unavailable(message="words", in_doubt=True)),
        (FailureKind.REDIRECTED, NotTheApi(message="words")),
        (FailureKind.NO_TOKEN_ENDPOINT, NotTheApi(message="words")),
        (FailureKind.DENIED, Denied(message="words")),
        (FailureKind.TOKEN_UNAVAILABLE, Unavailable(message="words", in_doubt=False)),
        (FailureKind.TOKEN_THROTTLED, Throttled(until=START + 9, message="words")),
    ],
)
def test_no_answer_means(kind: FailureKind, meaning: Answer):
    assert read(CREATE, Failure(kind=kind, message="words", retry_after="9")) == meaning


@pytest.mark.parametrize(
    ("header", "until"),
    [
        (None, None),
        ("2", START + 2),
        (" 2 ", START + 2),
        ("0", START),
        ("1.5", START + 1.5),
        (".5", START + 0.5),
        ("9" * 400, START + 1e9),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777.0),
        ("Sun Nov  6 08:49:37 1994", 784111777.0),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("5, 10", None),
        ("", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_decimals_or_a_date_in_utc(header: str | None, until: float | None):
    assert retry_after(header, START) == until


@given(st.text())
def test_any_retry_after_is_a_time_or_nothing(header: str):
    found = retry_after(header, START)

    assert found is None or abs(found) <= START + 1e12


def test_server_words_are_one_line_and_cut():
    found = answer(400, {"error": "x" * 1000 + "\n\x1b[31m", "message": "y"})

    assert found.message == "400: " + "x" * (MAX_MESSAGE - 1) + "…"


def test_control_characters_of_the_server_reach_nobody():
    assert answer(400, {"error": "a\n\x1b[31mb\ud800"}).message == "400: a [31mb"


def test_stack_trace_of_a_500_is_not_told():
    assert answer(500, {"error": "Internal", "message": "boom", "eventId": "e1", "details": STACK}) == Unavailable(
        status=500, message="500: Internal; boom; (event e1)"
    )
    assert answer(500, {"details": STACK}) == Unavailable(status=500, message="500 without an explanation")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("at line 3: <a><qti-value>B</qti-value></a> is wrong", "400: Bad; at line 3: [a document]"),
        ("<?xml version='1.0'?><qti-assessment-item><qti-item-body>The que", "400: Bad; [a document]"),
        ("Expected <qti-prompt> but found <p>.", "400: Bad; Expected <qti-prompt> but found <p>."),
    ],
)
def test_item_that_a_refusal_quotes_is_not_told(words, told):
    assert answer(400, {"error": "Bad", "details": words}) == Refused(status=400, message=told)


def test_item_in_a_body_that_is_no_json_is_not_told():
    refused = answer(422, b"<html>no: <qti-item-body><p>The question</p></qti-item-body></html>")
    assert refused == Refused(status=422, message="422: [a document]")


def test_details_of_a_refusal_are_told():
    assert answer(400, {"error": "Bad", "details": "line 3"}) == Refused(status=400, message="400: Bad; line 3")


def test_html_of_a_gateway_is_told_as_text():
    assert answer(502, b"<html><h1>Bad Gateway</h1>\n<hr>proxy</html>").message == "502: Bad Gateway proxy"


BODIES = st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*OBJECT, "error", "meta", "issues"]), inner)
    ),
    max_leaves=10,
).map(lambda document: json.dumps(document).encode())


@given(
    request_=st.sampled_from([CREATE, UPDATE, METADATA, READ]),
    status=st.integers(200, 599),
    body=BODIES,
    headers=st.dictionaries(st.sampled_from(["retry-after", "content-type"]), st.text()),
)
def test_no_body_ever_raises(request_: Request, status: int, body: bytes, headers: dict[str, str]):
    found = read(request_, Response(status=status, body=body, headers=headers))

    assert isinstance(found, Shown | Unavailable | Throttled | Refused | Denied | Missing | Exists | NotTheApi)
    assert isinstance(found, Shown) or (len(found.message) < MAX_MESSAGE + 100 and "\n" not in found.message)


def test_deep_nesting_does_not_raise():
    for opening in (b"[", b'{"error":'):
        assert isinstance(answer(500, opening * 100_000), Unavailable)
    for depth in range(300, 1100):
        assert isinstance(answer(500, b'{"details":' + b"[" * depth + b"]" * depth + b"}"), Unavailable)
