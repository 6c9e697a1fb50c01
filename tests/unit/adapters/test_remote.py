"""A repository elsewhere as values: what is shown of its address, and what git and ssh are told."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from qtisync.adapters.mirror_faults import explain_fetch, host_of, scrubbed
from qtisync.adapters.remote import Remote, extras_for, ssh_command, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://forge.example/a/b.git", "https://forge.example/a/b.git"),
        ("https://me:pass@forge.example/a", "https://forge.example/a"),
        ("https://token@forge.example/a", "https://forge.example/a"),
        ("ssh://git@forge.example/a", "ssh://git@forge.example/a"),
        ("ssh://git:pass@forge.example/a", "ssh://forge.example/a"),
        ("git@forge.example:a/b.git", "git@forge.example:a/b.git"),
    ],
)
def test_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert Remote(url=url).shown == without_credentials(url) == shown


@pytest.mark.parametrize(
    ("url", "protocol"),
    [
        ("https://forge.example/a", "https"),
        ("ssh://git@forge.example/a", "ssh"),
        ("git@forge.example:a/b.git", "ssh"),
        ("git@forge.example:~/a", "ssh"),
        ("/srv/a.git", ""),
        ("a.git", ""),
        ("file:///srv/a.git", "file"),
        ("ext::sh -c x", ""),
    ],
)
def test_protocol_of_an_address(url: str, protocol: str) -> None:
    assert Remote(url=url).protocol == protocol


def test_token_is_bound_to_the_host_and_stands_in_the_environment_only() -> None:
    remote = Remote(url="https://forge.example:8443/a/b.git", username="me", token=lambda: "s3cret")
    extras = extras_for(remote, "s3cret", None, Path("/mirror"), (7,))
    config = dict(extras.config)

    assert config["http.https://forge.example:8443/.extraHeader"] == "Authorization: Basic bWU6czNjcmV0"
    assert (config["http.followRedirects"], config["credential.helper"], config["gc.auto"]) == ("false", "", "0")
    assert extras.environment == {
        "GIT_ALLOW_PROTOCOL": "https:ssh",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "HOME": "/mirror",
    }
    assert extras.keeps_open == (7,)


def test_ssh_is_one_shell_word_each() -> None:
    words = shlex.split(ssh_command(Path("/a b/key$(x)"), Path("/k%h")))

    assert words[words.index("-i") + 1] == "/a b/key$(x)"
    assert 'UserKnownHostsFile="/k%%h"' in words
    assert "StrictHostKeyChecking=yes" in words


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("git@forge.example:a.git", "forge.example"),
        ("ssh://git@forge.example/a", "forge.example"),
        ("ssh://git@forge.example:2222/a", "-p 2222 forge.example"),
        ("ssh://git@[::1]:2222/a", "-p 2222 ::1"),
        ("https://forge.example:8443/a", "forge.example"),
    ],
)
def test_host_as_ssh_keyscan_wants_it(url: str, host: str) -> None:
    assert host_of(url) == host


def test_nothing_secret_is_repeated_from_what_was_said() -> None:
    remote = Remote(url="https://forge.example/a")
    said = b"fatal: unable to access 'https://me:s3cret@forge.example/a': Could not resolve host s3cret"
    error = explain_fetch(remote, Path("/mirror"), said, ("s3cret",))

    assert error is not None
    assert error.message == (
        "https://forge.example/a cannot be reached: unable to access 'https://forge.example/a': "
        "Could not resolve host [redacted]"
    )
    assert scrubbed("x s3cret", ("", "s3cret")) == "x [redacted]"


def test_what_is_not_about_reaching_it_is_left_to_others() -> None:
    assert explain_fetch(Remote(url="https://forge.example/a"), Path("/m"), b"fatal: bad tree object", ()) is None
