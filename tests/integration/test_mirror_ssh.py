"""A repository elsewhere over ssh: a fake ssh that shows what it is told, and a real sshd where there is one."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from real_repository import RealRepository

from qtisync.adapters.git_source import GitSource
from qtisync.adapters.mirror import Mirror
from qtisync.adapters.remote import Remote
from qtisync.errors import RepositoryError

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")


@pytest.fixture
def repository(tmp_path: Path) -> RealRepository:
    made = RealRepository(tmp_path / "content.git")
    made.commit({"a.xml": b"1"})
    return made


def head(path: Path) -> str:
    with closing(GitSource(path)) as source:
        return source.resolve("main")


def refusal(call: Callable[[], object]) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught:
        call()
    assert caught.value.hint
    return caught.value


def fake_ssh(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str = "") -> Path:
    """An ssh on PATH that writes down what it was told and runs the command here."""
    folder.mkdir()
    told = folder / "told"
    (folder / "ssh").write_text(
        f'#!/bin/sh\nfor word in "$@"; do echo "$word" >> {told}; done\n{script}\n'
        'for word in "$@"; do last="$word"; done\neval "exec $last"\n'
    )
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return told


def a_key(path: Path, mode: int = 0o600) -> Path:
    path.write_text("-----BEGIN KEY-----\n")
    path.chmod(mode)
    return path


def test_ssh_is_told_key_host_keys_and_to_ask_nothing(repository, tmp_path, monkeypatch):
    told = fake_ssh(tmp_path / "bin", monkeypatch)
    monkeypatch.setenv("GIT_SSH_COMMAND", "false")
    monkeypatch.setenv("GIT_SSH", "/bin/false")
    key, hosts = a_key(tmp_path / "deploy key"), tmp_path / "100% known hosts"
    remote = Remote(url=f"ssh://git@forge.example:2222{repository.path}", ssh_key=key, known_hosts=hosts)
    mirror = Mirror(tmp_path / "state", remote)

    assert mirror.fetch()
    assert head(mirror.path) == repository.git("rev-parse", "main")
    words = told.read_text().splitlines()
    options = {words[at + 1] for at, word in enumerate(words) if word == "-o"}
    assert options >= {
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        f'UserKnownHostsFile="{tmp_path}/100%% known hosts"',
        "GlobalKnownHostsFile=/dev/null",
        "ControlMaster=no",
    }
    assert (words[words.index("-F") + 1], words[words.index("-i") + 1]) == ("/dev/null", str(key))
    assert words[words.index("-p") + 1] == "2222"


def test_scp_form_of_an_address_is_ssh_too(repository, tmp_path, monkeypatch):
    told = fake_ssh(tmp_path / "bin", monkeypatch)

    assert Mirror(tmp_path / "state", Remote(url=f"git@forge.example:{repository.path}")).fetch()
    assert "git@forge.example" in told.read_text().splitlines()
    assert "IdentitiesOnly=yes" not in told.read_text()


def test_key_that_others_may_read_is_copied_for_the_time_of_the_fetch(repository, tmp_path, monkeypatch):
    """ssh refuses such a key; orchestrators mount secrets like that."""
    script = f'stat -c "%a %n" "$5" > {tmp_path}/mode; cat "$5" > {tmp_path}/content'
    told = fake_ssh(tmp_path / "bin", monkeypatch, script.replace("$5", "$key"))
    (tmp_path / "bin" / "ssh").write_text(
        (tmp_path / "bin" / "ssh")
        .read_text()
        .replace(
            "#!/bin/sh\n",
            '#!/bin/sh\nbefore=; for word in "$@"; do [ "$before" = -i ] && key="$word"; before="$word"; done\n',
        )
    )
    key = a_key(tmp_path / "key", 0o644)
    mirror = Mirror(tmp_path / "state", Remote(url=f"git@forge.example:{repository.path}", ssh_key=key))
    mirror.fetch()
    copy = mirror.path.with_suffix(".key")

    assert (tmp_path / "mode").read_text() == f"600 {copy}\n"
    assert (tmp_path / "content").read_text() == key.read_text()
    assert not copy.exists()
    assert str(key) not in told.read_text().splitlines()


def test_key_that_is_not_there_has_words(repository, tmp_path, monkeypatch):
    fake_ssh(tmp_path / "bin", monkeypatch)
    remote = Remote(url=f"git@forge.example:{repository.path}", ssh_key=tmp_path / "missing")
    error = refusal(Mirror(tmp_path / "state", remote).fetch)

    assert (error.reference, "repository.ssh_key" in error.hint) == ("fetch-denied", True)


SAID = {
    "Host key verification failed.": "host-key-unknown",
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.": "host-key-changed",
    "git@forge.example: Permission denied (publickey).": "fetch-denied",
    'Load key "/x": invalid format\ngit@x: Permission denied (publickey).': "fetch-denied",
    "ssh: Could not resolve hostname forge.example: Name or service not known": "fetch-unreachable",
    "ssh: connect to host forge.example port 22: Connection refused": "fetch-unreachable",
    "ssh: connect to host forge.example port 22: Connection timed out": "fetch-unreachable",
    "ERROR: Repository not found.": "remote-missing",
}


@pytest.mark.parametrize("said", SAID, ids=SAID.values())
def test_what_ssh_says_becomes_words(tmp_path, monkeypatch, said):
    fake_ssh(tmp_path / "bin", monkeypatch, f"printf '%s\\n' '{said}' >&2; exit 255")

    assert refusal(Mirror(tmp_path / "state", Remote(url="git@forge.example:x.git")).fetch).reference == SAID[said]


class Sshd:
    """A real ssh server on this machine that knows one key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        for name in ("host", "other", "deploy", "stranger"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "authorized").write_text((folder / "deploy.pub").read_text())
        (folder / "authorized").chmod(0o600)
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
            f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\n"
        )
        self.log = (folder / "log").open("wb")
        assert SSHD is not None
        command = [SSHD, "-D", "-e", "-f", str(folder / "config")]
        self.process = subprocess.Popen(command, stderr=self.log, stdout=self.log)
        self.known(folder / "known", "host")
        self.known(folder / "changed", "other")
        (folder / "empty").touch()

    def known(self, file: Path, key: str) -> None:
        kind, value = (self.folder / f"{key}.pub").read_text().split()[:2]
        file.write_text(f"[127.0.0.1]:{self.port} {kind} {value}\n")

    def wait(self) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("sshd did not listen in time")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if SSHD is None or shutil.which("ssh-keygen") is None:
        pytest.skip("there is no sshd here")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it goes before somebody is known; only packages make it
    made = Sshd(tmp_path / "sshd")
    try:
        made.wait()
        yield made
    finally:
        made.stop()


def over_ssh(server: Sshd, repository: RealRepository, state: Path, key: str, hosts: str) -> Mirror:
    remote = Remote(
        url=f"ssh://{getpass.getuser()}@127.0.0.1:{server.port}{repository.path}",
        ssh_key=server.folder / key,
        known_hosts=server.folder / hosts,
    )
    return Mirror(state, remote, timeout=60)


def test_real_ssh_lets_in_the_deploy_key_and_nobody_else(sshd, repository, tmp_path):
    """One server for all of it: starting one is what takes time."""
    (sshd.folder / "deploy").chmod(0o640)  # too open for ssh: it gets a copy
    mirror = over_ssh(sshd, repository, tmp_path / "state", "deploy", "known")
    assert mirror.fetch()
    assert head(mirror.path) == repository.git("rev-parse", "main")
    sizes = {name: (sshd.folder / name).read_bytes() for name in ("known", "changed", "empty")}

    refused = {
        (key, hosts): refusal(over_ssh(sshd, repository, tmp_path / key / hosts, key, hosts).fetch)
        for key, hosts in (("stranger", "known"), ("deploy", "changed"), ("deploy", "empty"), ("known", "known"))
    }
    missing = over_ssh(sshd, RealRepository(tmp_path / "gone.git"), tmp_path / "state", "deploy", "known")
    shutil.rmtree(tmp_path / "gone.git")

    assert {who: error.reference for who, error in refused.items()} == {
        ("stranger", "known"): "fetch-denied",
        ("deploy", "changed"): "host-key-changed",
        ("deploy", "empty"): "host-key-unknown",
        ("known", "known"): "fetch-denied",  # a file that is no key
    }
    assert f"ssh-keyscan -p {sshd.port} 127.0.0.1" in refused["deploy", "empty"].hint
    assert refusal(missing.fetch).reference == "remote-missing"
    assert {name: (sshd.folder / name).read_bytes() for name in sizes} == sizes
