"""schema: JSON Schemas for editors and scripts."""

from __future__ import annotations

import json

import click

from qtisync.cli.common_options import Common, common_options
from qtisync.cli.output import write


@click.command()
@common_options
@click.argument("what", type=click.Choice(["config", "sidecar", "report"]))
def schema(*, common: Common, what: str) -> int:
    """Print the JSON Schema of the configuration, of a sidecar, or of a report.

    With `--format ndjson` that of one line of such a report.
    """
    if what == "config":
        from qtisync.config.settings import settings_schema  # noqa: PLC0415 - pydantic is heavy

        document = settings_schema()
    elif what == "sidecar":
        from qtisync.content.sidecar_schema import SIDECAR_SCHEMA  # noqa: PLC0415 - one of four

        document = SIDECAR_SCHEMA
    elif common.format == "ndjson":
        from qtisync.report.line_schema import line_schema  # noqa: PLC0415 - one of four

        document = line_schema()
    else:
        from qtisync.report.schema import REPORT_SCHEMA  # noqa: PLC0415 - one of four

        document = REPORT_SCHEMA
    write(json.dumps(document, ensure_ascii=False, indent=2) + "\n", common)
    return 0
