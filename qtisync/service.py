"""Composition root of the daemon: one target with everything around it, from ``start`` to ``stop``."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from qtisync import __version__
from qtisync.adapters.control_client import pushers_file, socket_file
from qtisync.adapters.forge import ForgePlace, ForgeStatus
from qtisync.adapters.whole_file import write_whole
from qtisync.app import Setup, SystemClock
from qtisync.engine.control import Controls, Identity
from qtisync.engine.cycle import Bench
from qtisync.engine.daemon import Daemon
from qtisync.engine.inspector import Inspector
from qtisync.engine.jobs import Jobs
from qtisync.engine.outbox import Outbox
from qtisync.engine.rounds import Beating, Rounds
from qtisync.engine.timing import Timing
from qtisync.engine.valve import Valve
from qtisync.engine.warm import Memory
from qtisync.report.commit_status import said_of
from qtisync.report.job import Job
from qtisync.report.saved_plan import dump_plan
from qtisync.report.value import Report
from qtisync.web.metrics import Metrics
from qtisync.web.server import Pushers, WebServer
from qtisync.web.signatures import Forge
from qtisync.web.surface import Surface

if TYPE_CHECKING:
    from qtisync.adapters.watched_folders import FolderWatcher
    from qtisync.engine.ports import Log

SETTLE = 0.2  # seconds without a change of files, after which a save is taken for finished
FETCH_STEPS = 3  # times its timeout: the wait for another fetch, the fetch, and packing what came
AFTER_ABANDON = 5.0  # seconds for calls that were cut off to notice it


class Service:
    """One life of the daemon under one configuration; ``ended`` hears of its end.

    ``memory`` outlives a reload, so that the next pass is as quick as the last.
    """

    def __init__(
        self,
        setup: Setup,
        log: Log,
        memory: Memory,
        *,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self.setup, self._log, self._memory, self._ended = setup, log, memory, ended
        self._stack = ExitStack()
        self._thread: threading.Thread | None = None
        self.watcher: FolderWatcher | None = None  # begins after the web surface, which asks how it is
        self.error: BaseException | None = None

    def start(self) -> None:
        """Open everything and begin; raises what the command line explains if something cannot be opened."""
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        self._thread = threading.Thread(target=self._live, name="daemon")
        self._thread.start()

    def _open(self, stack: ExitStack) -> None:
        clock = SystemClock()
        self.metrics = Metrics(clock.now)
        self.mirror = self.setup.open_mirror(self._log)
        self.forge = self._forge(stack)
        self.valve, self.jobs = Valve(clock), Jobs(clock, self._tell_forge)
        self.bench = self._bench(stack)
        self.outbox = Outbox(self.bench, self.jobs, self.valve)
        self.inspector = Inspector(
            self.bench, self.setup.aim(), Beating(_no_beat), self.setup.target.reconcile_every, self._found_drift
        )
        self.daemon = self._daemon()
        self.controls = self._controls(clock.now())
        self.metrics.watch(self.controls.gauges)
        self.web = self._listen(stack)
        self.watcher = self._watch(stack)

    def _bench(self, stack: ExitStack) -> Bench:
        """The record, the repository and the API, joined for all who push."""
        setup = self.setup
        return stack.enter_context(
            setup.bench(
                store=stack.enter_context(closing(setup.open_store("qtisync run"))),
                source=stack.enter_context(closing(setup.open_source(expected=False))),
                api=setup.open_api(self.metrics.token_refreshed),
                bell=self.valve,
                log=self._log,
                meter=self.metrics,
            )
        )

    def _daemon(self) -> Daemon:
        """Who makes the passes."""
        settings = self.setup.settings
        return Daemon(
            bench=self.bench,
            aim=self.setup.aim(),
            jobs=self.jobs,
            valve=self.valve,
            outbox=self.outbox,
            meter=self.metrics,
            memory=self._memory,
            rounds=Rounds(
                poll_every=settings.repository.poll_every,
                fetch=self._fetch if self.mirror is not None else None,
                fetch_takes=FETCH_STEPS * settings.repository.fetch_timeout,
                revive=self._revive,
                inspect=self.inspector.look,
                keep_journal=settings.keep_journal,
                hold=self._keep_plan,
                give_up_after=settings.daemon.give_up_after,
            ),
            timing=_timing(self.setup),
        )

    def _controls(self, started: float) -> Controls:
        """How others see and steer it."""
        setup = self.setup
        return Controls(
            bench=self.bench,
            daemon=self.daemon,
            outbox=self.outbox,
            jobs=self.jobs,
            meter=self.metrics,
            identity=Identity(
                target=setup.name,
                base_url=setup.target.base_url,
                metadata_call=setup.target.metadata_updates == "endpoint",
                started=started,
                version=__version__,
                poll_every=setup.settings.repository.poll_every,
                actor=setup.actor,
            ),
            fetched=self.mirror.fetched_at if self.mirror is not None else lambda: None,
            watched=self._watched,
        )

    def begin_stop(self) -> None:
        """Send nothing new from now on; what is in flight may finish."""
        self.valve.stop()
        self.jobs.wake()
        if self.mirror is not None:
            self.mirror.close()

    def abandon(self) -> None:
        """Cut off what is in flight: it is in doubt, and read before anything else after the next start."""
        self.bench.api.close()
        self.bench.source.close()

    def finished(self, seconds: float) -> bool:
        """Wait at most so long; whether nothing of it moves any more."""
        if self._thread is not None:
            self._thread.join(seconds)
        return not self.running and self.inspector.join(seconds) and self.outbox.join(seconds)

    def close(self) -> None:
        """Let go of everything, after ``finished``."""
        self._stack.close()

    def stop(self, grace: float) -> bool:
        """All of it: stop, wait, abandon what is still in flight after ``grace`` seconds; whether nothing was."""
        self.begin_stop()
        in_time = self.finished(grace)
        if not in_time:
            self.abandon()
            self.finished(AFTER_ABANDON)
        self.close()
        return in_time

    @property
    def ready(self) -> bool:
        """Whether the first pass is done."""
        return self.daemon.seen.passed

    @property
    def tried(self) -> bool:
        """Whether the first pass has come to an end, good or bad; a bad one is told in the status."""
        return self.ready or self.daemon.seen.trouble is not None

    @property
    def alive(self) -> bool:
        """Whether its turns go round, and whether it can be steered."""
        return self.controls.alive() and self.web.running

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._thread is not None and self._thread.is_alive()

    def _live(self) -> None:
        try:
            self.daemon.run()
        except BaseException as error:  # noqa: BLE001 - handed to whoever stops us, who raises it
            self.error = error
        finally:
            self._ended()

    def _forge(self, stack: ExitStack) -> ForgeStatus | None:
        """Who is told how far a commit came."""
        told = self.setup.settings.commit_status
        if told.forge is None or told.api_url is None or told.repository is None or told.token is None:
            return None
        place = ForgePlace(
            forge=told.forge,
            api_url=told.api_url,
            repository=told.repository,
            context=told.context,
            token=self.setup.secret(told.token, "commit_status.token"),
        )
        forge = ForgeStatus(place, self._log)
        stack.callback(forge.close)
        return forge

    def _tell_forge(self, job: Job) -> None:
        said = said_of(job) if self.forge is not None else None
        if self.forge is not None and said is not None:
            self.forge.tell(said.commit, said.state, said.description)

    def _listen(self, stack: ExitStack) -> WebServer:
        """Answer this machine's commands, and the network if it is wanted."""
        setup, daemon = self.setup, self.setup.settings.daemon
        surface = Surface(
            control=self.controls,
            metrics=self.metrics,
            log=self._log,
            now=SystemClock().now,
            ref=setup.settings.repository.ref,
            secrets=_webhook_secrets(setup),
            token=setup.secret(daemon.token, "daemon.token") if daemon.token is not None else None,
            public_metrics=daemon.public_metrics,
        )
        group, file = daemon.push_group, socket_file(setup.state, setup.name)
        pushers = None if group is None else Pushers(file=pushers_file(file), group=group)
        web = WebServer(surface=surface, file=file, listen=daemon.listen, pushers=pushers)
        web.start()
        stack.callback(web.close)
        return web

    def _watch(self, stack: ExitStack) -> FolderWatcher | None:
        """Hear of moved refs or saved files; a mirror moves by nobody's hand but ours."""
        if self.mirror is not None:
            stack.callback(self.mirror.close)
            return None
        watcher = self.setup.open_watcher(self._moved, self._watch_changed)
        stack.callback(watcher.close)
        watcher.start()
        return watcher

    def _watched(self) -> tuple[str, ...]:
        return self.watcher.degraded if self.watcher is not None else ()

    def _fetch(self) -> None:
        if self.mirror is not None:
            self.mirror.fetch()

    def _found_drift(self) -> None:
        self.outbox.wake()
        self.controls.ring("check")

    def _moved(self) -> None:
        self.controls.ring("files" if self.setup.is_authoring else "refs")

    def _revive(self) -> None:
        if self.watcher is not None:
            self.watcher.revive()

    def _watch_changed(self, reasons: tuple[str, ...]) -> None:
        if reasons:
            self._log("watch_degraded", reasons=list(reasons))
        else:
            self._log("watch_recovered")

    def _keep_plan(self, report: Report) -> str:
        """Save a held plan; the command that continues it, wherever it is typed."""
        setup = self.setup
        file = setup.state / f"{setup.name}.held-plan.json"
        write_whole(file, dump_plan(report, ()).encode())
        allow = [word for hold in report.holds for word in hold.override.split()]
        flags = ["--config", str(setup.file), "--target", setup.name]
        return shlex.join(["qtisync", "apply", str(file), *allow, *flags])


def _timing(setup: Setup) -> Timing:
    """How rings are gathered, for this kind of repository."""
    repository = setup.settings.repository
    if setup.is_authoring:
        return Timing(settle=SETTLE)
    if repository.url is None:
        return Timing()
    return Timing(retry=repository.fetch_retry_every, retry_cap=10 * repository.fetch_retry_every)


def _webhook_secrets(setup: Setup) -> dict[Forge, Callable[[], str]]:
    """The secrets of the forges that may tell of pushes."""
    configured = {forge: getattr(setup.settings.webhooks, forge.value) for forge in Forge}
    return {
        forge: setup.secret(reference, f"webhooks.{forge.value}")
        for forge, reference in configured.items()
        if reference is not None
    }


def _no_beat(_seconds: float) -> None:
    """A comparison beside the passes is no sign of life of theirs."""
