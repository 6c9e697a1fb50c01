import ast
import io
import json
import logging
from pathlib import Path

import pytest
import structlog

from qtisync.logs.events import CATALOGUE
from qtisync.logs.redaction import MASK, Redactor
from qtisync.logs.setup import configure, event_log, is_journal

CANARY = "canary/Ω-s3cret+value"
PACKAGE = Path(__file__).resolve().parents[3] / "qtisync"


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(params=["json", "human", "colours", "journal"])
def stream(request):
    """A configured stream for each way of rendering."""
    stream = Terminal() if request.param == "colours" else io.StringIO()
    redactor = Redactor()
    redactor.register(CANARY)
    as_json = request.param in ("json", "journal")
    configure(stream, json=as_json, level=logging.DEBUG, journal=request.param == "journal", redactor=redactor)
    return stream


def fail(words):
    raise RuntimeError(words)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def a_json_log(**options):
    stream = io.StringIO()
    configure(stream, json=True, **options)
    return stream, event_log()


def test_event_is_one_line_of_json_with_an_utc_time():
    stream, log = a_json_log()

    log("item_settled", item="alg-0102", attempts=1, path=Path("a.xml"), scopes=("content",), remote=None)
    [line] = stream.getvalue().splitlines()
    written = json.loads(line)

    assert written.pop("timestamp").endswith("Z")
    assert written == {
        "event": "item_settled",
        "level": "info",
        "item": "alg-0102",
        "attempts": 1,
        "path": "a.xml",
        "scopes": ["content"],
        "remote": None,
    }


def test_unknown_event_is_an_error():
    _, log = a_json_log()

    with pytest.raises(ValueError, match="catalogue"):
        log("itme_settled")


def test_unknown_event_in_the_field_is_written_all_the_same():
    stream, _ = a_json_log()

    event_log(strict=False)("itme_settled", item="a")

    assert json.loads(stream.getvalue())["level"] == "warning"


def test_every_event_that_the_program_writes_is_in_the_catalogue():
    written = {name for file in PACKAGE.rglob("*.py") for name in events_in(ast.parse(file.read_text()))}

    assert written - CATALOGUE.keys() == set()


def events_in(tree):
    """Names in calls of ``log`` and ``_log``, also in ``a if b else c``."""
    for call in ast.walk(tree):
        called = getattr(call, "func", None)
        if getattr(called, "attr", getattr(called, "id", "")) not in ("log", "_log") or not call.args:
            continue
        first = call.args[0]
        for choice in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
            if isinstance(choice, ast.Constant) and isinstance(choice.value, str):
                yield choice.value


def test_every_event_has_a_meaning_of_one_line():
    assert [event.name for event in CATALOGUE.values() if not event.meaning or "\n" in event.meaning] == []


def test_level_hides_what_is_less_important():
    stream, log = a_json_log(level=logging.WARNING)

    log("pass_started")
    log("item_settled")
    log("item_parked")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["item_parked"]


def test_fields_may_have_any_name():
    stream, log = a_json_log()

    log("progress", level="x", method="PUT", logger="y", msg="%s", name="z")

    assert json.loads(stream.getvalue())["method"] == "PUT"


class Leaky:
    def __repr__(self):
        return f"Leaky({CANARY})"


@pytest.mark.parametrize(
    "fields",
    [
        {"message": f"before {CANARY} after"},
        {"nested": {"deep": [{"list": (CANARY,)}]}},
        {CANARY: 1},
        {"thing": Leaky()},
        {"error": ValueError(CANARY)},
        {"url": "https://h/?x=canary%2F%CE%A9-s3cret%2Bvalue"},
        {"encoded": "Basic Y2FuYXJ5L86pLXMzY3JldCt2YWx1ZQ=="},
        {"client_secret": "canary-unregistered"},
        {"headers": {"Authorization": "canary-unregistered", "x": ["canary"] * 0}},
        {"accessToken": "canary-unregistered"},
        {"rawXml": "<canary/>"},
        {"xml": b"<canary/>"},
        {"body": {"canary": 1}},
        {"message": "Authorization: Bearer canary-unregistered"},
        {"message": "sent with bearer canary-unregistered.x-y"},
        {"message": "client_secret=canary-unregistered&x=1"},
        {"message": "https://user:canary@host/x"},
        {"message": "{'access_token': 'canary'}"},
        {"message": b"canary"},
    ],
    ids=str,
)
def test_secret_is_in_no_line_of_any_renderer(stream, fields):
    event_log()("progress", **fields)

    written = stream.getvalue().lower()

    assert "progress" in written
    assert "canary" not in written
    assert "y2fuyxj5" not in written


def test_traceback_is_redacted_in_every_renderer(stream):
    try:
        fail(f"no {CANARY}")
    except RuntimeError:
        event_log()("turn_failed", exc_info=True)

    written = stream.getvalue()

    assert "RuntimeError" in written
    assert MASK in written
    assert CANARY not in written


def test_libraries_are_heard_from_warnings_on_and_redacted(stream):
    logging.getLogger("httpx").info("GET /items")
    logging.getLogger("git.cmd").warning("pushed %s", CANARY)
    written = stream.getvalue()

    assert "GET" not in written
    assert "git.cmd" in written
    assert MASK in written
    assert CANARY not in written


def test_what_comes_from_outside_cannot_forge_a_line_or_move_the_cursor():
    stream = io.StringIO()
    configure(stream, json=False)

    event_log()("item_parked", item="a\x1b[2Jb", reason="x\nitem_settled  item=c")

    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_journal_gets_a_priority_before_every_line():
    stream = io.StringIO()
    configure(stream, json=False, journal=True)
    try:
        fail("x")
    except RuntimeError:
        event_log()("turn_failed", exc_info=True)

    assert {line[:3] for line in stream.getvalue().splitlines()} == {"<3>"}


def test_journal_is_recognised_by_device_and_inode(tmp_path):
    with (tmp_path / "out").open("w") as out:
        status = (tmp_path / "out").stat()

        assert is_journal(out, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_journal(out, {"JOURNAL_STREAM": "1:2"})
        assert not is_journal(out, {})
    assert not is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})
