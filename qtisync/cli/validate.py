"""validate: what an author runs before committing, and a forge on a pull request."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from qtisync.app import Setup, SystemClock
from qtisync.cli.common_options import Common, common_options
from qtisync.cli.exit_codes import INVALID, OK
from qtisync.cli.output import emit
from qtisync.cli.progress import Bars
from qtisync.config.file import DEFAULT_FILES
from qtisync.content.selection import ContentRules
from qtisync.engine.ports import Source
from qtisync.errors import UsageError
from qtisync.model import Snapshot
from qtisync.report.build import problems, reported_warnings
from qtisync.report.value import Place, Report


@click.command()
@common_options
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATHS]...")
@click.option("--ref", metavar="REF", help="Check a commit of the configured repository instead of files.")
@click.option("--strict", is_flag=True, help="Warnings count as faults.")
def validate(*, common: Common, paths: tuple[Path, ...], ref: str | None, strict: bool) -> int:
    """Check items, sidecars and identities without an API. Nothing is written.

    Without --ref the files on the disk are checked: all of the repository is read, because identifiers must be unique
    in it, and PATHS choose what is reported. Works without a configuration, too.
    """
    setup = common.setup() if _configured(common) else None
    source, shown = _source(setup, paths, ref)
    rules = setup.rules() if setup is not None else ContentRules()
    from qtisync.adapters.empty_record import EmptyReader  # noqa: PLC0415 - beside the other adapters
    from qtisync.engine.reading import Caps, read_snapshot  # noqa: PLC0415 - lxml is heavy

    with closing(source):
        full = source.full_ref(ref) if ref else "files"
        commit = source.resolve(full)
        reading = read_snapshot(source, EmptyReader(), commit, rules, Caps(), Bars(common))
        report = _report(reading.snapshot, source.location(), full, shown)
    emit(report, common)
    return INVALID if report.broken or (strict and report.warnings) else OK


def _configured(common: Common) -> bool:
    return common.config is not None or any(file.exists() for file in DEFAULT_FILES)


def _source(setup: Setup | None, paths: tuple[Path, ...], ref: str | None) -> tuple[Source, tuple[str, ...]]:
    """What to read, and the paths (relative to it) that are reported; none: all."""
    from qtisync.adapters.folder import FolderSource  # noqa: PLC0415 - beside the other adapters

    if ref is not None:
        if setup is None:
            raise UsageError("--ref needs a configuration.", hint="Make one: qtisync init")
        source = setup.open_commits() if setup.is_authoring else setup.open_fresh_source()
        return source, tuple(path.as_posix() for path in paths)
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"There is no {missing[0]}.", hint="PATHS are files or folders on the disk.")
    root = _root(setup, paths)
    relative = [path.resolve().relative_to(root).as_posix() for path in paths if path.resolve() != root]
    return FolderSource(root), tuple(relative)


def _root(setup: Setup | None, paths: tuple[Path, ...]) -> Path:
    """The folder in which identifiers must be unique: the repository that holds the paths."""
    here = setup is not None and setup.settings.repository.url is None
    start = [path.resolve() for path in paths] or [setup.repository.resolve() if setup and here else Path.cwd()]
    roots = {_top(path) for path in start}
    if len(roots) > 1:
        raise UsageError("PATHS lie in different repositories.", hint="Check them one after the other.")
    return roots.pop()


def _top(path: Path) -> Path:
    folder = path if path.is_dir() else path.parent
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)


def _report(snapshot: Snapshot, location: str, ref: str, shown: tuple[str, ...]) -> Report:
    def wanted(path: str) -> bool:
        return not shown or any(path == prefix or path.startswith(f"{prefix}/") for prefix in shown)

    broken = tuple(problem for problem in problems(snapshot.broken) if wanted(problem.path))
    findings = [finding for item in snapshot.items.values() for finding in item.findings]
    warnings = sorted((*snapshot.warnings, *findings), key=lambda p: (p.path, p.line or 0, p.code, p.message))
    place = Place(
        repository=location, ref=ref, head=snapshot.commit, base=None, target="", base_url="", capabilities={}
    )
    return Report(
        kind="validate",
        at=SystemClock().now(),
        place=place,
        applyable=not broken,
        summary={
            "noop": sum(wanted(item.path) for item in snapshot.items.values()),
            "invalid": len({problem.path for problem in broken}),
            "skipped": len(snapshot.ignored),
        },
        broken=broken,
        warnings=tuple(problem for problem in reported_warnings(warnings) if wanted(problem.path)),
        others=snapshot.others,
    )
