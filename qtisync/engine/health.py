"""Whether the API gives usable answers, as all see it who ask it: what is down is told as a whole, not item by item."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtisync.delivery.log_words import for_log
from qtisync.delivery.outcome import Unavailable
from qtisync.model import Json
from qtisync.report.value import moment

if TYPE_CHECKING:  # Protocols are types only, and what they mention costs start-up time
    from qtisync.engine.ports import Log, RecordReader, Store

SETTING = "api_trouble"
FEW, SOON = 2, 1.0  # calls in a row without an answer, and seconds between the first and the last, that make it trouble
SLOW = 10.0  # seconds for which a single call got no answer, and no other call either
MANY = 5  # calls in a row without a usable answer, 500s included: one alone may be about an item
DOWN_AFTER = 30.0  # seconds of trouble after which nobody is left to wait for it
SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The API gives no usable answers. Times are seconds since the epoch."""

    since: float
    reason: str

    @property
    def words(self) -> str:
        """For people."""
        return f"the API gives no usable answer since {moment(self.since)}: {self.reason}"


class Health:
    """What the newest answers of the API say about it. Threads share it; ``log`` hears of each change."""

    def __init__(self, log: Log | None = None) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._failures = self._silent = 0
        self._since = self._answered_at = 0.0
        self._trouble: Trouble | None = None
        self._newest: Trouble | None = None
        self._answered = False

    @property
    def trouble(self) -> Trouble | None:
        """The trouble that it is in; ``None``: its newest answer was usable, or nothing is known."""
        return self._trouble

    @property
    def failing(self) -> Trouble | None:
        """As ``trouble``, from the first call on that got no usable answer."""
        return self._newest

    @property
    def answered(self) -> bool:
        """Whether it ever gave this process a usable answer, and nothing speaks against it since."""
        return self._answered and self._newest is None

    def down(self, now: float) -> Trouble | None:
        """The trouble, once it lasts so long that nobody should wait for its end."""
        trouble = self._trouble
        return trouble if trouble is not None and now - trouble.since >= DOWN_AFTER else None

    def heard(self, answer: object, now: float, sent_at: float | None = None) -> None:
        """A call that was sent then ended like this; whatever is no ``Unavailable`` is an answer, a refusal too."""
        with self._lock:
            before = self._trouble
            if isinstance(answer, Unavailable):
                self._failed(answer, now, now if sent_at is None else sent_at)
            else:
                self._failures = self._silent = 0
                self._trouble, self._newest = None, None
                self._answered, self._answered_at = True, now
            after = self._trouble
        if self._log is None:
            return
        if before is None and after is not None:
            self._log("api_down", reason=for_log(after.reason), since=moment(after.since))
        elif before is not None and after is None:
            self._log("api_up", seconds=round(now - before.since, 1))

    def _failed(self, answer: Unavailable, now: float, sent_at: float) -> None:
        if not self._failures:
            self._since = max(sent_at, self._answered_at)
        self._failures += 1
        self._silent += answer.status != SERVER_ERROR
        self._newest = Trouble(since=self._since, reason=answer.message)
        lasted = now - self._since
        silent = (self._silent >= FEW and lasted >= SOON) or (self._silent > 0 and lasted >= SLOW)
        if self._trouble is not None or silent or self._failures >= MANY:
            self._trouble = self._newest


def remember(store: Store, health: Health, gave_up: str, now: float) -> None:
    """Keep for those who look later that a run gave up on the API (with this reason), or that it answers again."""
    if gave_up:
        trouble = health.failing or Trouble(since=now, reason=gave_up)
        said: Json = {"since": trouble.since, "reason": trouble.reason}
        store.put_setting(SETTING, said)
    elif health.answered and store.setting(SETTING) is not None:
        store.put_setting(SETTING, None)


def remembered(reader: RecordReader) -> Trouble | None:
    """The trouble in which the last run without a daemon left the API."""
    said = reader.setting(SETTING)
    since = said.get("since") if isinstance(said, Mapping) else None
    if not isinstance(said, Mapping) or not isinstance(since, int | float):
        return None
    return Trouble(since=float(since), reason=str(said.get("reason", "")))
