"""The text of a git hook: a few lines of sh that call what was there before, and then qtisync by its full path."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

MARK = "# qtisync hook 1"
"""The second line of every script of ours; the number is that of its form."""
REFUSED = 9
"""The exit code of qtisync that refuses a push; any other one means that it could not check."""
KINDS = ("post-receive", "pre-receive")

_HEAD = """\
#!/bin/sh
{mark}
# Written by `qtisync hook install`. `qtisync hook uninstall` puts back what was here before: {previous}
# That one runs first, with the same input, and its exit code counts.
input=$(cat)
previous=$(dirname "$0")/{previous}
code=0
if [ -x "$previous" ]; then
  printf '%s\\n' "$input" | "$previous" "$@" || code=$?
fi
"""
_POST = """\
if [ -x {program} ]; then
  printf '%s\\n' "$input" | {command} || true
else
  echo {gone}
fi
exit $code
"""
_PRE = """\
[ "$code" -eq 0 ] || exit "$code"
if [ -x {program} ]; then
  printf '%s\\n' "$input" | {command} || code=$?
  [ "$code" -ne {refused} ] || exit 1
  [ "$code" -eq 0 ] || echo "qtisync: the check did not run (exit code $code); the push passes unchecked"
else
  echo {gone}
fi
exit 0
"""


def hook_script(kind: str, program: Sequence[str], flags: Sequence[str]) -> str:
    """The script of ``post-receive`` or ``pre-receive``. ``program``: qtisync as a command, its first word absolute."""
    end = _POST if kind == "post-receive" else _PRE
    lost = "nobody was told of this push" if kind == "post-receive" else "the push passes unchecked"
    return (_HEAD + end).format(
        mark=MARK,
        previous=previous_name(kind),
        program=shlex.quote(program[0]),
        command=shlex.join((*program, "hook", kind, *flags)),
        gone=shlex.quote(f"qtisync: {program[0]} is gone, {lost}; see: qtisync hook install"),
        refused=REFUSED,
    )


def previous_name(kind: str) -> str:
    """What a hook that was there before is called now."""
    return f"{kind}.qtisync-previous"


def is_ours(script: bytes) -> bool:
    """Whether we wrote it."""
    return script.split(b"\n", 2)[1:2] == [MARK.encode()]


def command_of(script: bytes, kind: str) -> tuple[str, ...]:
    """The command that a script of ours runs; empty if it was edited beyond recognition."""
    line = re.search(rf"\| (.* hook {kind}.*) \|\| ", script.decode("utf-8", "replace"))
    try:
        return tuple(shlex.split(line[1])) if line is not None else ()
    except ValueError:
        return ()
