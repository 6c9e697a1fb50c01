"""The rules of the house that no linter checks."""

from __future__ import annotations

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


def test_no_file_names_a_registry() -> None:
    hosts = ("pypi." + "org", "pythonhosted." + "org", "registry.npmjs." + "org")
    texts = [
        path
        for path in ROOT.rglob("*")
        if path.suffix in {".py", ".toml", ".md", ".yaml", ".cfg"} or path.name == "Makefile"
    ]
    named = [
        path
        for path in texts
        if not {".venv", ".git"} & set(path.parts) and any(host in path.read_text(errors="replace") for host in hosts)
    ]
    assert named == []


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
