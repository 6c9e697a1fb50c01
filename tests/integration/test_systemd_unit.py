"""The unit that is shipped, looked at by systemd's own tools and beside what the program says of itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from qtisync.cli.exit_codes import CONFIGURATION, CREDENTIALS
from qtisync.config.secret_reference import SecretKind, SecretReference, parse_reference
from qtisync.config.settings import Daemon

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd" / "qtisync@.service"
EXPOSURE = 20
"""At most 2.0 on the scale of ``systemd-analyze security``, which goes to 10."""

analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: nobody verified the unit"
)


def keys(name: str) -> list[str]:
    return re.findall(rf"(?m)^{name}=(.*)$", UNIT.read_text())


def seconds(name: str) -> float:
    [value] = keys(name)
    number, unit = re.fullmatch(r"(\d+)(s|min)", value).groups()
    return float(number) * {"s": 1, "min": 60}[unit]


@analyze
def test_systemd_finds_nothing_to_complain_about(tmp_path: Path):
    # The program is not installed here; that it is found where docs/systemd.md puts it is for `make boot` to say.
    instance = tmp_path / "qtisync@staging.service"
    instance.write_text(UNIT.read_text().replace("/opt/qtisync/bin/qtisync", shutil.which("true")))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(instance)], capture_output=True, text=True, check=False
    )

    about_us = [line for line in done.stderr.splitlines() if "qtisync" in line]
    assert (done.returncode, about_us) == (0, [])


@analyze
def test_little_is_open_to_the_service():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_a_graceful_stop_has_time_to_end():
    assert seconds("TimeoutStopSec") >= 2 * Daemon().grace


def test_what_only_a_person_can_mend_is_not_tried_again():
    [never] = keys("RestartPreventExitStatus")

    assert {int(code) for code in never.split()} == {64, CONFIGURATION, CREDENTIALS}


def test_every_credential_can_be_named_in_the_configuration_and_is_in_the_manual():
    manual = (ROOT / "docs" / "systemd.md").read_text()
    loaded = dict(entry.split(":", 1) for entry in keys("LoadCredential"))

    assert list(loaded) == [
        "client_id",
        "client_secret",
        "deploy_key",
        "git_token",
        "webhook_secret",
        "forge_token",
        "daemon_token",
    ]
    for name, file in loaded.items():
        assert parse_reference(f"credential/{name}") == SecretReference(kind=SecretKind.CREDENTIAL, name=name)
        assert f"credential/{name}" in manual
        assert f"`{file.replace('%i', 'TARGET')}`" in manual


def test_its_user_is_the_one_that_sysusers_makes():
    [line] = [line for line in (UNIT.parent / "qtisync.sysusers").read_text().splitlines() if not line.startswith("#")]

    assert keys("User") == keys("Group") == [line.split()[1]] == ["qtisync"]


def test_the_wheel_brings_it_along():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shared = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]

    assert shared["systemd"] == "share/qtisync/systemd"
    assert f"/opt/qtisync/{shared['systemd']}" in (ROOT / "docs" / "systemd.md").read_text()
