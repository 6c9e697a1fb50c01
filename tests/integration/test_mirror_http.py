"""A repository elsewhere over HTTP: the token reaches its host and nobody else, and every refusal has words."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from git_http import GitHttp
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.adapters.mirror import Mirror
from qtisync.adapters.remote import Remote
from qtisync.errors import ConfigError, ConfigProblem, RepositoryError

TOKEN = "canary-token-4711"
HTTP = frozenset({"http"})


@pytest.fixture
def repository(tmp_path: Path) -> RealRepository:
    made = RealRepository(tmp_path / "served" / "content.git")
    made.commit({"a.xml": b"1"})
    return made


@pytest.fixture
def server(repository: RealRepository) -> Iterator[GitHttp]:
    with GitHttp(repository.path.parent, f"deploy:{TOKEN}") as made:
        yield made


def head(path: Path) -> str:
    with closing(GitSource(path)) as source:
        return source.resolve("main")


def mirror_of(server: GitHttp, tmp_path: Path, token: str | None = TOKEN, timeout: float = 60) -> Mirror:
    remote = Remote(
        url=f"{server.url}/content.git",
        protocols=HTTP,
        username="deploy",
        token=(lambda: token) if token is not None else None,
    )
    return Mirror(tmp_path / "state", remote, timeout=timeout)


def refusal(mirror: Mirror) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        mirror.fetch()
    assert caught.value.hint
    everything = f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"
    assert TOKEN not in everything
    assert base64.b64encode(f"deploy:{TOKEN}".encode()).decode() not in everything
    return caught.value


def test_token_opens_the_repository_and_is_sent_with_the_first_request(server, repository, tmp_path):
    mirror = mirror_of(server, tmp_path)

    assert mirror.fetch()
    assert head(mirror.path) == repository.git("rev-parse", "main")
    assert {given for _, given in server.asked} == {server.expected}


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at what /proc shows")
def test_token_stands_in_no_file_and_in_no_command_line(server, repository, tmp_path):
    seen: list[bytes] = []

    def look() -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                seen.append(process.read_bytes())
        seen.extend(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())

    server.look = look
    assert mirror_of(server, tmp_path).fetch()
    look()

    coded = base64.b64encode(f"deploy:{TOKEN}".encode()).decode()
    assert not [text for text in seen if TOKEN.encode() in text or coded.encode() in text]
    assert [text for text in seen if b"remote-http" in text], "the test looked too late"


@pytest.mark.parametrize("token", ["wrong-token", None])
def test_refused_credentials_are_told_and_nobody_is_asked(server, tmp_path, monkeypatch, token):
    """Neither a terminal nor a program of the user's: an askpass program would hang a service for ever."""
    asked = tmp_path / "asked"
    script = tmp_path / "askpass"
    script.write_text(f"#!/bin/sh\ntouch {asked}\necho secret\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(script))
    monkeypatch.setenv("SSH_ASKPASS", str(script))
    error = refusal(mirror_of(server, tmp_path, token))

    assert (error.reference, error.message) == (
        "fetch-denied",
        f"The host of {server.url}/content.git refused our user name and token.",
    )
    assert not asked.exists()


def test_netrc_of_the_user_is_not_read(server, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login deploy password {TOKEN}\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert refusal(mirror_of(server, tmp_path, None)).reference == "fetch-denied"


def test_redirect_to_another_host_never_gets_the_token(server, repository, tmp_path):
    with GitHttp(repository.path.parent) as other:
        server.answer, server.location = 302, f"{other.url}/content.git/info/refs?service=git-upload-pack"
        error = refusal(mirror_of(server, tmp_path))

        assert (error.reference, other.asked) == ("fetch-redirected", [])


@pytest.mark.parametrize(
    ("status", "reference"),
    [(403, "fetch-denied"), (404, "remote-missing"), (500, "fetch-unreachable"), (429, "fetch-unreachable")],
)
def test_each_refusal_of_a_server_has_its_words(server, tmp_path, status, reference):
    server.answer = status

    assert refusal(mirror_of(server, tmp_path)).reference == reference


def test_server_that_is_down_is_told_and_the_next_fetch_goes_on(server, repository, tmp_path):
    mirror = mirror_of(server, tmp_path)
    mirror.fetch()
    before = mirror.fetched_at()
    server.stop()
    error = refusal(mirror)

    assert (error.reference, mirror.fetched_at()) == ("fetch-unreachable", before)
    assert head(mirror.path) == repository.git("rev-parse", "main")


def test_token_that_is_gone_for_a_moment_is_a_fault_of_one_fetch(server, tmp_path):
    """It is read anew each time, so that it can be changed; a daemon must live through the moment between."""
    there = [True]

    def token() -> str:
        if there[0]:
            return TOKEN
        raise ConfigError((ConfigProblem(where="repository.token", message="/run/token cannot be read"),))

    remote = Remote(url=f"{server.url}/content.git", protocols=HTTP, username="deploy", token=token)
    mirror = Mirror(tmp_path / "state", remote)
    assert mirror.fetch()
    there[0] = False
    assert refusal(mirror).message.endswith("repository.token: /run/token cannot be read.")
    there[0] = True
    assert mirror.fetch() is False


def test_server_that_never_answers_is_left_in_time(server, tmp_path):
    server.answer = 0

    assert refusal(mirror_of(server, tmp_path, timeout=2)).reference == "fetch-timeout"
