"""Reading a point in time as people write it: a date, a time, or how long ago. UTC where no zone is given."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3_600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
_AGO = re.compile(r"(\d{1,9})\s*([a-z]+)(?:\s+ago)?")
_AHEAD = re.compile(r"(?:in\s+)?(\d{1,9})\s*([a-z]+)")
_STAMP = re.compile(r"@(\d{1,10}(?:\.\d{1,6})?)")
_SKEW = 60.0  # seconds by which another machine's clock may be ahead of ours


def point_in_time(text: str, now: float) -> float:
    """The point in time that ``text`` means; raises ``ValueError`` with words for people.

    ``2026-11-28`` (its beginning), ``2026-11-28 14:30``, ``2026-11-28T14:30:00+01:00``, ``@1795876200``, ``now``,
    ``today``, ``yesterday``, ``2h ago``, ``3 days``.
    """
    at = _read(" ".join(text.lower().split()), now)
    if at is None:
        raise ValueError(
            f"{text!r} is no time. Write it as 2026-11-28, 2026-11-28T14:30:00Z, “2h ago”, “yesterday” or “now”"
        )
    if at > now + _SKEW:
        raise ValueError(f"{text!r} is in the future")
    return at


def later(text: str, now: float) -> float:
    """A point in time to come: as above, and ``2h``, ``30m`` or ``in 3 days`` from now on."""
    words = " ".join(text.lower().split())
    ahead = _AHEAD.fullmatch(words)
    at = now + int(ahead[1]) * _UNITS[ahead[2]] if ahead is not None and ahead[2] in _UNITS else _read(words, now)
    if at is None:
        raise ValueError(f"{text!r} is no time. Write it as 2h, 30m, 2026-11-28 or 2026-11-28T14:30:00Z")
    if at <= now:
        raise ValueError(f"{text!r} is over already")
    return at


def _read(text: str, now: float) -> float | None:
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": today.timestamp(), "yesterday": (today - timedelta(days=1)).timestamp()}
    if text in named:
        return named[text]
    ago = _AGO.fullmatch(text)
    if ago is not None and ago[2] in _UNITS:
        return max(0.0, now - int(ago[1]) * _UNITS[ago[2]])
    stamp = _STAMP.fullmatch(text)
    if stamp is not None:
        return float(stamp[1])
    if not re.match(r"\d{4}-\d{2}-\d{2}", text):
        return None  # week dates and the like: a typing error is more likely
    try:
        said = datetime.fromisoformat(text.upper())
        return (said if said.tzinfo is not None else said.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
