"""A quick look at a configuration says the same as reading it with care."""

from __future__ import annotations

from pathlib import Path

import pytest

from qtisync.config.file import load_settings
from qtisync.config.glance import Glance, glance

TARGET = "{base_url: 'https://a.example', token_url: 'https://a.example/t', client_id: x, client_secret: env/B}"


def written(folder: Path, text: str) -> Path:
    file = folder / "qtisync.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    "text",
    [
        f"repository: {{path: c.git}}\ntargets: {{one: {TARGET}}}\n",
        f"repository: {{path: c.git, ref: refs/tags/v1}}\nstate: ../elsewhere/./x\ntargets: {{b: {TARGET}, a: {TARGET}}}\n",
        f"state: /var/lib/qtisync\nrepository: {{path: c.git}}\ntargets: {{one: {TARGET}}}\n",
    ],
)
@pytest.mark.parametrize("environ", [{}, {"QTISYNC_REPOSITORY__REF": "live", "QTISYNC_STATE": "/s"}])
def test_glance_agrees_with_the_careful_reader(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    file = written(tmp_path, text)
    settings = load_settings(file, environ).settings

    assert glance(file, environ) == Glance(
        ref=settings.repository.ref, state=Path(settings.state), targets=tuple(settings.targets)
    )


@pytest.mark.parametrize("text", ["", "[]", "targets: {}", "targets: [", "targets: {a: b}\nstate: 5", "\x00"])
def test_what_is_odd_is_left_to_the_careful_reader(tmp_path: Path, text: str) -> None:
    assert glance(written(tmp_path, text), {}) is None
    assert glance(tmp_path / "missing.yaml", {}) is None
