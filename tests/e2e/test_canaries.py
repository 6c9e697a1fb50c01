"""No secret, token, item body or correct answer is shown or kept: canary words through every command, format and fault."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from world import World, item_xml, stimulus_xml

from qtisync.cli.common_options import FORMATS
from qtisync.sandbox.options import Options

SECRET = "s3cret/canary+with&odd=signs%"
BODY, STIMULUS, ANSWER, MODEL = "CanaryBodyWords", "CanaryStimulusWords", "canary_answer", "CanaryModelAnswer"
RUBRIC, BROKEN, SIDE = "CanaryRubric", "CanaryBrokenWords", "CanarySidecarWords"
CONTENT = (BODY, STIMULUS, ANSWER, MODEL, RUBRIC, BROKEN, SIDE)
ITEM_FAULTS = (
    *("400", "404", "409", "413", "422", "500", "500-after", "503", "429:retry-after=0.1", "html-200", "html-502"),
    *("e11000", "empty-200", "empty-object", "enveloped", "hang=0.1", "hang-after=0.1", "lie", "no-op", "odd-item"),
    *("reset-after", "reset-before", "slow-body=0.2", "stale", "truncate", "vanish", "wrong-item", "wrong-type"),
)
"""Each strikes an item of its own, several in one run."""
QUEUE_FAULTS = (
    *("401", "403", "html-404", "redirect=https://elsewhere.invalid/"),
    *("401:path=/oauth2/token", "429:path=/oauth2/token", "html-502:path=/oauth2/token", "truncate:path=/oauth2/token"),
    "503:retry-after=huge",  # the last one: its pause outlives the run
)
CHANGED = 12  # items that change in every turn


def canary_item(identifier: str, turn: int = 0) -> str:
    xml = item_xml(identifier, f"{BODY} {turn}", key=ANSWER)
    return xml.replace('identifier="A"', f'identifier="{ANSWER}"').replace(">Four<", f">{BODY}<")


def sidecar(turn: int) -> str:
    return f"subject: Math\ngrade: {turn % 9}\nmodelAnswer: {MODEL} {turn}\nrubric: [{RUBRIC} {turn}]\nnote: {MODEL * 5} {turn}\n"


def content(turn: int) -> dict[str, str | bytes | None]:
    unclosed = canary_item("q-broken").replace("</qti-prompt>", f"{BROKEN}").replace(BODY, BROKEN)
    return {
        **{f"q-{n}.xml": canary_item(f"q-{n}", turn) for n in range(6)},
        **{f"q-{n}.yaml": sidecar(turn) for n in range(CHANGED)},
        **{f"q-{n}.xml": canary_item(f"q-{n}") for n in range(6, 40)},
        "odd.xml": item_xml("q-odd", BODY, key=f"{ANSWER} no-such-choice").replace(
            'identifier="A"', f'identifier="{ANSWER}"'
        ),
        "blank.xml": canary_item("q-blank").replace(f">{ANSWER}<", f"> {ANSWER} <"),
        "s.xml": stimulus_xml("s-1", STIMULUS),
        "broken.xml": unclosed,
        "doctype.xml": f'<!DOCTYPE x [<!ENTITY a "{BROKEN}">]>' + canary_item("q-doctype").partition("?>")[2].strip(),
        "bad-sidecar.xml": canary_item("q-bad-sidecar"),
        "bad-sidecar.yaml": f"rubric: [{SIDE}\nmodelAnswer: {{{SIDE}: *{SIDE}\n",
        "bad-value.xml": canary_item("q-bad-value"),
        "bad-value.yaml": f"modelAnswer: {SIDE}\ngrade: 77\ndifficulty: none\nlearningObjectiveSet: {SIDE}\n",
    }


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, options=Options(client_secret=SECRET), target={"max_update": 1000}) as made:
        made.commit(content(0))
        yield made


class Watch:
    """Looks for what must not be seen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tokens: set[str] = set()

    def forbidden(self) -> set[str]:
        self.tokens |= set(self.world.api.tokens._grants)
        parts = {part for token in self.tokens for part in token.split(".")[2:]}  # the signature is the secret part
        return {SECRET, "s3cret%2Fcanary", *self.tokens, *parts}

    def look(self, what: str, text: str, *, words: tuple[str, ...] = CONTENT) -> None:
        seen = [word for word in (*self.forbidden(), *words) if word in text]
        around = [text[max(0, text.index(word) - 300) : text.index(word) + 60] for word in seen]
        assert seen == [], (what, around)

    def run(self, *arguments: str) -> None:
        ran = self.world.run(*arguments)
        self.look(" ".join(arguments), ran.out + ran.err)

    def run_on_a_terminal(self, *arguments: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.world.command(*arguments),
            cwd=self.world.folder,
            env={**self.world.environ, "TERM": "xterm", "COLUMNS": "400"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # the other side is closed
            pass
        process.wait(60)
        os.close(ours)
        text = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown.decode())
        self.look(" ".join(("terminal:", *arguments)), text)
        return text

    def look_at_files(self) -> None:
        """What is kept: git's metadata is (it is compared), all else is not."""
        files = [path for path in self.world.folder.rglob("*") if path.is_file()]
        for path in files:
            if self.world.content not in path.parents:
                kept = (BODY, STIMULUS, ANSWER, BROKEN) if "state" in path.parts else CONTENT
                self.look(str(path), path.read_bytes().decode("utf-8", "replace"), words=kept)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_canary_appears_under_any_fault(world: World) -> None:
    watch = Watch(world)
    watch.run("sync", "-v", "-v")
    assert len(world.api.world.items()) == 42
    rounds = [ITEM_FAULTS[at : at + CHANGED] for at in range(0, len(ITEM_FAULTS), CHANGED)]
    scripts = [[f"{fault}:id=q-{n}:times=3" for n, fault in enumerate(faults)] for faults in rounds]
    for turn, script in enumerate([*scripts, *([fault] for fault in QUEUE_FAULTS)], start=1):
        world.commit(content(turn))
        world.api.faults.clear()
        world.api.faults.add(*script)
        world.api.revoke_tokens()
        watch.run("sync", "-v", "-v", "--format", FORMATS[turn % len(FORMATS)], "--timeout", "2")
        assert any(world.api.faults.counts().values()), script
    watch.look_at_files()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_canary_appears_in_any_command_and_format(world: World) -> None:
    watch = Watch(world)
    watch.run("sync", "-v", "-v")
    world.commit(content(1))
    world.api.faults.add("400:id=q-3", "500:id=q-4", "reset-after:id=q-5:times=1")
    for form in FORMATS:
        watch.run("validate", "--format", form, "-v", "-v", str(world.content))
        watch.run("plan", "--format", form, "-v", "-v", "--out", "plan.json", "--output", f"report-{form}")
    watch.run("doctor", "-v", "-v")
    watch.run("apply", "plan.json", "-v", "-v", "--yes", "--timeout", "5")
    for form in FORMATS:
        watch.run("check", "--format", form, "-v", "-v")
        watch.run("status", "q-3", "--format", form, "-v", "-v")
        watch.run("status", "--format", form, "-v", "-v")
    watch.run("queue", "ls", "-v", "-v")
    watch.run("retry", "--failed", "-v", "-v")
    watch.look_at_files()


@pytest.mark.slow
def test_no_canary_appears_on_a_terminal(world: World) -> None:
    watch = Watch(world)
    shown = watch.run_on_a_terminal("sync", "-v", "-v")
    assert "item_settled" in shown
    world.commit(content(1))
    assert "modelAnswer: (changed)" in watch.run_on_a_terminal("plan", "-v", "-v")
    world.api.faults.add("401:path=/oauth2/token")
    world.api.revoke_tokens()
    watch.run_on_a_terminal("apply", "--yes", "-v", "-v")
    world.api.faults.clear()
    world.api.faults.add("400:id=q-3", "truncate:times=3")
    watch.run_on_a_terminal("apply", "--yes", "-v", "-v")
    watch.run_on_a_terminal("status", "q-3", "-v")


def test_show_content_shows_the_metadata_that_changed(world: World) -> None:
    world.run("sync")
    world.commit({"q-1.yaml": sidecar(5)})
    hidden, shown = world.run("plan", "-v").out, world.run("plan", "-v", "--show-content").out
    assert MODEL not in hidden
    assert f"modelAnswer: {MODEL} 0 → {MODEL} 5" in shown


@pytest.mark.slow
def test_show_content_is_the_only_door_for_xml(world: World) -> None:
    world.run("sync")
    world.commit({"q-1.xml": canary_item("q-1", turn=7)})
    for command in ("plan", "check"):
        hidden, shown = (world.run(command, "--format", "html", *flags).out for flags in ((), ("--show-content",)))
        assert (BODY in hidden, ANSWER in hidden) == (False, False)
        assert (f"{BODY} 0" in shown, f"{BODY} 7" in shown) == (True, True)
