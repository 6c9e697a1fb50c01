"""Log lines are events: a name of the catalogue and fields. Redaction comes first, before anything is rendered.

JSON lines (one object each, UTC timestamps) for machines, coloured words for a terminal. What libraries log through the
standard library goes the same way, from WARNING on.
"""

from __future__ import annotations

import logging
import os
import re
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol, TextIO, TypeAlias

import structlog

from qtisync.logs.events import CATALOGUE
from qtisync.logs.redaction import Redactor, register_secret, shared_redactor

__all__ = ["CATALOGUE", "EventLog", "configure", "event_log", "is_journal", "register_secret"]

Processor: TypeAlias = Callable[[Any, str, MutableMapping[str, Any]], Any]
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_OURS = "qtisync"


class EventLog(Protocol):
    """Writes one event; fits ``engine.ports.Log``."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Write one event."""


def configure(
    stream: TextIO,
    *,
    json: bool,
    level: int = logging.INFO,
    journal: bool = False,
    redactor: Redactor | None = None,
) -> None:
    """Send all log lines of this process to ``stream``, as JSON or for people, from ``level`` on.

    ``journal`` puts systemd's ``<priority>`` before each line. Calling it again replaces what was set before.
    """
    render: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if not json:
        render = structlog.dev.ConsoleRenderer(colors=stream.isatty() and not os.environ.get("NO_COLOR"))
    structlog.configure(
        processors=[
            _redaction(redactor or shared_redactor()),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if json else [_printable]),
            _with_priority(render) if journal else render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _listen_to_libraries()


def event_log(*, strict: bool = True) -> EventLog:
    """A function that writes one event of the catalogue at the event's own level.

    A name that is not in the catalogue is a ``ValueError``; without ``strict`` it is written as a warning.
    """
    logger = structlog.get_logger(_OURS)

    def log(event: str, /, **fields: object) -> None:
        known = CATALOGUE.get(event)
        if known is None and strict:
            raise ValueError(f"{event!r} is not in the catalogue of events (qtisync/logs/events.py)")
        level = logging.WARNING if known is None else known.level
        getattr(logger, logging.getLevelName(level).lower())(event, **fields)

    return log


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether ``stream`` ends in systemd's journal: ``$JOURNAL_STREAM`` names its device and inode."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _redaction(redactor: Redactor) -> Processor:
    """The first processor: nothing after it ever sees a secret, not even a traceback's text."""

    def redact_fields(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        found = event.pop("exc_info", None)
        clean: dict[str, Any] = {
            redactor.name(str(name)): redactor.field(str(name), value) for name, value in event.items()
        }
        text = _traceback(found)
        if text:
            clean["exception"] = redactor.text(text)
        return clean

    return redact_fields


def _traceback(found: object) -> str:
    if found is True:
        return traceback.format_exc().rstrip()
    if isinstance(found, tuple):
        found = found[1]
    if isinstance(found, BaseException):
        return "".join(traceback.format_exception(found)).rstrip()
    return ""


def _printable(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Names and messages come from outside: they must not move the cursor or forge a line of their own."""
    return {
        name: _CONTROL.sub(_escape, value if name == "exception" else value.replace("\n", "\\n"))
        if isinstance(value, str)
        else value
        for name, value in event.items()
    }


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _with_priority(render: Processor) -> Processor:
    """A renderer that puts systemd's ``<N>`` before each line: the journal takes every line for a message."""

    def render_for_journal(logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        mark = f"<{_PRIORITY.get(str(event.get('level')), 6)}>"
        return mark + str(render(logger, method, event)).replace("\n", f"\n{mark}")

    return render_for_journal


class _Libraries(logging.Handler):
    """What libraries say through the standard library becomes an event, and so is redacted like any other."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record of the standard library."""
        write = getattr(structlog.get_logger(_OURS), logging.getLevelName(record.levelno).lower(), None)
        if write is not None:
            write("library_message", library=record.name, message=record.getMessage(), exc_info=record.exc_info)


def _listen_to_libraries() -> None:
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, _Libraries):
            root.removeHandler(handler)
    root.addHandler(_Libraries())
    root.setLevel(logging.WARNING)
