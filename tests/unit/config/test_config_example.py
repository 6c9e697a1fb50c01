"""``config.example.yaml`` documents every key, and its defaults are the models' own."""

from pathlib import Path

import pytest

from qtisync.config.file import load_settings
from qtisync.config.settings import CommitStatus, Content, Daemon, Repository, Settings, Target, Webhooks
from qtisync.config.yaml_lines import read_yaml

EXAMPLE = Path(__file__).resolve().parents[3] / "config.example.yaml"
WRITTEN = read_yaml(EXAMPLE.read_text())
SECTIONS = [
    (Settings, WRITTEN.value),
    (Repository, WRITTEN.value["repository"]),
    (Content, WRITTEN.value["content"]),
    (Daemon, WRITTEN.value["daemon"]),
    (Webhooks, WRITTEN.value["webhooks"]),
    (CommitStatus, WRITTEN.value["commit_status"]),
    (Target, WRITTEN.value["targets"]["staging"]),
]


def test_example_can_be_loaded():
    loaded = load_settings(EXAMPLE, {})

    assert loaded.settings.repository.path == str(EXAMPLE.parent / "content.git")
    assert loaded.settings.state == str(EXAMPLE.parent / "state")
    assert list(loaded.settings.targets) == ["staging"]


@pytest.mark.parametrize(("model", "section"), SECTIONS, ids=[model.__name__ for model, _ in SECTIONS])
def test_example_has_every_key(model, section):
    assert set(section) == set(model.model_fields)


def test_example_shows_the_defaults():
    loaded = load_settings(EXAMPLE, {}).settings
    pairs = [
        (loaded.repository, Repository),
        (loaded.content, Content),
        (loaded.daemon, Daemon),
        (loaded.webhooks, Webhooks),
        (loaded.commit_status, CommitStatus),
        (loaded.targets["staging"], Target),
    ]
    yours = {"path", "base_url", "token_url", "client_id", "client_secret"}

    shown = {key: getattr(value, key) for value, model in pairs for key in model.model_fields if key not in yours}

    assert shown == {
        key: field.get_default(call_default_factory=True)
        for _, model in pairs
        for key, field in model.model_fields.items()
        if key not in yours
    }


def test_example_explains_every_key():
    """A comment stands on the key's own line or in the paragraph above it."""
    unexplained, commented = [], False
    for line in EXAMPLE.read_text().splitlines():
        text = line.strip()
        if not text:
            commented = False
        elif "#" in line:
            commented = True
        elif not commented and ":" in text and not text.endswith(":"):
            unexplained.append(text)

    assert unexplained == []
