"""What a forge hears of a commit, and in which form each forge wants to hear it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_control import HEAD, PARKED, PROBLEM, a_report

from qtisync.report.commit_status import (
    LONGEST,
    CommitState,
    Said,
    StatusRequest,
    is_news,
    is_taken,
    said_of,
    shortened,
    status_request,
    token_header,
)
from qtisync.report.job import Job, JobState
from qtisync.report.value import ItemOutcome, ReportHold

JOB = Job(id="j", origin="refs", asked_at=0.0, commit=HEAD)
HOLD = ReportHold(rule="mass-update", limit="30%", actual="412 of 1240", message="", items=(), override="")
SAID = Said(commit=HEAD, state=CommitState.FAILURE, description="3 updated, 1 refused: geo-0040")
BODY = {"state": "failure", "description": SAID.description, "context": "qtisync"}
COMMON = {"Content-Type": "application/json", "User-Agent": "qtisync"}
APPLIED = replace(PARKED, identifier="alg-1", outcome=ItemOutcome(status="applied"))


@pytest.mark.parametrize(
    ("job", "state", "description"),
    [
        (replace(JOB, state=JobState.PUSHING), "pending", "is being sent"),
        (replace(JOB, state=JobState.PAUSED), "pending", "paused: nothing is sent until somebody resumes"),
        (replace(JOB, state=JobState.FAILED), "failure", "could not go on; it is tried again by itself"),
        (replace(JOB, state=JobState.HELD), "failure", "held by a safety rule: somebody must look at it"),
        (
            replace(JOB, state=JobState.HELD, report=a_report(holds=(HOLD,))),
            "failure",
            "held by a safety rule (mass-update): somebody must look at it",
        ),
        (replace(JOB, state=JobState.DONE), "success", "in sync"),
        (
            replace(JOB, state=JobState.DONE, report=a_report(summary={"applied": 1204}, items=(APPLIED,))),
            "success",
            "1,204 updated",
        ),
        (
            replace(JOB, state=JobState.DONE, report=a_report(summary={"applied": 3}, items=(APPLIED, PARKED))),
            "failure",
            "3 updated, 1 refused: geo-0040",
        ),
        (
            replace(
                JOB,
                state=JobState.DONE,
                report=a_report(summary={"invalid": 1}, items=(PARKED,) * 5, broken=(PROBLEM,)),
            ),
            "failure",
            "0 updated, 5 refused, 1 invalid: geo-0040, …",
        ),
        (
            replace(JOB, state=JobState.DONE, report=a_report(summary={"invalid": 1}, items=(), broken=(PROBLEM,))),
            "failure",
            "0 updated, 1 invalid: geo-0041",
        ),
    ],
)
def test_job_means_this_for_its_commit(job: Job, state: str, description: str):
    assert said_of(job) == Said(commit=HEAD, state=CommitState(state), description=description)


@pytest.mark.parametrize(
    "job", [JOB, replace(JOB, state=JobState.READING), replace(JOB, state=JobState.FAILED, commit=None)]
)
def test_nothing_is_said_before_a_commit_is_known_and_read(job: Job):
    assert said_of(job) is None


def test_same_word_is_no_news_and_another_state_or_description_is():
    assert is_news(None, SAID)
    assert not is_news(SAID, replace(SAID))
    assert is_news(SAID, replace(SAID, state=CommitState.PENDING))
    assert is_news(SAID, replace(SAID, description="4 updated"))


def test_description_is_short_and_steers_nothing():
    assert shortened("x" * 200) == "x" * (LONGEST - 1) + "…"
    assert shortened("a\nb") == r"a\nb"


@pytest.mark.parametrize(
    ("forge", "api_url", "repository", "path", "body", "headers"),
    [
        (
            "github",
            "https://api.example.org",
            "school/content",
            f"/repos/school/content/statuses/{HEAD}",
            BODY,
            {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        ),
        (
            "github",
            "https://ghe.example.org/api/v3",
            "school/content",
            f"/api/v3/repos/school/content/statuses/{HEAD}",
            BODY,
            {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
        ),
        (
            "gitea",
            "https://git.example.org",
            "school/my content",
            f"/api/v1/repos/school/my%20content/statuses/{HEAD}",
            BODY,
            {"Accept": "application/json"},
        ),
        (
            "gitea",
            "https://git.example.org/sub/api/v1",
            "school/content",
            f"/sub/api/v1/repos/school/content/statuses/{HEAD}",
            BODY,
            {"Accept": "application/json"},
        ),
        (
            "gitlab",
            "https://gitlab.example.org",
            "group/sub/content",
            f"/api/v4/projects/group%2Fsub%2Fcontent/statuses/{HEAD}",
            {"state": "failed", "description": SAID.description, "name": "qtisync"},
            {"Accept": "application/json"},
        ),
        (
            "gitlab",
            "https://gitlab.example.org/api/v4",
            "15",
            f"/api/v4/projects/15/statuses/{HEAD}",
            {"state": "failed", "description": SAID.description, "name": "qtisync"},
            {"Accept": "application/json"},
        ),
    ],
)
def test_request_is_the_one_that_the_forge_documents(
    forge: str, api_url: str, repository: str, path: str, body: dict[str, str], headers: dict[str, str]
):
    assert status_request(forge, api_url, repository, "qtisync", SAID) == StatusRequest(
        method="POST", path=path, body=body, headers={**COMMON, **headers}
    )


def test_token_goes_where_the_forge_expects_it():
    assert [token_header(forge, "t") for forge in ("github", "gitea", "gitlab")] == [
        ("Authorization", "Bearer t"),
        ("Authorization", "token t"),
        ("PRIVATE-TOKEN", "t"),
    ]


@pytest.mark.parametrize(
    ("forge", "state", "status", "taken"),
    [
        ("github", "success", 201, True),
        ("gitlab", "pending", 400, True),
        ("gitlab", "success", 400, False),
        ("github", "pending", 400, False),
        ("gitea", "success", 302, False),
        ("gitea", "success", 500, False),
    ],
)
def test_second_pending_is_no_fault_at_gitlab(forge: str, state: str, status: int, taken: bool):
    assert is_taken(forge, replace(SAID, state=CommitState(state)), status) is taken
