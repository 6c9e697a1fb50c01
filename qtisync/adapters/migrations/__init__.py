"""The history of the record's schema, carried out by Alembic; import it only when there is something to upgrade."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def upgrade(connection: sa.Connection) -> None:
    """Bring the schema up to date, inside the caller's transaction: all of it or nothing."""
    command.upgrade(configuration(connection), "head")


def configuration(connection: sa.Connection) -> Config:
    """What ``env.py`` needs to know. Its prints go nowhere."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
