"""What a command asks of the daemon of its target, if one runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from qtisync.adapters.control_client import ControlClient, socket_file
from qtisync.errors import DaemonAbsentError, DaemonSilentError, QtisyncError

if TYPE_CHECKING:
    from qtisync.app import Setup

STEP = 10.0  # seconds that one question about a job waits for its end
LEEWAY = 5.0  # seconds that its answer may take besides


class Through:
    """The daemon of a target on this machine. ``None`` as an answer: there is none."""

    def __init__(self, setup: Setup) -> None:
        self._client = ControlClient(socket_file(setup.state, setup.name))

    def running(self) -> bool:
        """Whether a daemon listens."""
        return self.get("/healthz") is not None

    def get(self, path: str, timeout: float = LEEWAY) -> Mapping[str, Any] | None:
        """Ask for something."""
        return self._call("GET", path, None, timeout)

    def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Tell it to do something."""
        return self._call("POST", path, body, LEEWAY)

    def job(self, name: str, seconds: float) -> Mapping[str, Any] | None:
        """A job after it ended, or after so long (at most ``STEP``)."""
        wait = min(seconds, STEP)
        return self.get(f"/api/v1/jobs/{quote(name, safe='')}?wait={wait:g}", wait + LEEWAY)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, timeout: float) -> Mapping[str, Any] | None:
        try:
            status, document = self._client.call(method, path, body, timeout)
        except DaemonAbsentError:
            return None
        if not isinstance(document, Mapping):
            raise DaemonSilentError("The daemon's answer is none that this version understands.", hint="Update both.")
        if status >= 400 and path != "/healthz":  # noqa: PLR2004 - RFC 9110
            message, hint = document.get("message") or document.get("error"), document.get("hint", "")
            raise QtisyncError(f"The daemon refused: {message}", hint=str(hint), reference="daemon-refused")
        return document
