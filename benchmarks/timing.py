"""Whole processes, timed in turn with their floor, so that a noisy machine disturbs both alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def seconds(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> float:
    """How long one run takes; a failure is an error."""
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=dict(env), capture_output=True, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command} left with {done.returncode}: {done.stderr.decode()[-500:]}")
    return took


def paired(
    subject: Sequence[str], floor: Sequence[str], *, cwd: Path, env: Mapping[str, str], rounds: int
) -> tuple[float, float]:
    """Median seconds of both, run alternately; one run of each before, to warm the caches."""
    for command in (subject, floor):
        seconds(command, cwd=cwd, env=env)
    times = [(seconds(subject, cwd=cwd, env=env), seconds(floor, cwd=cwd, env=env)) for _ in range(rounds)]
    return statistics.median(t for t, _ in times), statistics.median(t for _, t in times)


def line(goal_id: str, what: str, subject: float, floor: float, goal: float) -> str:
    """One line: the ratio beside its goal."""
    ratio = subject / floor
    verdict = "met" if ratio <= goal else "MISSED"
    measured = f"{subject * 1000:8.1f} ms / {floor * 1000:8.1f} ms = {ratio:5.2f}"
    return f"{goal_id:<4} {what:<58} {measured}  (goal ≤ {goal}: {verdict})"
