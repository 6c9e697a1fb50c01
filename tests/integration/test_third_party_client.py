"""A client that others wrote and publish, ``timeback-qti``, agrees with the sandbox: it is a fair stand-in for the service.

It needs Python 3.12 or newer and comes from the package registry; where either cannot be had, the tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from world import World, item_xml, stimulus_xml

PACKAGE = "timeback-qti==0.4.0"
ITEMS = 130  # more than a page
PYTHONS = ("python3.14", "python3.13", "python3.12", "python3")
CLIENT = """
import asyncio, json, sys
from timeback_qti import NotFoundError, QtiClient, parse_qti_xml

async def main(base_url, token_url, secret, name, stimulus):
    async with QtiClient(
        base_url=base_url, auth_url=token_url, client_id="sandbox-client", client_secret=secret
    ) as client:
        page = await client.assessment_items.list({"page": 1, "limit": 10})
        everything = await client.assessment_items.stream(limit=50).to_list()
        item = await client.assessment_items.get(name)
        held = await client.stimuli.get(stimulus)
        checked = await client.validate.validate({"schema": "item", "xml": item.raw_xml})
        found = await client.assessment_items.list({"where": {"identifier": name}})
        try:
            await client.assessment_items.get("no-such-item")
            missing = False
        except NotFoundError:
            missing = True
        parsed = parse_qti_xml(item.raw_xml)
        return {
            "total": page.total, "page": len(page.items), "all": sorted(row["identifier"] for row in everything),
            "metadata": everything[0]["metadata"],
            "item": item.model_dump(mode="json", by_alias=True), "stimulus": held.identifier,
            "valid": checked.success, "found": [row.identifier for row in found.items], "missing": missing,
            "correct": parsed.correct_answer,
        }

print(json.dumps(asyncio.run(main(*sys.argv[1:]))))
"""


def interpreter() -> str | None:
    """A Python that the client accepts."""
    code = "import sys, ensurepip; sys.exit(sys.version_info < (3, 12))"
    managed = sorted(map(str, (Path.home() / ".pyenv/versions").glob("3.*/bin/python3")))
    for found in [*filter(None, map(shutil.which, PYTHONS)), *managed]:
        if subprocess.run([found, "-c", code], capture_output=True, check=False).returncode == 0:
            return found
    return None


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment that has the client."""
    base = interpreter()
    if base is None:
        pytest.skip("no Python 3.12 or newer is on PATH, and the client needs one")
    folder = tmp_path_factory.mktemp("client")
    subprocess.run([base, "-m", "venv", folder], capture_output=True, check=True)
    python = str(folder / "bin/python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "0", PACKAGE]
    try:
        done = subprocess.run(pip, capture_output=True, text=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the package registry did not answer in time")
    if done.returncode:
        pytest.skip(f"{PACKAGE} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return python


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        items = {
            f"items/q-{n:03}.xml": item_xml(f"q-{n:03}", f"Question {n} &amp; more", key="B") for n in range(ITEMS)
        }
        metadata = "subject: Math\ndifficulty: medium\nour-own-key: [1, 2]\n"
        made.commit({**items, "items/_defaults.yaml": metadata, "s.xml": stimulus_xml("s-1")})
        made.report("sync", code=0)
        yield made


def ask(world: World, python: str) -> dict[str, Any]:
    api = world.api
    done = subprocess.run(
        [python, "-c", CLIENT, api.base_url, api.token_url, api.client_secret, "q-007", "s-1"],
        cwd=world.folder,
        env={name: value for name, value in os.environ.items() if "PYTHON" not in name and "proxy" not in name.lower()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.slow
def test_published_client_logs_in_lists_reads_and_validates_what_qtisync_wrote(world: World, python: str) -> None:
    before = world.api.tokens.mints
    answers = ask(world, python)

    item = answers.pop("item")
    assert answers == {
        "total": ITEMS,
        "page": 10,
        "all": [f"q-{n:03}" for n in range(ITEMS)],
        "metadata": {"subject": "Math", "difficulty": "medium", "our-own-key": [1, 2]},
        "stimulus": "s-1",
        "valid": True,
        "found": ["q-007"],
        "missing": True,
        "correct": "B",
    }
    assert item["rawXml"] == item_xml("q-007", "Question 7 &amp; more", key="B")
    assert (item["identifier"], item["title"], item["type"]) == ("q-007", "q-007", "choice")
    # Its model of metadata knows four keys and takes grade for a number, against the API's documentation: so no grade here.
    assert {key: item["metadata"][key] for key in ("subject", "difficulty")} == {
        "subject": "Math",
        "difficulty": "medium",
    }
    assert world.api.tokens.mints == before + 1
