"""Tells a forge how far a commit came. Nobody waits for it: what is said goes into a mailbox that one thread empties.

Only the newest word on a commit counts. A forge that does not answer is asked a few times more; then one log line says
so, and the sync knows nothing of it.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from qtisync.errors import QtisyncError
from qtisync.report.commit_status import CommitState, Said, is_news, is_taken, shortened, status_request, token_header

TIMEOUT = 10.0
"""Seconds for connecting, and for each piece of the answer."""
WAITS = (5.0, 30.0, 120.0)
"""Seconds before each further try."""
MANY_COMMITS = 64
_MAX_ANSWER = 65_536


class Log(Protocol):
    """Structured events: a name of the catalogue and fields."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Write one event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgePlace:
    """Where statuses go. ``token`` reads it anew each time, so that it can be rotated."""

    forge: str
    """github, gitlab or gitea."""
    api_url: str
    repository: str
    context: str
    token: Callable[[], str]


class ForgeStatus:
    """The statuses of one repository's commits. Threads may share it; ``tell`` never waits and never raises."""

    def __init__(self, place: ForgePlace, log: Log, waits: tuple[float, ...] = WAITS) -> None:
        self._place, self._log, self._waits = place, log, waits
        self._changed = threading.Condition()
        self._mailbox: OrderedDict[str, Said] = OrderedDict()
        self._told: OrderedDict[str, Said] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closing = False

    def tell(self, commit: str, state: str, description: str) -> None:
        """Say it, unless it was the last thing said of this commit; ``state``: pending, success or failure."""
        said = Said(commit=commit, state=CommitState(state), description=shortened(description))
        with self._changed:
            if self._closing or not is_news(self._told.get(commit), said):
                return
            _keep(self._told, said)
            _keep(self._mailbox, said)
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="qtisync-forge", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def close(self, seconds: float = TIMEOUT) -> bool:
        """Send what waits, each once, for at most so long; whether all of it is done."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _deliver(self) -> None:
        while (said := self._next()) is not None:
            for wait in (*self._waits, None):
                trouble, again = self._send(said)
                if not trouble:
                    break
                if wait is None or not again or not self._pause(wait, said.commit):
                    self._give_up(said, trouble)
                    break

    def _next(self) -> Said | None:
        """What is said next, as soon as there is something; ``None``: nothing more will be."""
        with self._changed:
            self._changed.wait_for(lambda: self._mailbox or self._closing)
            return self._mailbox.popitem(last=False)[1] if self._mailbox else None

    def _pause(self, seconds: float, commit: str) -> bool:
        """Wait before another try; false if that is not worth it: there is newer word, or the end has come."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._closing or commit in self._mailbox, seconds)

    def _give_up(self, said: Said, trouble: str) -> None:
        with self._changed:
            newer = said.commit in self._mailbox
            if not newer and self._told.get(said.commit) == said:
                del self._told[said.commit]  # if it is said again, it is news
        if not newer:
            place = self._place
            self._log(
                "commit_status_failed", forge=place.forge, commit=said.commit, state=said.state.value, reason=trouble
            )

    def _send(self, said: Said) -> tuple[str, bool]:
        """Try once; what was in the way (empty: nothing), and whether another try makes sense."""
        try:
            status = self._ask(said)
        except QtisyncError as error:
            return error.message, False
        except (OSError, http.client.HTTPException) as error:
            return f"the forge cannot be reached: {type(error).__name__}", True
        if is_taken(self._place.forge, said, status):
            return "", False
        return f"the forge answered {status}", status == 429 or status >= 500  # noqa: PLR2004 - HTTP status

    def _ask(self, said: Said) -> int:
        """The status of the answer. A redirect is an answer like any other: the token goes to the one host only."""
        place, parts = self._place, urlsplit(self._place.api_url)
        request = status_request(place.forge, place.api_url, place.repository, place.context, said)
        name, value = token_header(place.forge, place.token())
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=TIMEOUT, context=context)
        else:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
        try:
            body = json.dumps(request.body).encode()
            connection.request(request.method, request.path, body=body, headers={**request.headers, name: value})
            response = connection.getresponse()
            response.read(_MAX_ANSWER)
            return response.status
        finally:
            connection.close()


def _keep(kept: OrderedDict[str, Said], said: Said) -> None:
    kept[said.commit] = said
    kept.move_to_end(said.commit)
    while len(kept) > MANY_COMMITS:
        kept.popitem(last=False)
