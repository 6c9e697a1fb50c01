"""What stands between a plan and the API: what was asked for must exist, and what is held names how to go on."""

from __future__ import annotations

import fnmatch
import shlex
from collections.abc import Sequence
from pathlib import Path

from qtisync.cli.common_options import Common
from qtisync.engine.reconcile import Prepared
from qtisync.errors import UsageError
from qtisync.report.value import Report


def refuse_unknown(only: Sequence[str], prepared: Prepared) -> None:
    """Raise ``UsageError`` for an ``--only`` that names nothing: "0 changes" would look as if all were well."""
    if not only or prepared.snapshot is None:
        return
    items, broken = prepared.snapshot.items.values(), prepared.snapshot.broken
    names = {name for item in items for name in (item.key.identifier, item.path)}
    names |= {file.path for file in broken} | {file.key.identifier for file in broken if file.key is not None}
    for pattern in only:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            hint = "Capitals count, and globs such as 'alg-*' or 'items/*' work."
            raise UsageError(f"--only {pattern}: the commit has no such identifier or path.", hint=hint)


def go_on(
    common: Common,
    report: Report,
    file: Path | None,
    *,
    ref: str | None = None,
    only: Sequence[str] = (),
    refresh: bool = False,
) -> str:
    """The command that continues a held plan, ready to be pasted: with the flags that this one was run with."""
    flags = ["--config", str(common.config)] if common.config is not None else []
    flags += ["--target", common.target] if common.target is not None else []
    allow = [word for hold in report.holds for word in hold.override.split()]
    apply = shlex.join(["qtisync", "apply", str(file or "plan.json"), *allow, *flags])
    if file is not None:
        return apply
    what = ["--ref", ref] if ref is not None else []
    what += [word for pattern in only for word in ("--only", pattern)]
    what += ["--refresh"] if refresh else []
    return f"{shlex.join(['qtisync', 'plan', '--out', 'plan.json', *what, *flags])} && {apply}"
