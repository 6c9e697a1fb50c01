"""The rules of the house that no linter checks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "qtisync"
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_is_longer_than_400_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 400


def written_by_us() -> list[Path]:
    """The texts of this project. What tools make stands in folders whose names begin with a dot, and comes and goes."""
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if not name.startswith(".") or name == ".ci"]
        found += [Path(folder, name) for name in names]
    kinds = {".py", ".toml", ".md", ".yaml", ".cfg"}
    plain = {"Makefile", "Dockerfile"}
    return [path for path in found if path.suffix in kinds or path.name in plain or path.parent.name == ".ci"]


def test_no_file_names_a_registry() -> None:
    hosts = ("pypi." + "org", "pythonhosted." + "org", "registry.npmjs." + "org")
    named = [path for path in written_by_us() if any(host in path.read_text(errors="replace") for host in hosts)]
    assert named == []


def test_every_property_tries_more_histories_where_more_are_asked_for() -> None:
    """``settings(max_examples=…)`` would try the same number in each profile, in `make explore` as well."""
    allowed = {ROOT / "tests" / name for name in ("conftest.py", "histories.py", "unit/test_house.py")}
    fixed = [p for p in (ROOT / "tests").rglob("*.py") if p not in allowed and "max_examples=" in p.read_text()]
    assert fixed == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("content/facts.py", "import qtisync.planning.plan"),
        ("delivery/wire.py", "import httpx"),
        ("engine/push.py", "import qtisync.adapters.store"),
        ("sandbox/rules.py", "import qtisync.content.canonical"),
    ],
)
def test_lint_imports_fails_when_a_forbidden_import_is_added(tmp_path: Path, module: str, forbidden: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "qtisync", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    spoiled = tmp_path / "qtisync" / module
    spoiled.write_text(spoiled.read_text() + f"\n{forbidden}\n")
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout[-800:] + done.stderr[-800:]
    assert "BROKEN" in done.stdout
