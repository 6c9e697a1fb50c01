"""The text of a hook: one program by its full path, whatever is in its name."""

from __future__ import annotations

import pytest

from qtisync.adapters.hook_script import KINDS, command_of, hook_script, is_ours

PROGRAM = ("/opt/it's here/qtisync",)
FLAGS = ["--config", '/etc/a b/"$(x)".yaml', "--wait", "5"]


@pytest.mark.parametrize("kind", KINDS)
def test_script_is_ours_and_says_what_it_runs(kind: str) -> None:
    script = hook_script(kind, PROGRAM, FLAGS).encode()

    assert is_ours(script)
    assert command_of(script, kind) == (*PROGRAM, "hook", kind, *FLAGS)


@pytest.mark.parametrize("script", [b"", b"#!/bin/sh\n", b"\x7fELF\n\x00", b"#!/bin/sh\n# another\n"])
def test_another_hook_is_not_ours(script: bytes) -> None:
    assert not is_ours(script)
    assert command_of(script, "post-receive") == ()


def test_one_that_was_edited_beyond_recognition_runs_nothing_we_know() -> None:
    assert command_of(b"#!/bin/sh\n# qtisync hook 1\nfoo | 'bar hook post-receive || true\n", "post-receive") == ()
