"""run: the daemon, in the foreground, as a supervisor wants it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace

import click

from qtisync.adapters.signals import Signals
from qtisync.adapters.supervisor import supervisor_of
from qtisync.app import Setup, SystemClock
from qtisync.cli.common_options import Common, common_options, words_of_failure
from qtisync.cli.exit_codes import OK
from qtisync.cli.output import emit
from qtisync.engine.ports import Log
from qtisync.engine.warm import Memory
from qtisync.errors import ConfigError, QtisyncError, StoreError
from qtisync.report.status import words_of
from qtisync.report.value import Report
from qtisync.service import AFTER_ABANDON, Service

STOPS = frozenset({signal.SIGTERM, signal.SIGINT})
LISTENED = (*STOPS, signal.SIGHUP, signal.SIGUSR1)
LOOK = 1.0  # seconds between looks at a daemon that says nothing
STATUS_EVERY = 5.0  # seconds between two words to the supervisor
STEP = 0.1  # seconds between looks at what is still in flight


@click.command()
@common_options
def run(*, common: Common) -> int:
    """The service: keep the API equal to the ref until you are stopped.

    SIGTERM and SIGINT end it gracefully, a second one at once; SIGHUP reads the configuration again; SIGUSR1 rings. It
    leaves with 0 after a stop, and with 1 after too many unexpected failures in a row, for its supervisor.
    """
    setup, post = common.setup(), Signals(LISTENED)
    post.open()
    watchman = _Watchman(common, common.log(), post)
    try:
        report = watchman.serve(setup)
    except BaseException:
        if watchman.last is not None:  # it failed in the middle of its life: how it stood then says more than the error
            emit(watchman.last, common)
        raise
    finally:
        post.close()
    emit(report, common)
    return OK


class _Watchman:
    """The main thread: reads signals, speaks to the supervisor, starts the daemon anew on SIGHUP."""

    def __init__(self, common: Common, log: Log, post: Signals, make: Callable[..., Service] = Service) -> None:
        self._common, self._log, self._post, self._make = common, log, post, make
        self._supervisor = supervisor_of(os.environ)
        self._clock, self._memory = SystemClock(), Memory()
        self._ready, self._told_at = False, 0.0
        self.last: Report | None = None
        """How a service stood that ended by an error."""
        self._unread: tuple[int, ...] = ()
        """Signals that came while one configuration made place for the next."""

    def serve(self, setup: Setup) -> Report:
        """Run until a stop; the last status."""
        before: Setup | None = None
        while True:
            service = self._make(setup, self._log, self._memory, ended=self._post.wake)
            try:
                service.start()
            except QtisyncError as error:
                if before is None:
                    raise
                self._log("reload_refused", problems=[error.message])
                setup, before = before, None  # what cannot be opened must not end what worked
                continue
            self._log("daemon_started", target=setup.name, host=setup.target.base_url, pid=os.getpid())
            following = None
            try:
                following = self._follow(service)
            finally:
                report = self._end(service, reloading=following is not None)
            if service.error is not None:
                words = words_of_failure(service.error)
                self.last = replace(report, complete=False, errored=True, error=words)
                raise service.error
            if following is None or STOPS.intersection(self._unread):
                return report
            setup, before = following, setup

    def _follow(self, service: Service) -> Setup | None:
        """Until a stop (``None``), or the next configuration."""
        watchdog = self._supervisor.watchdog_seconds
        beat = min(LOOK, watchdog / 3) if watchdog is not None else LOOK
        while service.running:
            numbers = (*self._unread, *self._post.wait(0.0 if self._unread else beat))
            self._unread = ()
            if STOPS.intersection(numbers):  # before all others, in whatever order they came
                return None
            if signal.SIGUSR1 in numbers:
                service.controls.ring("signal")
            following = self._reload() if signal.SIGHUP in numbers else None
            if following is not None:
                return following
            self._tell(service)
        return None

    def _tell(self, service: Service) -> None:
        """How it is, for the supervisor: ready after the first pass, alive only while something moves.

        A first pass that fails must not hold up the start of a machine: it is tried again, and the status says why.
        """
        now = self._clock.now()
        if self._supervisor.listens and service.tried and (not self._ready or now - self._told_at >= STATUS_EVERY):
            say = self._supervisor.status if self._ready else self._supervisor.ready
            say(_words(service))
            self._ready, self._told_at = True, now
        if service.alive:
            self._supervisor.alive()

    def _reload(self) -> Setup | None:
        self._supervisor.reloading()
        try:
            setup = self._common.setup()
        except ConfigError as error:
            problems = [f"{problem.where}: {problem.message}" for problem in error.problems]
            self._log("reload_refused", problems=problems)
            self._supervisor.ready("the new configuration cannot be used; the old one stays")
            return None
        self._ready = False
        self._log("daemon_reloaded", target=setup.name)
        return setup

    def _end(self, service: Service, *, reloading: bool) -> Report:
        """Finish what is in flight within the grace period; a second signal cuts it off."""
        if not reloading:
            self._say_stopping()
        service.begin_stop()
        until, abandoned = self._clock.now() + service.setup.settings.daemon.grace, False
        while not service.finished(STEP):
            numbers = self._post.wait(0.0)
            impatient = STOPS.intersection(numbers)
            if reloading and impatient:
                self._say_stopping()
                reloading, impatient = False, frozenset()  # the first stop of this end asks for a graceful one
            self._unread += numbers
            if not abandoned and (impatient or self._clock.now() >= until):
                service.abandon()
                abandoned, until = True, self._clock.now() + AFTER_ABANDON
            elif abandoned and self._clock.now() >= until:
                break
        try:
            return service.controls.status()
        finally:
            service.close()
            if not reloading:
                self._log("daemon_stopped", in_flight="abandoned" if abandoned else "finished")

    def _say_stopping(self) -> None:
        self._log("daemon_stopping")
        self._supervisor.stopping("finishing what is in flight")


def _words(service: Service) -> str:
    """How it is, in one line; a record that cannot be read just now is no reason to end."""
    try:
        return words_of(service.controls.status())
    except StoreError as error:
        return error.message
