"""What the image promises, read from its Dockerfile: this also holds where no image can be built (`make image` builds it)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from qtisync.cli import qtisync
from qtisync.config.environment import read_overrides
from qtisync.config.settings import Daemon

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HADOLINT = shutil.which("hadolint") or shutil.which("hadolint", path=Path(sys.executable).parent)


def instructions() -> list[tuple[str, str]]:
    """The instructions in their order, without comments, one line each."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, rest) for name, rest in (line.split(maxsplit=1) for line in lines if line.strip())]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def last(name: str) -> str:
    """The instruction of this name that counts in the image."""
    return [rest for found, rest in stages()[-1] if found == name][-1]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in last("ENV").split())


def health_check() -> list[str]:
    return json.loads(last("HEALTHCHECK").partition("CMD ")[2])


@contextmanager
def a_daemon(answer: int) -> Iterator[int]:
    """Something that answers /healthz; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answer if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not installed: nobody linted the Dockerfile")
def test_hadolint_finds_nothing():
    done = subprocess.run([HADOLINT, "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_wheel_is_built_in_one_stage_and_installed_in_another_on_one_named_version_of_python():
    bases = [stage[0][1].split()[0] for stage in stages()]

    assert len(bases) == 2
    assert len(set(bases)) == 1
    version = re.fullmatch(r"python:3\.(\d+)-slim-bookworm", bases[0])
    oldest = re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])
    assert int(version[1]) >= int(oldest[1])
    assert f"Programming Language :: Python :: 3.{version[1]}" in PROJECT["classifiers"]


def test_it_runs_as_a_user_with_a_number_and_a_name():
    user, _, group = last("USER").partition(":")
    [made] = [rest for name, rest in stages()[-1] if name == "RUN" and "useradd" in rest]

    assert user == group
    assert 0 < int(user) < 1000
    assert f"useradd --system --uid {user} --gid {group}" in made
    assert f"--home-dir {environment()['QTISYNC_STATE']} " in made


def test_commands_are_started_without_a_shell():
    assert json.loads(last("ENTRYPOINT")) == ["qtisync"]
    assert json.loads(last("CMD")) == ["run"]
    assert last("STOPSIGNAL") == "SIGTERM"
    assert CliRunner().invoke(qtisync, [*json.loads(last("CMD")), "--help"]).exit_code == 0


def test_what_it_sets_are_keys_of_the_configuration():
    overrides = read_overrides({}, environment())

    assert overrides.problems == ()
    assert overrides.data == {"state": "/var/lib/qtisync", "daemon": {"listen": "0.0.0.0:8766"}}
    assert last("VOLUME") == environment()["QTISYNC_STATE"]
    assert environment()["QTISYNC_DAEMON__LISTEN"].endswith(f":{last('EXPOSE')}")


def test_it_has_git_ssh_and_certificates_and_leaves_no_lists():
    [packages] = [rest for name, rest in stages()[-1] if name == "RUN" and "apt-get install" in rest]

    assert {"ca-certificates", "git", "openssh-client"} <= set(packages.split())
    assert "--no-install-recommends" in packages
    assert "rm -rf /var/lib/apt/lists/*" in packages


def test_labels_say_what_it_is():
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', last("LABEL")))

    assert labels == {
        "title": PROJECT["name"],
        "description": "Keeps a QTI API equal to a git commit",
        "version": PROJECT["version"],
        "licenses": PROJECT["license"],
    }


@pytest.mark.parametrize(("answer", "code"), [(200, 0), (503, 1)])
def test_health_check_believes_what_the_daemon_says(answer, code):
    with a_daemon(answer) as port:
        done = subprocess.run(
            [sys.executable, *health_check()[1:]],
            env={"QTISYNC_DAEMON__LISTEN": f"0.0.0.0:{port}", "http_proxy": "http://127.0.0.1:9"},
            capture_output=True,
            check=False,
        )

    assert (health_check()[0], done.returncode) == ("python3", code)


def test_health_check_of_a_dead_daemon_fails():
    with a_daemon(200) as port:
        pass
    done = subprocess.run(
        [sys.executable, *health_check()[1:]],
        env={"QTISYNC_DAEMON__LISTEN": f"[::]:{port}"},
        capture_output=True,
        check=False,
    )

    assert done.returncode == 1


def test_nothing_but_what_is_copied_can_get_into_a_layer():
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    copied = {word for name, rest in stages()[0] if name == "COPY" for word in rest.split()[:-1]}

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_the_compose_example_is_as_strict_as_the_manual_says():
    service = yaml.safe_load((ROOT / "compose.example.yaml").read_text())["services"]["qtisync"]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    assert service["command"] == json.loads(last("CMD"))
    assert f"state:{last('VOLUME')}" in service["volumes"]
    assert all(volume.startswith("state:") or volume.endswith(":ro") for volume in service["volumes"])
    assert service["ports"] == [f"127.0.0.1:{last('EXPOSE')}:{last('EXPOSE')}"]
    assert "environment" not in service  # secrets are files
    assert int(service["stop_grace_period"].removesuffix("s")) >= 2 * Daemon().grace
