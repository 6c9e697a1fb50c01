"""Composition root: configuration → adapters → engine. Loads heavy libraries late."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtisync.clocks import SystemClock, ThreadBell
from qtisync.config.file import load_settings
from qtisync.config.policy import drift_policy
from qtisync.config.settings import Count, SecretKind, SecretReference, Settings, Share, Target, choose_target
from qtisync.config.working_tree import authoring_problems, need_working_tree, refuse_commit
from qtisync.content.selection import ContentRules
from qtisync.engine.reconcile import Aim
from qtisync.errors import ConfigError, ConfigProblem, RepositoryError
from qtisync.model import Json, Kind
from qtisync.ownership import Ownership, Stamp
from qtisync.planning.guard import Limits
from qtisync.planning.plan import Destination
from qtisync.planning.removal import Removals

if TYPE_CHECKING:  # the adapters' libraries cost more than the rest of a plan
    from qtisync.adapters.http_api import HttpApi
    from qtisync.adapters.mirror import Mirror
    from qtisync.adapters.store import SqlStore
    from qtisync.adapters.watched_folders import FolderWatcher
    from qtisync.engine.cycle import Bench
    from qtisync.engine.pacing import PaceTerms
    from qtisync.engine.ports import Api, Bell, Log, Meter, Progress, RecordReader, Source
    from qtisync.engine.push import Manners
    from qtisync.engine.survey import Eyes

__all__ = ["Setup", "SystemClock", "ThreadBell", "load_setup"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One target of one configuration, ready to be opened."""

    settings: Settings
    file: Path
    name: str
    target: Target
    environ: Mapping[str, str]

    @property
    def state(self) -> Path:
        """The folder of the record."""
        return Path(self.settings.state)

    @property
    def actor(self) -> str:
        """Who runs this, for the journal: what the machine knows of the person."""
        import getpass  # noqa: PLC0415 - only when somebody decides something

        try:
            name = getpass.getuser()
        except (OSError, KeyError):  # a container's user may have no name
            name = str(os.getuid())
        behind = self.environ.get("SUDO_USER")
        return f"{name}@{os.uname().nodename}" + (f" (for {behind})" if behind and behind != name else "")

    @property
    def repository(self) -> Path:
        """The repository on this machine; of a url, its mirror."""
        repository = self.settings.repository
        if repository.url is None:
            return Path(repository.path or "")
        from qtisync.adapters.mirror import mirror_folder  # noqa: PLC0415 - only for a url

        return mirror_folder(self.state, repository.url)

    @property
    def location(self) -> str:
        """What reports call the repository: its path, or its address without anything secret."""
        url = self.settings.repository.url
        if url is None:
            return str(self.repository)
        from qtisync.adapters.remote import without_credentials  # noqa: PLC0415 - only for a url

        return without_credentials(url)

    def fetched_at(self) -> float | None:
        """When a repository elsewhere was last fetched; ``None``: never, or it is on this machine."""
        if self.settings.repository.url is None:
            return None
        from qtisync.adapters.mirror import fetched_at  # noqa: PLC0415 - only for a url

        return fetched_at(self.repository)

    def open_mirror(self, log: Log | None = None) -> Mirror | None:
        """What fetches the repository, if it is elsewhere; ``None``: it is on this machine."""
        repository = self.settings.repository
        if repository.url is None:
            return None
        from qtisync.adapters.mirror import Mirror, no_note  # noqa: PLC0415 - only for a url
        from qtisync.adapters.remote import Remote  # noqa: PLC0415 - likewise

        key, ref = repository.ssh_key, repository.ref
        remote = Remote(
            url=repository.url,
            ssh_key=key.file(self.environ, where="repository.ssh_key") if key is not None else None,
            known_hosts=Path(repository.known_hosts) if repository.known_hosts is not None else None,
            username=repository.username or "",
            token=self._git_token if repository.token is not None else None,
        )
        if remote.token is not None:
            remote.token()  # so that a missing one is told before anything is asked
        other = ref.startswith("refs/") and not ref.startswith(("refs/heads/", "refs/tags/"))
        return Mirror(
            self.state,
            remote,
            timeout=repository.fetch_timeout,
            refs=(ref,) if other else (),
            note=log or no_note,
        )

    def _git_token(self) -> str:
        from qtisync.logs.redaction import register_secret  # noqa: PLC0415 - only to fetch

        reference = self.settings.repository.token
        value = "" if reference is None else reference.read(self.environ, where="repository.token")
        register_secret(value)
        return value

    def rules(self) -> ContentRules:
        """Which files are content."""
        content = self.settings.content
        return ContentRules(
            include=content.include,
            exclude=content.exclude,
            sidecar=content.sidecar,
            target=self.name,
            stamp=self.ownership.stamp,
        )

    def aim(self, ref: str | None = None, only: tuple[str, ...] = ()) -> Aim:
        """What a pass is to achieve."""
        refuse_commit(self.settings, "--ref", ref)
        target, content = self.target, self.settings.content
        return Aim(
            destination=Destination(target=self.name, base_url=target.base_url),
            ref=ref or self.settings.repository.ref,
            rules=self.rules(),
            item_cap=content.max_item_bytes,
            sidecar_cap=content.max_sidecar_bytes,
            limits=Limits(max_update=bound(target.max_update), max_delete=bound(target.max_delete)),
            removals=Removals(ownership=self.ownership) if target.removal == "delete" else None,
            reads_first=target.foreign_metadata == "preserve"
            or target.on_conflict != "overwrite"
            or target.owner_stamp is not None,
            reads_back=target.verify == "read_back",
            metadata_call=target.metadata_updates == "endpoint",
            rate=target.max_requests_per_second,
            only=only,
            keep_pins=not only
            or ref in {None, self.settings.repository.ref, f"refs/heads/{self.settings.repository.ref}"},
        )

    @property
    def is_authoring(self) -> bool:
        """Whether the files of the working tree are desired, not a commit."""
        return self.settings.repository.source == "worktree"

    def open_source(self, *, expected: bool = True) -> Source:
        """What is desired, as it is on this machine: see ``open_commits``; or the working tree."""
        if not self.is_authoring:
            return self.open_commits(expected=expected)
        from qtisync.adapters.worktree import WorktreeSource  # noqa: PLC0415 - GitPython is heavy

        need_working_tree(self.repository, self.file)
        return WorktreeSource(self.repository, wall_clock=time.time)

    def open_commits(self, *, expected: bool = True) -> Source:
        """The repository as it is on this machine; a mirror is not fetched, and must be there if ``expected``."""
        from qtisync.adapters.git_source import GitSource  # noqa: PLC0415 - GitPython is heavy

        if self.settings.repository.url is None:
            return GitSource(self.repository)
        if expected and not self.repository.is_dir():
            hint = "`qtisync plan` fetches it; `qtisync doctor` says whether it can be reached."
            raise RepositoryError(
                f"{self.location} was never fetched to this machine.", hint=hint, reference="never-fetched"
            )
        return GitSource(self.repository, name=self.location)

    def open_fresh_source(self, log: Log | None = None) -> Source:
        """The repository as it is now: if it is elsewhere, it is fetched first."""
        mirror = self.open_mirror(log)
        if mirror is not None:
            with closing(mirror):
                mirror.fetch()
        return self.open_source()

    def open_watcher(
        self, ring: Callable[[], None], on_change_of_health: Callable[[tuple[str, ...]], None] | None = None
    ) -> FolderWatcher:
        """Rings when what is desired may have changed; it is not started yet."""
        from qtisync.adapters.watcher import RefWatcher, WorktreeWatcher  # noqa: PLC0415 - only for the daemon

        kind = WorktreeWatcher if self.is_authoring else RefWatcher
        return kind(self.repository, ring, on_change_of_health)

    def open_reader(self) -> RecordReader:
        """The record, for reading only; an empty one if there is none yet."""
        from qtisync.adapters.store_reader import EmptyReader, open_reader  # noqa: PLC0415 - SQLAlchemy is heavy

        return open_reader(self.state, self.name) or EmptyReader()

    def damage(self) -> tuple[str, ...]:
        """What is wrong inside the record, in words; nothing if there is none yet. It is only read."""
        from qtisync.adapters.store_check import damage  # noqa: PLC0415 - SQLAlchemy is heavy
        from qtisync.adapters.store_reader import open_reader  # noqa: PLC0415 - likewise

        reader = open_reader(self.state, self.name)  # refuses what cannot be read at all
        if reader is None:
            return ()
        reader.close()
        return damage(self.state, self.name)

    def open_store(self, holder: str) -> SqlStore:
        """The record, for its one writer."""
        from qtisync.adapters.store import open_store  # noqa: PLC0415 - SQLAlchemy is heavy

        return open_store(self.state, self.name, holder=holder)

    def open_api(self, on_token: Callable[[], None] = lambda: None) -> HttpApi:
        """The API, with our credentials; they are read now, so that a missing one is told before anything is sent.

        ``on_token`` hears of each new access token.
        """
        from qtisync.adapters.endpoint import Endpoint  # noqa: PLC0415 - httpx is heavy
        from qtisync.adapters.http_api import HttpApi  # noqa: PLC0415 - httpx is heavy

        target = self.target
        where = f"targets.{self.name}"
        client_id = self.secret(target.client_id, f"{where}.client_id")
        client_secret = self.secret(target.client_secret, f"{where}.client_secret")
        client_id()
        client_secret()
        return HttpApi(
            Endpoint(
                base_url=target.base_url,
                token_url=target.token_url,
                client_id=client_id,
                client_secret=client_secret,
                client_auth=target.client_auth,
                scope=target.scope or "",
                on_token=on_token,
            )
        )

    def secret(self, reference: SecretReference, where: str) -> Callable[[], str]:
        """A function that reads a secret anew each time; whatever it gave is kept out of logs."""
        from qtisync.logs.redaction import register_secret  # noqa: PLC0415 - only where a secret is used

        def read() -> str:
            value = reference.read(self.environ, where=where)
            if reference.kind is not SecretKind.LITERAL:
                register_secret(value)
            return value

        return read

    def manners(self) -> Manners:
        """How the target wants to be treated."""
        from qtisync.delivery.retry import RetryPolicy  # noqa: PLC0415 - only when something is sent
        from qtisync.delivery.wire import Terms  # noqa: PLC0415 - likewise
        from qtisync.engine.push import Manners  # noqa: PLC0415 - likewise

        target = self.target
        return Manners(
            terms=Terms(
                preserve_foreign=target.foreign_metadata == "preserve",
                overwrite_conflicts=target.on_conflict == "overwrite",
                read_back=target.verify == "read_back",
                ownership=self.ownership,
                on_content_change=target.on_content_change,
            ),
            use_metadata_endpoint=target.metadata_updates == "endpoint",
            retry=RetryPolicy(block_on_conflict=target.on_conflict == "block"),
            on_drift=drift_policy(target.on_drift),
        )

    @property
    def ownership(self) -> Ownership:
        """What says that an object there is ours."""
        stamp = self.target.owner_stamp
        return Ownership(
            prefixes=self.target.owned_prefixes,
            stamp=None if stamp is None else Stamp(key=stamp.key, value=stamp.value),
        )

    def pace_terms(self) -> PaceTerms:
        """The configured side of the pace."""
        from qtisync.engine.pacing import PaceTerms  # noqa: PLC0415 - only when something is sent

        target = self.target
        return PaceTerms(
            ceiling=target.max_requests_per_second,
            adaptive=target.pace == "adaptive",
            hint=target.retry_after == "hint",
            retry=self.manners().retry,
        )

    @contextmanager
    def eyes(
        self, reader: RecordReader, *, bell: ThreadBell, log: Log, progress: Progress | None = None
    ) -> Iterator[Eyes]:
        """What reading the API takes, for those who may write nothing: neither there nor in the record."""
        from qtisync.adapters.read_only import ReadOnlyApi  # noqa: PLC0415 - only when something is asked
        from qtisync.content.canonical import digest_text  # noqa: PLC0415 - lxml is heavy
        from qtisync.engine.private_pace import PrivatePace  # noqa: PLC0415 - only when something is asked
        from qtisync.engine.survey import Eyes  # noqa: PLC0415 - likewise

        with closing(ReadOnlyApi(self.open_api())) as api:
            yield Eyes(
                api=api,
                pace=PrivatePace(reader.pace()),
                terms=self.pace_terms(),
                clock=SystemClock(),
                bell=bell,
                log=log,
                digest=digest_text,
                concurrency=self.target.max_concurrency,
                progress=progress,
            )

    @contextmanager
    def bench(
        self, *, store: SqlStore, source: Source, api: Api, bell: Bell, log: Log, meter: Meter | None = None
    ) -> Iterator[Bench]:
        """Everything that pushing needs, joined."""
        from qtisync.content.canonical import digest_text  # noqa: PLC0415 - lxml is heavy
        from qtisync.engine.cycle import Bench  # noqa: PLC0415 - only when something is sent
        from qtisync.engine.health import Health  # noqa: PLC0415 - likewise
        from qtisync.engine.meter import SilentMeter  # noqa: PLC0415 - likewise

        with ExitStack() as closing:
            closing.callback(api.close)
            yield Bench(
                store=store,
                api=api,
                source=source,
                clock=SystemClock(),
                bell=bell,
                log=log,
                digest=digest_text,
                body_of=body_of,
                manners=self.manners(),
                pace=self.pace_terms(),
                # In a container host and process id are the same after every restart, and a dead worker's are not ours.
                worker=f"{os.uname().nodename}/{os.getpid()}/{os.urandom(4).hex()}",
                base_url=self.target.base_url,
                concurrency=self.target.max_concurrency,
                meter=meter if meter is not None else SilentMeter(),
                health=Health(log),
            )


def body_of(kind: Kind, data: bytes) -> dict[str, Json]:
    """The content of a blob in the form in which the API takes it."""
    from qtisync.content.payload import stimulus_fields, xml_text  # noqa: PLC0415 - lxml is heavy

    if kind is Kind.STIMULUS:
        fields = stimulus_fields(data)
        language: dict[str, Json] = {"language": fields.language} if fields.language else {}
        return {"identifier": fields.identifier, "title": fields.title, "content": fields.content, **language}
    return {"format": "xml", "xml": xml_text(data)}


def bound(limit: Share | Count) -> float | int:
    """A limit as the guard takes it: a share as a fraction, or a number."""
    return limit.percent / 100 if isinstance(limit, Share) else limit.number


def load_setup(file: Path | None, target: str | None, environ: Mapping[str, str]) -> Setup:
    """The chosen target of a configuration; raises ``ConfigError``."""
    loaded = load_settings(file, environ)
    name, chosen = choose_target(loaded.settings, target)
    problems = [*authoring_problems(loaded.settings, name, chosen)]
    if loaded.settings.content.schema_dir is not None:
        hint = "Validation against the XML Schema is not part of this version; remove the key."
        problems.append(ConfigProblem(where="content.schema_dir", message="is set", hint=hint))
    if problems:
        raise ConfigError(tuple(problems), file=str(loaded.file))
    return Setup(settings=loaded.settings, file=loaded.file, name=name, target=chosen, environ=environ)
