"""What somebody who pushed is told in their terminal: how far the daemon came with it, in a few lines.

It is made from the JSON of a job, as a hook gets it from the daemon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtisync.report.cells import visible

Json = Mapping[str, Any]
MAX_REFUSED = 10
_FOLLOW = "follow with: qtisync status"
_WRITTEN = {"create": "created", "update": "updated", "delete": "deleted"}


def push_answer(job: Json, status: Json | None = None, total: int | None = None) -> list[str]:
    """The lines. ``status``: the status report; ``total``: how many objects were to be pushed at first."""
    match job.get("state"):
        case "done":
            lines = _done(job.get("report") or {})
        case "held":
            lines = _held(job.get("report") or {}, status)
        case "paused":
            paused = _status(status).get("paused") or {}
            why = f" ({paused['reason']})" if paused.get("reason") else ""
            lines = [f"written down; the queue is paused{why}. To go on: qtisync resume"]
        case "failed" if job.get("cause") == "unavailable":
            lines = [f"kept, and sent once the API answers again: {job.get('error')}"]
        case "failed":
            why = job.get("error") or "its log says why"
            lines = [f"the pass failed, the daemon tries again by itself: {why}"]
        case "pushing":
            lines = [_pushing(status, total), *_refused_lines(job.get("report") or {})]
            lines += [f"  degraded: {why}" for why in _status(status).get("degraded", ())]
        case _:
            lines = [f"noticed; the daemon still reads the commit, {_FOLLOW}"]
    return [visible(line) for line in lines]


def left_to_push(status: Json | None) -> int | None:
    """How many objects wait or are on their way."""
    queue = _status(status).get("queue")
    return None if not isinstance(queue, dict) else int(queue.get("queued", 0)) + int(queue.get("in_flight", 0))


def first_job_of(status: Json | None, commit: str) -> str | None:
    """The id of the job whose pass was the first that saw a commit, since the ref points to it; ``None``: unknown."""
    found = None
    for job in (_status(status).get("daemon") or {}).get("jobs", []):  # the newest one first
        if job.get("commit") == commit:
            found = job["id"]
        elif job.get("commit") is not None:
            break
    return found


def _status(report: Json | None) -> Json:
    status = (report or {}).get("status")
    return status if isinstance(status, dict) else {}


def _pushing(status: Json | None, total: int | None) -> str:
    left = left_to_push(status)
    if left is None:
        return f"still pushing, {_FOLLOW}"
    count = f"{left:,} of {total:,}" if total is not None and total > left else f"{left:,}"
    return f"still pushing {count}, {_FOLLOW}"


def _held(report: Json, status: Json | None) -> list[str]:
    lines = [f"held, nothing was sent: {hold['rule']}: {hold['message']}" for hold in report.get("holds", [])]
    command = (_status(status).get("held_pass") or {}).get("command")
    lines = lines or ["held by a safety rule, nothing was sent"]
    return [*lines, f"if this is meant: {command}" if command else "see: qtisync status"]


def _done(report: Json) -> list[str]:
    counts = dict.fromkeys((*_WRITTEN.values(), "refused", "blocked"), 0)
    for item in report.get("items", []):
        status = item["outcome"]["status"]
        if status in {"applied", "altered"} and item["action"] in _WRITTEN:
            counts[_WRITTEN[item["action"]]] += 1
        elif status == "blocked":
            counts["blocked"] += 1
    refused = _refused(report)
    counts["refused"] = len(refused)
    said = [f"{count:,} {name}" for name, count in counts.items() if count]
    orphans = _orphan_lines(report)
    if not said:
        return [f"nothing to send, in sync at {report.get('repository', {}).get('head', '')[:7]}", *orphans]
    if len(refused) == 1:
        last = said.index("1 refused")
        said[last:] = [*said[last + 1 :], f"1 refused: {refused[0]}"]
        return [", ".join(said), *orphans]
    return [", ".join(said), *_refused_lines(report), *orphans]


def _orphan_lines(report: Json) -> list[str]:
    """What a push removed from git and is still at the API: whoever removed it may believe that it is gone there."""
    new = [orphan for orphan in report.get("orphans", []) if orphan["new"]]
    lines = [f"  {_orphan(one)}" for one in new[:MAX_REFUSED]]
    more = len(new) - len(lines)
    return [*lines, f"  … and {more:,} more orphans, see: qtisync status"] if more > 0 else lines


def _orphan(orphan: Json) -> str:
    why = f", renamed to {orphan['renamed_to']}" if orphan["renamed_to"] else f", {orphan['path']} is gone"
    kept = f": {orphan['kept']}" if orphan.get("kept") else ""
    return f"orphan: {orphan['identifier']}{why}; it stays at the API{kept}"


def _refused_lines(report: Json) -> list[str]:
    refused = _refused(report)
    lines = [f"  refused: {one}" for one in refused[:MAX_REFUSED]]
    more = len(refused) - len(lines)
    return [*lines, f"  … and {more:,} more, see: qtisync status"] if more > 0 else lines


def _refused(report: Json) -> list[str]:
    """One text for each file that is broken and each object that is parked."""
    broken: dict[str, str] = {}
    for problem in report.get("broken", []):
        line = f"line {problem['line']}: " if problem.get("line") is not None else ""
        name = problem.get("identifier") or problem["path"]
        broken.setdefault(problem["path"], f"{name} ({line}{problem['message']})")
    items: Sequence[Json] = report.get("items", [])
    parked = [item for item in items if item["outcome"]["status"] == "parked"]
    return [*broken.values(), *(f"{item['identifier']} ({item['outcome']['error'] or 'refused'})" for item in parked)]
