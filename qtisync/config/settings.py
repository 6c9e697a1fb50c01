"""The configuration as frozen values: what every key is called, what it means and what its default is.

``config_file`` reads them from YAML and the environment. Unknown keys are refused; durations are seconds, sizes bytes.
Importing this module loads pydantic and nothing heavier.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from qtisync.config.policy import Policy, PolicyValue
from qtisync.config.secret_reference import SecretKind, SecretReference
from qtisync.config.values import (
    ClientId,
    Count,
    Duration,
    Flag,
    GitUrl,
    Limit,
    LimitValue,
    ListenAddress,
    LocalPath,
    PathPattern,
    RefName,
    Secret,
    Share,
    SidecarPattern,
    StampKey,
    StampValue,
    StatePath,
    WebAddress,
    check_target_names,
    fault,
)
from qtisync.errors import ConfigError, ConfigProblem

__all__ = [
    "CommitStatus",
    "Content",
    "Count",
    "Daemon",
    "Limit",
    "OwnerStamp",
    "Policy",
    "Repository",
    "SecretKind",
    "SecretReference",
    "Settings",
    "Share",
    "Target",
    "Webhooks",
    "choose_target",
    "settings_schema",
]

MAX_CONCURRENCY = 64
Size: TypeAlias = Annotated[int, Field(strict=True, gt=0)]
Verdict: TypeAlias = Literal["report", "overwrite", "block"]


class _Section(BaseModel):
    """What all sections share: frozen, no unknown keys, and no value is ever repeated in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Repository(_Section):
    """The git repository that holds the content: where it is (path or url), and what of it is desired."""

    path: LocalPath | None = None
    """A bare or ordinary repository on this machine; relative to the folder of this file."""
    url: GitUrl | None = None
    """A repository elsewhere (https, ssh): a mirror of it is kept in the state directory and fetched."""
    ref: RefName = "main"
    """The branch, tag or commit that is desired."""
    source: Literal["commit", "worktree"] = "commit"
    """What is desired: the commit that ref points to, or the files of the working tree as they are (for authoring)."""
    poll_every: Duration = Field(default=30.0, json_schema_extra={"default": "30s"})
    """How often the daemon looks at the ref although nothing told it to; with url, how often it fetches."""
    fetch_retry_every: Duration = Field(default=15.0, json_schema_extra={"default": "15s"})
    """After a fetch that failed, the time to the next one; it grows with each failure, up to ten times as long."""
    fetch_timeout: Duration = Field(default=300.0, json_schema_extra={"default": "5m"})
    """A fetch that takes longer is ended."""
    ssh_key: Secret | None = None
    """For an ssh url: where the private deploy key is (file/PATH or credential/NAME)."""
    known_hosts: LocalPath | None = None
    """For an ssh url: the file with the host keys that are accepted; without it the user's own."""
    username: str | None = None
    """For an https url: the user name that goes with the token."""
    token: Secret | None = None
    """For an https url: where the access token is."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.path is None and self.url is None:
            raise fault("does not say where the repository is", "add path: with the folder of the repository")
        if self.path is not None and self.url is not None:
            raise fault("has both path and url", "keep one of them")
        if self.url is not None:
            self._check_url(https=self.url.startswith("https://"))
        return self

    def _check_url(self, *, https: bool) -> None:
        if self.source == "worktree":
            raise fault("has url and source: worktree", "a working tree is on this machine: name its folder in path")
        if self.ref in {"HEAD", "@"}:
            raise fault(f"has url and ref: {self.ref}", "name the branch, such as main")
        if https and (self.ssh_key is not None or self.known_hosts is not None):
            raise fault("has an https url and an ssh_key or known_hosts", "an https url needs username and token")
        if not https and (self.token is not None or self.username is not None):
            raise fault(
                "has an ssh url and a username or token", "an ssh url needs ssh_key (the user stands in the url)"
            )
        if self.username is not None and self.token is None:
            raise fault("has a username and no token", "say where the access token is: token: file/PATH")
        if self.ssh_key is not None and self.ssh_key.kind is SecretKind.ENV:
            raise fault("has an ssh_key that is no file", "ssh reads a file: write file/PATH or credential/NAME")


class Content(_Section):
    """Which files are content. Root element and namespace decide what a file is, never its name alone."""

    include: tuple[PathPattern, ...] = ("**/*.xml",)
    """Patterns of the files to look at, relative to the repository."""
    exclude: tuple[PathPattern, ...] = ()
    """Patterns of files to leave out."""
    sidecar: SidecarPattern = "{stem}.yaml"
    """Name of a file's metadata sidecar (.yml is found too). _defaults.yaml in a folder applies to all below it."""
    schema_dir: LocalPath | None = None
    """A folder with the official QTI 3 schemas, which you fill; without it there is no validation against them."""
    max_item_bytes: Size = 2_000_000
    """A larger XML file is reported and not sent."""
    max_sidecar_bytes: Size = 65_536
    """A larger sidecar is reported, and its item not sent."""


class Daemon(_Section):
    """The service, `qtisync run`."""

    listen: ListenAddress | None = "127.0.0.1:8766"
    """Where its HTTP surface listens; null: nowhere (the commands of this machine still reach it)."""
    token: Secret | None = None
    """Where the token for its HTTP surface is; without one only health, metrics and signed webhooks answer there."""
    public_metrics: Flag = True
    """Whether /metrics answers without the token."""
    push_group: str | None = None
    """A group of this machine whose users may ring it and hear how their push went; null: only the service's user."""
    grace: Duration = Field(default=20.0, json_schema_extra={"default": "20s"})
    """When it is asked to stop, how long calls in flight may take to finish."""
    give_up_after: Annotated[int, Field(strict=True, ge=1)] = 10
    """So many unexpected failures in a row end it with 1, so that its supervisor starts it anew."""


class Webhooks(_Section):
    """Which forges may tell the daemon of a push, each by the secret that signs their messages."""

    github: Secret | None = None
    """Secret of a GitHub webhook (X-Hub-Signature-256)."""
    gitlab: Secret | None = None
    """Secret token or signing token of a GitLab webhook."""
    gitea: Secret | None = None
    """Secret of a Gitea or Forgejo webhook."""
    bitbucket: Secret | None = None
    """Secret of a Bitbucket webhook."""
    generic: Secret | None = None
    """Secret of anything else that signs its body by HMAC-SHA256 (X-Signature-256)."""


class CommitStatus(_Section):
    """Tell the forge how far a commit came: pending, success or failure, with counts."""

    forge: Literal["github", "gitlab", "gitea"] | None = None
    """Which forge; null: nobody is told."""
    api_url: WebAddress | None = None
    """Where its API is, such as https://api.github.com."""
    repository: str | None = None
    """The repository there: owner/name, or for GitLab also the project's number."""
    token: Secret | None = None
    """Where the access token is."""
    context: Annotated[str, Field(min_length=1)] = "qtisync"
    """Under which name the status appears."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {"api_url": self.api_url, "repository": self.repository, "token": self.token}
        missing = [name for name, value in needed.items() if value is None]
        if self.forge is not None and missing:
            raise fault(f"does not say {' and '.join(missing)}", "say all of forge, api_url, repository and token")
        return self


class OwnerStamp(_Section):
    """A metadata key that is added to all that is sent, and that says at the API whose it is."""

    key: StampKey
    """Its name: one of your own, not one that the API knows."""
    value: StampValue
    """Who we are: another value for each repository that writes to the same API."""


class Target(_Section):
    """One QTI API to keep equal to the repository, and how careful to be with it."""

    base_url: WebAddress
    """Where the API is, without a slash at the end. Nothing is ever sent to another host."""
    token_url: WebAddress
    """The OAuth2 token endpoint of the same environment."""
    client_id: ClientId
    """The OAuth2 client id itself, or env/NAME, file/PATH, credential/NAME."""
    client_secret: Secret
    """Where the client secret is: env/NAME, file/PATH or credential/NAME. Never the secret itself."""
    client_auth: Literal["body", "basic"] = "body"
    """How the credentials go to the token endpoint: in the form body, or by HTTP Basic."""
    scope: str | None = None
    """OAuth2 scopes to ask for, separated by spaces; without it none is asked for."""
    production: Flag = False
    """Real learners use it: at a terminal every command that sends asks first, unless --yes is given."""
    max_requests_per_second: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 10.0
    """The ceiling; the real pace adapts below it."""
    max_concurrency: Annotated[int, Field(strict=True, ge=1, le=MAX_CONCURRENCY)] = 8
    """Requests in flight at the same time, at most."""
    pace: Literal["adaptive", "fixed"] = "adaptive"
    """adaptive: find out what the API allows; fixed: always at the ceiling, for a limit that is known."""
    retry_after: Literal["obey", "hint"] = "obey"
    """What a Retry-After is: a promise to keep to the letter, or a hint (only if the owner of the API agrees)."""
    metadata_updates: Literal["endpoint", "put"] = "endpoint"
    """endpoint: metadata changes go to the metadata call, once it has proven itself on one item; put: always PUT."""
    foreign_metadata: Literal["preserve", "replace"] = "preserve"
    """Metadata keys that are not in git: keep what the API has, or remove them."""
    on_conflict: Verdict = "report"
    """An item that changed in git and at the API: report and leave it, overwrite it, or hold the whole pass."""
    on_drift: PolicyValue = Field(default=Policy((("**", "report"),)), json_schema_extra={"default": "report"})
    """An item that changed at the API only: report and leave it, overwrite it, or hold the whole pass. One of these
    words, or patterns of paths with one each: the first pattern that matches decides."""
    on_content_change: dict[str, JsonValue] = Field(default_factory=dict)
    """Metadata to set whenever an item's content changed, such as humanApproved: false."""
    verify: Literal["response", "read_back"] = "response"
    """How a write is checked: by the API's answer to it, or by reading the item again."""
    owned_prefixes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Beginnings of identifiers that are ours; empty: everything in git is."""
    owner_stamp: OwnerStamp | None = None
    """Metadata that says whose an item is, such as {key: managedBy, value: our-content}; null: none is added. With it,
    what is at the API without it is not ours."""
    removal: Literal["report", "delete"] = "report"
    """What to do at the API when a file is removed from git."""
    max_update: LimitValue = Field(default=Share(30.0), json_schema_extra={"default": "30%"})
    """More updates than this in one pass are held: a share of the recorded items, or a number."""
    max_delete: LimitValue = Field(default=Count(0), json_schema_extra={"default": 0})
    """More deletions than this in one pass are held: a number, or a share of the recorded items."""
    reconcile_every: Duration = Field(default=21_600.0, json_schema_extra={"default": "6h"})
    """How often everything is compared with the API: 90s, 10m, 6h, 1d."""

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        stamp = self.owner_stamp
        if stamp is not None and self.on_content_change.get(stamp.key, stamp.value) != stamp.value:
            raise fault(f"sets {stamp.key} in on_content_change and in owner_stamp", "keep the one in owner_stamp")
        return self


class Settings(_Section):
    """The configuration of qtisync."""

    repository: Repository
    """The repository that says what is desired."""
    content: Content = Content()
    """Which files of it are content."""
    state: StatePath = Field(default="./state", validate_default=True)
    """The folder of the record; relative to the folder of this file."""
    keep_journal: Duration = Field(default=31_536_000.0, json_schema_extra={"default": "365d"})
    """How long calls to the API are kept in the record for `qtisync audit`."""
    daemon: Daemon = Daemon()
    """The service."""
    webhooks: Webhooks = Webhooks()
    """Who may tell the service of a push."""
    commit_status: CommitStatus = CommitStatus()
    """Whom the service tells how far a commit came."""
    targets: Annotated[dict[str, Target], AfterValidator(check_target_names)]
    """The APIs to keep equal to the repository, each by a name of your choice."""


def choose_target(settings: Settings, name: str | None) -> tuple[str, Target]:
    """The target with this name, or the only one; ``ConfigError`` names the choices."""
    choices = ", ".join(settings.targets) or "none"
    if name is not None and name in settings.targets:
        return name, settings.targets[name]
    if name is None and len(settings.targets) == 1:
        return next(iter(settings.targets.items()))
    if name is not None:
        message = f"there is no target {name!r}"
    else:
        message = "there are several targets" if settings.targets else "there is no target"
    hint = f"choose one with --target: {choices}" if settings.targets else "describe one below targets:"
    raise ConfigError((ConfigProblem(where="targets", message=message, hint=hint),))


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, for editors."""
    schema = Settings.model_json_schema()
    for section in (Repository, Content, Daemon, Webhooks, CommitStatus, OwnerStamp, Target, Settings):
        properties = schema["properties"] if section is Settings else schema["$defs"][section.__name__]["properties"]
        for name, words in _described(section).items():
            properties[name]["description"] = words
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "qtisync.yaml"
    return schema


def _described(section: type[BaseModel]) -> dict[str, str]:
    """The docstrings of a section's keys. Read here and not by pydantic, which would do it at every start (25 ms)."""
    body = ast.parse(inspect.getsource(section)).body[0]
    pairs = itertools.pairwise(body.body if isinstance(body, ast.ClassDef) else [])
    return {
        key.target.id: inspect.cleandoc(doc.value.value)
        for key, doc in pairs
        if isinstance(key, ast.AnnAssign)
        and isinstance(key.target, ast.Name)
        and isinstance(doc, ast.Expr)
        and isinstance(doc.value, ast.Constant)
        and isinstance(doc.value.value, str)
    }
