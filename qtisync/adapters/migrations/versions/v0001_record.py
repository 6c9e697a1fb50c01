"""The record's first schema.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    _item()
    _item_indexes()
    _small_tables()
    _journal()
    _pass()
    _pace()


def downgrade() -> None:
    """There is nothing before; an unwanted record is simply deleted."""
    msg = "The first schema of the record cannot be taken back."
    raise NotImplementedError(msg)


def _item() -> None:
    op.create_table("item", *_desired(), *_acknowledged(), *_queue(), *_rules())


def _desired() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column(
            "turn",
            sa.Integer(),
            sa.Computed(
                "CASE lane WHEN 'hotfix' THEN 0 WHEN 'normal' THEN 3 WHEN 'bulk' THEN 6 END"
                " + CASE kind WHEN 'stimulus' THEN 0 WHEN 'item' THEN 1 WHEN 'test' THEN 2 END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("desired_content", sa.Text(), nullable=True),
        sa.Column("desired_metadata", sa.Text(), nullable=True),
        sa.Column("desired_keys", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=True),
        sa.Column("answers", sa.Text(), nullable=True),
    ]


def _acknowledged() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("acknowledged_content", sa.Text(), nullable=True),
        sa.Column("acknowledged_metadata", sa.Text(), nullable=True),
        sa.Column("acknowledged_keys", sa.Text(), nullable=False),
        sa.Column("acknowledged_blob", sa.Text(), nullable=True),
        sa.Column("remote_content", sa.Text(), nullable=True),
        sa.Column("remote_version", sa.BigInteger(), nullable=True),
        sa.Column("remote_updated_at", sa.Text(), nullable=True),
        sa.Column("remote_foreign", sa.Text(), nullable=True),
    ]


def _queue() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("protect", sa.Boolean(), nullable=False),
        sa.Column("commit_id", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("last_outcome", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("altered", sa.Text(), nullable=True),
        sa.Column("blocker_kind", sa.Text(), nullable=True),
        sa.Column("blocker_identifier", sa.Text(), nullable=True),
        sa.Column("force", sa.Boolean(), nullable=False),
    ]


def _rules() -> list[sa.schema.SchemaItem]:
    return [
        sa.CheckConstraint(
            "(status = 'blocked') = (blocker_kind IS NOT NULL) AND "
            "(blocker_kind IS NULL) = (blocker_identifier IS NULL)",
            name=op.f("ck_item_blocker"),
        ),
        sa.CheckConstraint(
            "(status = 'in_flight') = (lease_owner IS NOT NULL) AND (lease_owner IS NULL) = (lease_until IS NULL)",
            name=op.f("ck_item_lease"),
        ),
        sa.CheckConstraint("identifier <> ''", name=op.f("ck_item_identifier")),
        sa.CheckConstraint("kind IN ('stimulus', 'item', 'test')", name=op.f("ck_item_kind")),
        sa.CheckConstraint("lane IN ('hotfix', 'normal', 'bulk')", name=op.f("ck_item_lane")),
        sa.CheckConstraint("presence IN ('absent', 'doubtful', 'present')", name=op.f("ck_item_presence")),
        sa.CheckConstraint("standing IN ('wanted', 'held', 'orphan', 'ignored')", name=op.f("ck_item_standing")),
        sa.CheckConstraint(
            "status IN ('synced', 'queued', 'in_flight', 'parked', 'blocked')", name=op.f("ck_item_status")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_item_attempts")),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_item_generation")),
        sa.PrimaryKeyConstraint("kind", "identifier", name=op.f("pk_item")),
    ]


def _item_indexes() -> None:
    op.create_index(
        "ix_item_queue",
        "item",
        ["turn", "not_before", "identifier"],
        unique=False,
        sqlite_where=sa.text("status = 'queued' AND standing = 'wanted'"),
        postgresql_where=sa.text("status = 'queued' AND standing = 'wanted'"),
    )
    op.create_index(
        "ix_item_unsettled",
        "item",
        ["kind", "identifier", "standing", "status"],
        unique=False,
        sqlite_where=sa.text("standing != 'wanted' OR status != 'synced' OR altered IS NOT NULL"),
        postgresql_where=sa.text("standing != 'wanted' OR status != 'synced' OR altered IS NOT NULL"),
    )


def _journal() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("commit_id", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("remote_version", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('stimulus', 'item', 'test')", name=op.f("ck_journal_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_identifier", "journal", ["identifier", "id"], unique=False)


def _small_tables() -> None:
    op.create_table(
        "blob",
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("blob", "version", name=op.f("pk_blob")),
    )
    op.create_table(
        "dependency",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("on_kind", sa.Text(), nullable=False),
        sa.Column("on_identifier", sa.Text(), nullable=False),
        sa.CheckConstraint("kind <> on_kind OR identifier <> on_identifier", name=op.f("ck_dependency_itself")),
        sa.PrimaryKeyConstraint("kind", "identifier", "on_kind", "on_identifier", name=op.f("pk_dependency")),
    )
    op.create_index("ix_dependency_on", "dependency", ["on_kind", "on_identifier"], unique=False)
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )


def _pass() -> None:
    op.create_table(
        "pass",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("commit_id", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("broken", sa.Text(), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pass")),
        sqlite_autoincrement=True,
    )


def _pace() -> None:
    op.create_table(
        "pace",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rate", sa.Double(), nullable=False),
        sa.Column("ceiling", sa.Double(), nullable=False),
        sa.Column("floor", sa.Double(), nullable=False),
        sa.Column("tat", sa.Double(), nullable=False),
        sa.Column("slot", sa.Double(), nullable=False),
        sa.Column("paused_until", sa.Double(), nullable=False),
        sa.Column("pause_reason", sa.Text(), nullable=False),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_pace_one_row")),
        sa.CheckConstraint("rate > 0", name=op.f("ck_pace_rate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pace")),
    )
