"""The catalogue of events: every name that may stand in a log line, how loud it is and what it means."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of log line. ``level`` is one of the standard library's numbers."""

    name: str
    level: int
    meaning: str


_DEBUG, _INFO, _WARNING, _ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

_EVENTS = (
    # passes
    Event("pass_started", _DEBUG, "a pass began; the commit is pinned"),
    Event("pass_finished", _INFO, "a pass wrote down what every item must become"),
    Event("pass_held", _WARNING, "a safety rule holds a pass; nothing was written"),
    Event("pass_failed", _ERROR, "a pass could not go on; it is tried again later"),
    Event("content_broken", _WARNING, "a file cannot be sent; the API keeps its last good version"),
    Event("progress", _INFO, "how far long work has come"),
    # items
    Event("item_settled", _INFO, "the API confirmed an item"),
    Event("item_deleted", _INFO, "an item that no file asks for is gone at the API"),
    Event("item_parked", _WARNING, "an item waits for an edit or for `qtisync retry`"),
    Event("item_retry", _INFO, "an item is tried again later"),
    Event("item_superseded", _DEBUG, "a newer commit replaced what was being sent"),
    Event("item_released", _DEBUG, "an item was given back before anything of it was sent"),
    Event("altered", _WARNING, "the API stored something else than what was sent"),
    Event("conflict", _WARNING, "an item changed in git and at the API"),
    Event("drift", _WARNING, "an item changed at the API only"),
    # the queue
    Event("queue_paused", _WARNING, "nothing is sent for a while: the API asked for it, or is down"),
    Event("queue_resumed", _INFO, "requests are sent again"),
    Event("queue_halted", _ERROR, "nothing is sent until a person acts: credentials, or a wrong base URL"),
    Event("api_down", _WARNING, "the API gives no usable answers; everything waits, and is tried again"),
    Event("api_up", _INFO, "the API answers again"),
    Event("queue_drained", _INFO, "nothing is left to send"),
    Event("leases_recovered", _INFO, "items that another worker left behind are queued again"),
    Event("synced", _INFO, "everything of a commit is settled, parked or held"),
    # the API
    Event("token_refreshed", _DEBUG, "a new access token was issued"),
    Event("token_refused", _ERROR, "the token endpoint refused our credentials"),
    Event("canary_started", _INFO, "the metadata call is tried on one item"),
    Event("canary_fit", _INFO, "the metadata call did exactly what was meant; it is used from now on"),
    Event("canary_unfit", _WARNING, "the metadata call did something else; PUT is used instead"),
    Event("list_fit", _DEBUG, "the list shows the items that are asked for; several are read by one call"),
    Event("list_unfit", _WARNING, "the list does not show what is asked for; items are read one by one"),
    Event("list_given_up", _WARNING, "the list gives no answer in time; this run reads items one by one"),
    Event("check_failed", _WARNING, "git, record and API could not be compared; it is tried again"),
    Event("check_finished", _INFO, "git, record and API were compared"),
    # the daemon
    Event("daemon_started", _INFO, "the daemon is at work"),
    Event("daemon_stopped", _INFO, "the daemon ended in good order"),
    Event("daemon_stopping", _INFO, "a signal asked for the end; what is in flight is finished first"),
    Event("turn_failed", _ERROR, "a turn of the daemon failed; it backs off and goes on"),
    Event("daemon_reloaded", _INFO, "the configuration was read again"),
    Event("reload_refused", _ERROR, "the new configuration cannot be used; the old one stays"),
    Event("paused", _WARNING, "a person asked that nothing is sent"),
    Event("resumed", _INFO, "a person let requests be sent again"),
    Event("watch_degraded", _WARNING, "file events cannot be had; polling goes on"),
    Event("watch_recovered", _INFO, "file events are back"),
    Event("webhook_answered", _DEBUG, "a forge told of a push, or of something else"),
    Event("webhook_refused", _WARNING, "a webhook was not what it should be; told once a minute for each reason"),
    Event("web_listening", _INFO, "the HTTP surface answers here"),
    Event("web_failed", _ERROR, "the HTTP surface ended by itself"),
    Event("commit_status_failed", _WARNING, "the forge did not take the status of a commit; the sync goes on"),
    Event("bell_rung", _DEBUG, "something may have changed"),
    # the mirror of a repository elsewhere
    Event("mirror_made", _INFO, "the first fetch of a repository elsewhere is complete"),
    Event("mirror_repaired", _WARNING, "what a killed git had left in the mirror was removed"),
    Event("mirror_untidy", _WARNING, "the packs of the mirror could not be made one; fetching goes on"),
    # around it
    Event("record_opened", _DEBUG, "the record is open, its schema is up to date"),
    Event("sandbox_started", _INFO, "the emulated API answers on this machine"),
    Event("sandbox_stopped", _INFO, "the emulated API ended"),
    Event("library_message", _WARNING, "a library that we use has something to say"),
)

CATALOGUE: Mapping[str, Event] = {event.name: event for event in _EVENTS}
