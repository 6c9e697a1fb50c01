"""A forge's webhook, over HTTP, at a real daemon: what was pushed is at the API, and everything that looks agrees."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from daemon_world import daemon, wait_until
from fake_control import TOKEN, Served
from fakes import RecordedLog
from forge_messages import SECRET, Message, body_of, github_push, signature_of
from world import World, item_xml

from qtisync.adapters.control_client import ControlClient, socket_file
from qtisync.web.metrics import Metrics
from qtisync.web.server import WebServer
from qtisync.web.signatures import Forge
from qtisync.web.surface import Surface


@pytest.mark.slow
def test_webhook_brings_a_push_to_the_api(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.commit({"q-1.xml": item_xml("q-1")})
        with daemon(world) as running:
            wait_until(lambda: "q-1" in world.api.world.items())
            metrics, log = Metrics(time.time), RecordedLog()
            metrics.watch(running.controls.gauges)
            surface = Surface(
                control=running.controls,
                metrics=metrics,
                log=log,
                now=time.time,
                ref="main",
                secrets={Forge.GITHUB: lambda: SECRET},
                token=lambda: TOKEN,
            )
            file = socket_file(tmp_path / "state", "staging")
            server = WebServer(surface=surface, file=file, listen="127.0.0.1:0")
            server.start()
            try:
                head = world.commit({"q-2.xml": item_xml("q-2", "Pushed a moment ago.")})
                push = Message(
                    forge=Forge.GITHUB, body=body_of(github_push(after=head)), headers=(("X-GitHub-Event", "push"),)
                )
                site = Served(server, None, surface, log, file)
                reply = site.ask("POST", "/hooks/github", push.body, dict([*push.headers, *signature_of(push)]))
                assert (reply.status, reply.json["outcome"]) == (202, "rung")

                client = ControlClient(file)
                status, job = client.call("GET", f"/api/v1/jobs/{reply.json['job']}?wait=30", timeout=60)
                assert (status, job["state"], job["ended"]) == (200, "done", True)
                wait_until(lambda: "q-2" in world.api.world.items())
                wait_until(lambda: client.call("GET", "/api/v1/status", timeout=60)[1]["status"]["in_sync"])
                assert client.call("GET", "/api/v1/items/q-2")[1]["status"]["history"]
                assert site.ask("GET", "/readyz").told == (200, {"ready": True, "reasons": []})
                assert b"qtisync_in_sync 1.0" in site.ask("GET", "/metrics").body
                assert b"In sync" in site.ask("GET", "/", token=TOKEN).body
            finally:
                assert server.close(30)
