"""Where the surface listens, and that nothing of it is left when it ends."""

from __future__ import annotations

import grp
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from fake_control import TOKEN, served, until

from qtisync.adapters.control_client import ControlClient
from qtisync.errors import ListenError
from qtisync.web.server import WebServer


def test_socket_is_for_this_user_only_and_gone_afterwards(tmp_path: Path):
    with served(tmp_path) as site:
        mode = site.file.stat().st_mode

        assert (stat.S_ISSOCK(mode), stat.S_IMODE(mode)) == (True, 0o600)
    assert list(tmp_path.iterdir()) == []


def test_port_is_told_and_closed_afterwards(tmp_path: Path):
    with served(tmp_path) as site:
        port = site.port
        assert site.log.of("web_listening") == [{"address": f"127.0.0.1:{port}", "socket": str(site.file)}]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_socket_of_a_dead_daemon_is_replaced(tmp_path: Path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "staging.sock"))
    dead.close()

    with served(tmp_path) as site:
        assert ControlClient(site.file).call("GET", "/healthz") == (200, {"alive": True})


def test_file_that_is_no_socket_is_never_removed(tmp_path: Path):
    (tmp_path / "staging.sock").write_text("precious")

    with pytest.raises(ListenError, match="no socket"), served(tmp_path):
        pass
    assert (tmp_path / "staging.sock").read_text() == "precious"


def test_deep_state_directory_works(tmp_path: Path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)

    with served(deep) as site:
        assert len(os.fsencode(site.file)) > 200
        assert ControlClient(site.file).call("GET", "/healthz") == (200, {"alive": True})
    assert list(deep.iterdir()) == []


def test_state_directory_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(ListenError) as caught, served(tmp_path / "none"):
        pass
    assert caught.value.hint


def test_address_in_use_is_told_and_leaves_nothing(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ListenError) as caught, served(tmp_path, listen=address):
            pass

    assert f"Cannot listen on {address}" in caught.value.message
    assert "daemon.listen" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("listen", ["192.0.2.1:0", "no-such-host.invalid:1"])
def test_address_of_another_machine_is_told(tmp_path: Path, listen: str):
    with pytest.raises(ListenError, match="Cannot listen on"), served(tmp_path, listen=listen):
        pass
    assert list(tmp_path.iterdir()) == []


def test_ipv6_loopback_can_be_listened_on(tmp_path: Path):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with served(tmp_path, listen="[::1]:0") as site:
        assert site.server.address is not None
        with socket.create_connection(site.server.address, timeout=60) as wire:
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n")
            assert wire.recv(100).startswith(b"HTTP/1.1 200")


def test_end_does_not_wait_for_those_who_wait_for_a_job(tmp_path: Path):
    with served(tmp_path) as site:
        job = site.ask("POST", "/api/v1/sync", token=TOKEN).json["id"]
        waiting = threading.Thread(
            target=lambda: site.ask("GET", f"/api/v1/jobs/{job}?wait=30", token=TOKEN), daemon=True
        )
        waiting.start()
        until(lambda: ("job", job) in site.control.calls)
        began = time.monotonic()
        assert site.server.close(30)
        assert time.monotonic() - began < 20
        waiting.join(30)
        assert not waiting.is_alive()


def test_end_does_not_wait_for_connections_that_say_nothing(tmp_path: Path):
    with served(tmp_path) as site, socket.create_connection(("127.0.0.1", site.port)):
        site.ask("GET", "/healthz")
        assert site.server.close(30)


def test_end_does_not_wait_for_a_daemon_that_hangs(tmp_path: Path):
    with served(tmp_path) as site:
        site.control.hang.clear()
        asking = threading.Thread(target=lambda: _ask_in_vain(site), daemon=True)
        asking.start()
        until(lambda: site.surface.threads._quick.borrowed_tokens == 1)
        assert site.server.close(30)
        site.control.hang.set()
        asking.join(30)


def _ask_in_vain(site) -> None:
    try:
        site.ask("GET", "/api/v1/status", token=TOKEN)
    except OSError:
        return


@pytest.mark.parametrize("said", [b"", b"GET /healthz HTTP/1.1\r\nHost: local"])
def test_whoever_never_finishes_asking_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes):
    monkeypatch.setattr("qtisync.web.connection.ASKING", 0.05)
    with served(tmp_path) as site, socket.create_connection(("127.0.0.1", site.port), timeout=60) as wire:
        wire.sendall(said)
        assert wire.recv(1) == b""


def test_answer_may_take_longer_than_the_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qtisync.web.connection.ASKING", 0.05)
    with served(tmp_path) as site:
        job = ControlClient(site.file).call("POST", "/api/v1/sync")[1]["id"]
        assert ControlClient(site.file).call("GET", f"/api/v1/jobs/{job}?wait=0.5", timeout=60)[0] == 200


def test_closing_twice_or_before_the_start_is_harmless(tmp_path: Path):
    with served(tmp_path) as site:
        assert site.server.close()
        assert site.server.close()
        unstarted = WebServer(surface=site.surface, file=tmp_path / "x.sock", listen=None)
        assert (unstarted.close(), unstarted.address) == (True, None)


def test_surface_that_cannot_begin_says_so_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("qtisync.web.app.build_app", broken)
    with pytest.raises(RuntimeError, match="a bug"), served(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_surface_that_ends_by_itself_is_in_the_log(tmp_path: Path):
    with served(tmp_path) as site:
        assert site.server._loop is not None
        site.server._loop.call_soon_threadsafe(site.server._end)
        until(lambda: site.log.of("web_failed"))


def test_ten_lives_leave_no_thread_and_no_descriptor(tmp_path: Path):
    def count() -> tuple[int, int]:
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    with served(tmp_path) as site:
        site.ask("GET", "/healthz")
    before = count()
    for _ in range(10):
        with served(tmp_path) as site:
            site.ask("GET", "/metrics")
            ControlClient(site.file).call("GET", "/healthz")
    until(lambda: count() <= before, 30)


def own_group() -> str:
    return grp.getgrgid(os.getegid()).gr_name


def test_socket_for_pushers_is_for_a_group_and_gone_afterwards(tmp_path: Path):
    tmp_path.chmod(0o710)
    with served(tmp_path, push_group=own_group()) as site:
        seen = (tmp_path / "staging.pushers").stat()
        assert (stat.S_ISSOCK(seen.st_mode), stat.S_IMODE(seen.st_mode), seen.st_gid) == (True, 0o660, os.getegid())
        assert stat.S_IMODE(site.file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


def test_over_the_socket_for_pushers_one_may_ring_and_look_and_nothing_else(tmp_path: Path):
    tmp_path.chmod(0o710)
    with served(tmp_path, push_group=own_group()) as site:
        client = ControlClient(tmp_path / "staging.pushers")
        code, job = client.call("POST", "/api/v1/sync", {"origin": "hook"})
        assert (code, job["origin"]) == (202, "hook")
        assert client.call("GET", f"/api/v1/jobs/{job['id']}")[0] == 200
        assert client.call("POST", "/api/v1/pause", {}) == (
            403,
            {
                "error": "pushers-only",
                "message": "Users of the group daemon.push_group may ring and ask how a push went, and nothing else.",
                "hint": "Run the command as the user of the service.",
            },
        )
        assert [call[0] for call in site.control.calls] == ["ring", "job"]


def test_group_that_is_not_there_or_cannot_come_in_is_told_with_what_to_do(tmp_path: Path):
    with pytest.raises(ListenError) as caught, served(tmp_path, push_group="no-such-group"):
        pass
    assert (caught.value.message, caught.value.hint) == (
        "There is no group no-such-group on this machine.",
        "Make it (groupadd no-such-group), or correct daemon.push_group.",
    )
    tmp_path.chmod(0o700)
    with pytest.raises(ListenError) as caught, served(tmp_path, push_group=own_group()):
        pass
    assert f"may not enter {tmp_path}" in caught.value.message
    assert caught.value.hint == f"chgrp {own_group()} {tmp_path} && chmod g+x {tmp_path}"
    assert list(tmp_path.iterdir()) == []


CALL = """
import os, sys
from pathlib import Path
from qtisync.adapters.control_client import ControlClient
os.setgroups([int(number) for number in sys.argv[2:]])
os.setgid(65534)
os.setuid(65534)
print(ControlClient(Path(sys.argv[1])).call("POST", "/api/v1/sync", {"origin": "hook"})[0])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="to be another user takes root")
def test_user_of_the_group_is_answered_and_another_one_is_told_what_to_do():
    """What a git hook does when the one who pushes is not the user of the service."""
    group = grp.getgrgid(12).gr_name
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        os.chown(folder, 0, 12)
        folder.chmod(0o750)

        def call(*groups: int) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", CALL, str(folder / "staging.sock"), *map(str, groups)]
            return subprocess.run(command, capture_output=True, text=True, check=False)

        with served(folder, push_group=group):
            assert call(12).stdout == "202\n"
            stranger = call()
            assert stranger.returncode == 1
            assert "may not be used by this user" in stranger.stderr
