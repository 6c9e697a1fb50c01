"""The journal becomes a chain: every entry carries a digest of itself and of the one before; decisions join the calls.

Revision ID: 0002
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from qtisync.delivery.ledger import FIELDS, ORIGIN, digest_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_AT_ONCE = 1_000
_TRIGGERS = (
    """\
CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'entries of the journal are never changed'); END""",
    """\
CREATE TRIGGER journal_keeps BEFORE DELETE ON journal WHEN OLD.id > (SELECT dropped FROM chain)
BEGIN SELECT RAISE(ABORT, 'entries of the journal are only dropped from its beginning'); END""",
)
_OLD = tuple(name for name in FIELDS if name not in {"author", "actor"})


def upgrade() -> None:
    """Chain what is there, in its order."""
    op.drop_index("ix_journal_identifier", table_name="journal")
    op.rename_table("journal", "journal_1")
    _journal()
    _chain()
    _copy()
    op.drop_table("journal_1")
    for trigger in _TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    """An older version would write entries that break the chain."""
    msg = "The journal's chain cannot be taken back."
    raise NotImplementedError(msg)


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("commit_id", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("remote_version", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('stimulus', 'item', 'test')", name=op.f("ck_journal_kind")),
        sa.CheckConstraint("(kind IS NULL) = (identifier IS NULL)", name=op.f("ck_journal_object")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    op.create_index("ix_journal_identifier", "journal", ["identifier", "id"], unique=False)


def _chain() -> None:
    op.create_table(
        "chain",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("dropped_digest", sa.Text(), nullable=False),
        sa.Column("dropped_until", sa.Double(), nullable=True),
        sa.Column("newest", sa.Integer(), nullable=False),
        sa.Column("newest_digest", sa.Text(), nullable=False),
        sa.Column("look_again", sa.Integer(), nullable=False),
        sa.CheckConstraint("dropped <= newest", name=op.f("ck_chain_order")),
        sa.CheckConstraint("id = 1", name=op.f("ck_chain_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain")),
    )


def _copy() -> None:
    connection = op.get_bind()
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in ("id", *FIELDS, "digest")]
    journal = sa.table("journal", *columns)
    old = sa.table("journal_1", sa.column("id"), *(sa.column(name) for name in _OLD))
    found = connection.execute(sa.select(*(old.c[name] for name in _OLD)).order_by(old.c.id))
    number, digest = 0, ORIGIN
    for portion in _portions(found):
        rows = []
        for values in portion:
            number += 1
            row = {"author": None, "actor": None, **dict(zip(_OLD, values, strict=True))}
            digest = digest_of(digest, number, [row[name] for name in FIELDS])
            rows.append({"id": number, "digest": digest, **row})
        connection.execute(journal.insert(), rows)
    ends = {"id": 1, "dropped": 0, "dropped_digest": ORIGIN, "dropped_until": None, "look_again": 0}
    chain = sa.table("chain", *(sa.column(name) for name in (*ends, "newest", "newest_digest")))
    connection.execute(chain.insert().values(**ends, newest=number, newest_digest=digest))


def _portions(found: Any) -> Iterator[list[Any]]:  # noqa: ANN401 - rows of a table that the models no longer have
    rows = iter(found)
    while portion := list(islice(rows, _AT_ONCE)):
        yield portion
