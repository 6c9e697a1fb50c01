"""What the recipes and the docs of reports tell people to type exists: every command, flag and format."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from qtisync.cli import COMMANDS, qtisync
from qtisync.cli.common_options import FORMATS

DOCS = Path(__file__).resolve().parents[2] / "docs"
RECIPES = sorted((DOCS / "examples").glob("*.yml"))
PAGES = [DOCS / "ci.md", DOCS / "reports.md"]


def shell_of(recipe: Any) -> Iterator[str]:
    """Every piece of shell in a recipe."""
    if isinstance(recipe, list):
        for part in recipe:
            yield from shell_of(part)
    elif isinstance(recipe, dict):
        for name, part in recipe.items():
            if name in {"run", "script", "after_script"}:
                yield "\n".join([part] if isinstance(part, str) else part)
            else:
                yield from shell_of(part)


def calls(shell: str) -> list[list[str]]:
    """The calls of qtisync, each as a list of arguments, without what follows in a pipe or a redirection."""
    lines = shell.replace("\\\n", " ").splitlines()
    found = [line.strip() for line in lines if re.match(r"\s*(if )?qtisync ", line)]
    return [shlex.split(re.split(r" \| | && | \|\| | > ", line)[0].removeprefix("if "))[1:] for line in found]


def of_recipe(file: Path) -> list[list[str]]:
    return [call for shell in shell_of(yaml.safe_load(file.read_text())) for call in calls(shell)]


def of_page(file: Path) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", file.read_text(), re.DOTALL)
    spans = re.findall(r"`(qtisync [^`]+)`", file.read_text())
    return [call for shell in [*blocks, *spans] for call in calls(shell)]


def faults(call: list[str]) -> list[str]:
    """What does not exist."""
    if call[0] not in COMMANDS:
        return [f"no command {call[0]}"]
    command = qtisync.get_command(click.Context(qtisync), call[0])
    assert command is not None
    known = {name for parameter in command.params for name in parameter.opts}
    flags = [word for word in call[1:] if word.startswith("-")]
    forms = [form for flag, form in itertools.pairwise(call) if flag == "--format"]
    return [*(flag for flag in flags if flag not in known), *(form for form in forms if form not in FORMATS)]


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.name)
def test_recipe_is_yaml_whose_commands_exist(file: Path):
    found = of_recipe(file)

    assert {call[0] for call in found} == {"validate", "plan", "wait", "status"}
    assert [(call, faults(call)) for call in found if faults(call)] == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_commands_of_the_docs_exist(file: Path):
    found = of_page(file)

    assert found
    assert [(call, faults(call)) for call in found if faults(call)] == []


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.name)
def test_no_variable_of_a_recipe_would_be_taken_for_configuration(file: Path):
    assert re.findall(r"QTISYNC_\w+", file.read_text()) == []


def test_forks_never_run_on_the_machine_of_the_service():
    github, gitlab = (yaml.safe_load(file.read_text()) for file in RECIPES)
    ours = [job for job in github["jobs"].values() if "self-hosted" in job["runs-on"]]
    ours += [job for job in gitlab.values() if isinstance(job, dict) and "qtisync" in job.get("tags", [])]

    assert len(ours) == 4
    conditions = [job.get("if") or job["rules"][0]["if"] for job in ours]
    kept_out = (
        "head.repo.full_name == github.repository",
        "event_name == 'push'",
        "SOURCE_PROJECT_ID == $CI_PROJECT_ID",
    )
    kept_out = (*kept_out, "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")
    assert [one for one in conditions if not any(words in one for words in kept_out)] == []


WORKFLOW = {"name", "on", "permissions", "concurrency", "env", "jobs", "defaults", "run-name"}
JOB = {"name", "needs", "runs-on", "if", "permissions", "env", "steps", "timeout-minutes", "concurrency", "outputs"}
STEP = {"id", "name", "if", "uses", "run", "with", "env", "shell", "working-directory", "continue-on-error"}
GLOBAL = {"stages", "variables", "default", "workflow", "include"}
GITLAB_JOB = {"stage", "image", "tags", "rules", "variables", "before_script", "script", "after_script", "artifacts"}
GITLAB_JOB |= {"needs", "timeout", "allow_failure", "when", "environment", "cache", "interruptible", "resource_group"}
ARTIFACTS = {"when", "paths", "reports", "expose_as", "expire_in", "name", "untracked", "exclude"}


def test_githubs_recipe_has_the_structure_of_a_workflow():
    """Both recipes also pass the schemas that check-jsonschema brings along (vendor.github-workflows, vendor.gitlab-ci)."""
    workflow = yaml.safe_load(RECIPES[0].read_text())
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads `on` as a truth value; GitHub does not

    assert workflow.keys() <= WORKFLOW
    assert workflow["on"].keys() == {"pull_request", "push"}
    for job in workflow["jobs"].values():
        assert job.keys() <= JOB
        assert set([job["needs"]] if "needs" in job else []) <= workflow["jobs"].keys()
        assert set(job.get("permissions", {}).values()) <= {"read", "write", "none"}
        for step in job["steps"]:
            assert step.keys() <= STEP
            assert len(step.keys() & {"run", "uses"}) == 1
            assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])


def test_gitlabs_recipe_has_the_structure_of_a_pipeline():
    pipeline = yaml.safe_load(RECIPES[1].read_text())
    jobs = {name: part for name, part in pipeline.items() if name not in GLOBAL}

    assert {job["stage"] for job in jobs.values()} == set(pipeline["stages"])
    for job in jobs.values():
        assert job.keys() <= GITLAB_JOB
        assert job.get("artifacts", {}).keys() <= ARTIFACTS
        assert all(rule.keys() <= {"if", "when", "changes", "exists"} for rule in job["rules"])
        assert all(isinstance(line, str) for line in (*job["script"], *job.get("after_script", ())))


def test_every_format_is_explained():
    text = (DOCS / "reports.md").read_text()

    assert [form for form in FORMATS if f"| `{form}` |" not in text] == []
