"""What the forge is told of a commit: in which words, by which request, and when it is no news. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from qtisync.report.cells import visible
from qtisync.report.job import Job, JobState
from qtisync.report.value import Report

LONGEST = 140
"""Characters of a description; GitHub refuses more."""
NAMED = 3
"""Objects that were refused and are named."""
_ROOTS = {"github": "", "gitlab": "/api/v4", "gitea": "/api/v1"}
_REFUSED = ("parked", "failed", "blocked", "altered")


class CommitState(enum.StrEnum):
    """How far a commit came."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing that is said of a commit."""

    commit: str
    state: CommitState
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A request to a forge; its ``path`` begins with that of the API's address, and nothing of it is secret."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, str]


def is_news(before: Said | None, said: Said) -> bool:
    """Whether it differs from the last thing that was said of this commit, failures included."""
    return before != said


def said_of(job: Job) -> Said | None:
    """What a job means for its commit; ``None``: nothing that the forge should hear."""
    if job.commit is None:
        return None
    match job.state:
        case JobState.WAITING | JobState.READING:
            return None
        case JobState.PUSHING:
            said = CommitState.PENDING, "is being sent"
        case JobState.PAUSED:
            said = CommitState.PENDING, "paused: nothing is sent until somebody resumes"
        case JobState.HELD:
            said = CommitState.FAILURE, _held(job.report)
        case JobState.FAILED:
            said = CommitState.FAILURE, "could not go on; it is tried again by itself"
        case JobState.DONE:
            said = _done(job.report)
    return Said(commit=job.commit, state=said[0], description=shortened(said[1]))


def shortened(words: str) -> str:
    """A description as short as every forge takes it."""
    clean = visible(words)
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"


def status_request(forge: str, api_url: str, repository: str, context: str, said: Said) -> StatusRequest:
    """How this is said to this forge. The token goes into ``token_header`` at the moment of sending."""
    root, there = _ROOTS[forge], urlsplit(api_url).path.rstrip("/")
    base = there if there.endswith(root) else there + root
    body = {"state": said.state.value, "description": said.description, "context": context}
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "qtisync"}
    if forge == "gitlab":
        body = {"state": _of_gitlab(said.state), "description": said.description, "name": context}
        path = f"{base}/projects/{quote(repository, safe='')}/statuses/{quote(said.commit, safe='')}"
    else:
        owner_and_name = "/".join(quote(part, safe="") for part in repository.split("/"))
        path = f"{base}/repos/{owner_and_name}/statuses/{quote(said.commit, safe='')}"
    if forge == "github":
        headers |= {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return StatusRequest(method="POST", path=path, headers=headers, body=body)


def token_header(forge: str, token: str) -> tuple[str, str]:
    """Where a forge expects the access token."""
    if forge == "gitlab":
        return "PRIVATE-TOKEN", token
    return "Authorization", f"{'token' if forge == 'gitea' else 'Bearer'} {token}"


def is_taken(forge: str, said: Said, status: int) -> bool:
    """Whether the forge took it. GitLab before 18.3 answers 400 to a second "pending": the first one stands."""
    again = forge == "gitlab" and said.state is CommitState.PENDING and status == 400  # noqa: PLR2004 - HTTP status
    return 200 <= status < 300 or again  # noqa: PLR2004 - HTTP status


def _of_gitlab(state: CommitState) -> str:
    return "failed" if state is CommitState.FAILURE else state.value


def _held(report: Report | None) -> str:
    rules = ", ".join(hold.rule for hold in report.holds) if report is not None else ""
    return f"held by a safety rule{f' ({rules})' if rules else ''}: somebody must look at it"


def _done(report: Report | None) -> tuple[CommitState, str]:
    """Success only if nothing of it was refused, is broken or waits for something that was."""
    if report is None:
        return CommitState.SUCCESS, "in sync"
    counts = report.summary
    refused = [item.identifier for item in report.items if item.outcome.status in _REFUSED]
    named = [*refused, *(problem.identifier or problem.path for problem in report.broken)]
    words = [f"{counts.get('applied', 0):,} updated"]
    words += [f"{len(refused):,} refused"] if refused else []
    words += [f"{counts['invalid']:,} invalid"] if counts.get("invalid") else []
    if not named and not counts.get("invalid"):
        return CommitState.SUCCESS, ", ".join(words)
    shown = ", ".join(dict.fromkeys(named[:NAMED]))
    return CommitState.FAILURE, f"{', '.join(words)}: {shown}{', …' if len(named) > NAMED else ''}"
