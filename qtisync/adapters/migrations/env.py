"""Alembic's entry: runs the migrations on the connection that ``upgrade`` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from qtisync.adapters.store_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
    transactional_ddl=True,  # true of SQLite where the driver leaves transactions to us
)
with context.begin_transaction():
    context.run_migrations()
