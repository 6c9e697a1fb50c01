"""What is wrong is said once, clearly, with the documented exit code, and nothing wrong is sent."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from world import World, item_xml


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as made:
        made.commit({"a.xml": item_xml("q-a")})
        yield made


ALIAS_BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
QTI_2 = '<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="old" title="t"/>'


def hostile(world: World) -> dict[str, str | bytes]:
    (world.content / "link.xml").symlink_to("/etc/passwd")
    big = item_xml("q-big").replace("Two plus two?", "x" * 10_000_000)
    return {
        "broken.xml": item_xml("q-broken").replace("</qti-prompt>", ""),
        "doctype.xml": '<!DOCTYPE x [<!ENTITY a "b">]>' + item_xml("q-doctype").partition("?>")[2].strip(),
        "qti2.xml": QTI_2,
        "twin-1.xml": item_xml("q-twin"),
        "twin-2.xml": item_xml("q-twin", "Another?"),
        "bomb.xml": item_xml("q-bomb"),
        "bomb.yaml": ALIAS_BOMB,
        "deep.xml": item_xml("q-deep"),
        "deep.yaml": "a: " + "[" * 100_000 + "]" * 100_000,
        "big.xml": big,
        "packed.xml": gzip.compress(item_xml("q-packed").encode()),
    }


@pytest.mark.timeout(180)
def test_hostile_files_are_named_each_and_twenty_good_items_go_through(world: World) -> None:
    good = {f"good/{n:02}.xml": item_xml(f"good-{n:02}") for n in range(20)}
    world.commit({"a.xml": None, **good, **hostile(world)})

    code, peak = world.peak_memory("sync")
    assert code == 3
    assert peak < 200_000_000
    assert sorted(world.api.world.items()) == sorted(f"good-{n:02}" for n in range(20))

    report = world.report("plan")
    named: dict[str, dict[str, Any]] = {}
    for problem in report["broken"]:
        named.setdefault(problem["path"], problem)
    planted = ["big.xml", "bomb.yaml", "broken.xml", "deep.yaml", "doctype.xml", "link.xml", "packed.xml", "qti2.xml"]
    assert sorted(named) == [*planted, "twin-1.xml", "twin-2.xml"]
    for path, problem in named.items():
        assert problem["hint"], path
    assert named["broken.xml"]["line"] == 13
    assert "line 10" in named["broken.xml"]["message"]  # where the element that is not closed begins
    assert named["qti2.xml"]["line"] == 1
    assert "2" in named["qti2.xml"]["message"]
    assert "twin-2.xml" in named["twin-1.xml"]["message"]


def test_wrong_base_url_stops_before_anything_is_created(world: World) -> None:
    world.configure(base_url=world.api.base_url.replace("/api", "/wrong"))
    ran = world.run("sync")
    assert ran.code == 78
    assert "base_url" in ran.out
    assert "NotTheApi" in ran.out
    assert world.api.world.items() == {}
    assert world.writes() == []


def test_wrong_token_url_is_a_fault_of_the_configuration_and_nothing_is_sent(world: World) -> None:
    world.configure(token_url=world.api.token_url.replace("/oauth2/token", "/oauth2/tokens"))
    ran = world.run("sync")
    assert ran.code == 78
    assert "check token_url" in ran.out
    assert world.calls() == []


def test_unreachable_api_leaves_with_8_and_keeps_the_queue(world: World) -> None:
    world.configure(base_url="http://127.0.0.1:9/api")
    ran = world.run("sync")
    assert ran.code == 8
    assert "not available" in ran.out
    world.configure()


def test_wrong_secret_leaves_with_7_and_marks_nothing_failed(world: World) -> None:
    ran = world.run("sync", environ={"TEST_QTI_SECRET": "wr0ng-canary"})
    assert ran.code == 7
    assert "invalid_client" in ran.out
    assert "wr0ng-canary" not in ran.out + ran.err
    assert world.report("sync", code=0)["summary"]["applied"] == 1


def test_missing_secret_is_a_configuration_error_that_names_the_key(world: World) -> None:
    world.configure(client_secret="env/NOT_SET_ANYWHERE")
    ran = world.run("sync")
    assert ran.code == 78
    assert "targets.test.client_secret" in ran.err
    assert "NOT_SET_ANYWHERE" in ran.err


def test_wrong_config_key_is_an_error_with_line_and_suggestion(world: World) -> None:
    world.configure(max_updates="5%")
    ran = world.run("plan")
    assert ran.code == 78
    assert "max_update" in ran.err
    assert "line" in ran.err


def test_unknown_ref_names_the_branches_that_exist(world: World) -> None:
    ran = world.run("plan", "--ref", "mian")
    assert ran.code == 1
    assert "mian" in ran.err
    assert "main" in ran.err


def test_unreadable_repository_is_one_clear_message(world: World) -> None:
    config = json.loads((world.folder / "qtisync.yaml").read_text())
    config["repository"]["path"] = "nowhere"
    (world.folder / "qtisync.yaml").write_text(json.dumps(config))
    ran = world.run("sync")
    assert ran.code == 1
    assert "nowhere" in ran.err
    assert len(ran.err.splitlines()) <= 3


def test_usage_errors_leave_with_64(world: World) -> None:
    assert world.run("plan", "--no-such-flag").code == 64
    assert world.run("plam").code == 64
    assert world.run("apply", "--allow", "mass-update").code == 64


def test_no_configuration_says_how_to_make_one(world: World) -> None:
    (world.folder / "qtisync.yaml").unlink()
    ran = world.run("plan")
    assert ran.code == 78
    assert "qtisync init" in ran.err


def test_second_writer_leaves_with_6_and_names_the_holder(world: World) -> None:
    from qtisync.adapters.store import open_store

    store = open_store(world.folder / "state", "test", holder="a long sync")
    try:
        ran = world.run("sync")
    finally:
        store.close()
    assert ran.code == 6
    assert "a long sync" in ran.err
    assert str(os.getpid()) in ran.err


def test_duplicate_identifier_refuses_all_claimants_and_nobody_else(world: World) -> None:
    world.commit({"b.xml": item_xml("q-a", "Another with the same identifier?"), "c.xml": item_xml("q-c")})
    report = world.report("sync", code=3)
    assert {problem["path"] for problem in report["broken"]} == {"a.xml", "b.xml"}
    assert set(world.api.world.items()) == {"q-c"}
