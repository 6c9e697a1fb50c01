"""The tables of the record; ``architecture.md`` §3 says what they mean. Migrations hold their history.

Only what SQLite 3.40 and PostgreSQL 12 both have is used. Times are seconds since the epoch; JSON is kept as canonical
text, because it is never searched. What the code believes of a row is a constraint wherever that is cheap.
"""

from __future__ import annotations

import enum
from typing import Any

import sqlalchemy as sa

from qtisync.model import ItemStatus, Kind, Lane, Presence, Standing

REVISIONS = ("0001", "0002")
"""Every migration, oldest first. The last one is what this version writes; it stands here too, so that nothing that
only reads needs to import Alembic (a third of a second)."""
KEPT_PASSES = 1000
"""Older passes are dropped, so that a record of a busy repository does not grow without end."""

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def word(value: enum.StrEnum) -> sa.ColumnClause[Any]:
    """An enum's member as it stands in SQL: written out, because a partial index does not see bound parameters."""
    return sa.literal_column(f"'{value}'")


def _one_of(column: str, words: type[enum.StrEnum]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(str(w)) for w in words)})", name=column)


def _rank(column: str, words: type[enum.StrEnum], step: int) -> str:
    cases = " ".join(f"WHEN '{w}' THEN {n * step}" for n, w in enumerate(words))
    return f"CASE {column} {cases} END"


def _text(name: str, *, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=primary_key, nullable=False)


def _maybe(name: str, kind: type[sa.types.TypeEngine[Any]] = sa.Text) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


item = sa.Table(
    "item",
    metadata,
    _text("kind", primary_key=True),
    _text("identifier", primary_key=True),
    sa.Column(
        "turn",
        sa.Integer,
        sa.Computed(f"{_rank('lane', Lane, len(Kind))} + {_rank('kind', Kind, 1)}", persisted=True),
        nullable=False,
    ),
    _text("path"),
    _text("standing"),
    _text("status"),
    _text("presence"),
    _maybe("desired_content"),
    _maybe("desired_metadata"),
    _text("desired_keys"),
    _maybe("blob"),
    _maybe("answers"),
    _maybe("acknowledged_content"),
    _maybe("acknowledged_metadata"),
    _text("acknowledged_keys"),
    _maybe("acknowledged_blob"),
    _maybe("remote_content"),
    _maybe("remote_version", sa.BigInteger),
    _maybe("remote_updated_at"),
    _maybe("remote_foreign"),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Double, nullable=False),
    _text("lane"),
    _maybe("lease_owner"),
    _maybe("lease_until", sa.Double),
    sa.Column("protect", sa.Boolean, nullable=False),
    _maybe("commit_id"),
    _maybe("author"),
    _maybe("last_outcome"),
    _maybe("last_error"),
    _maybe("http_status", sa.Integer),
    _maybe("altered"),
    _maybe("blocker_kind"),
    _maybe("blocker_identifier"),
    sa.Column("force", sa.Boolean, nullable=False),
    _one_of("kind", Kind),
    _one_of("standing", Standing),
    _one_of("status", ItemStatus),
    _one_of("presence", Presence),
    _one_of("lane", Lane),
    sa.CheckConstraint("identifier <> ''", name="identifier"),
    sa.CheckConstraint("generation >= 1", name="generation"),
    sa.CheckConstraint("attempts >= 0", name="attempts"),
    sa.CheckConstraint(
        "(status = 'in_flight') = (lease_owner IS NOT NULL) AND (lease_owner IS NULL) = (lease_until IS NULL)",
        name="lease",
    ),
    sa.CheckConstraint(
        "(status = 'blocked') = (blocker_kind IS NOT NULL) AND (blocker_kind IS NULL) = (blocker_identifier IS NULL)",
        name="blocker",
    ),
)
"""One row per object: what git wants beside what the API has acknowledged, and the queue as a column.

``desired_metadata`` and ``acknowledged_metadata`` are digests, ``…_keys`` the metadata themselves. ``remote_foreign``
is NULL where the API's copy was never seen. ``turn`` orders the queue: kind, then lane; the database keeps it true.
"""

IS_QUEUED = sa.and_(item.c.status == word(ItemStatus.QUEUED), item.c.standing == word(Standing.WANTED))
IS_UNSETTLED = sa.or_(
    item.c.standing != word(Standing.WANTED), item.c.status != word(ItemStatus.SYNCED), item.c.altered.is_not(None)
)
sa.Index(
    "ix_item_queue",
    item.c.turn,
    item.c.not_before,
    item.c.identifier,
    sqlite_where=IS_QUEUED,
)
sa.Index(
    "ix_item_unsettled",
    item.c.kind,
    item.c.identifier,
    item.c.standing,
    item.c.status,
    sqlite_where=IS_UNSETTLED,
)
# No index on the status alone: SQLite has no statistics and would prefer it to the queue, which it then had to sort.

dependency = sa.Table(
    "dependency",
    metadata,
    _text("kind", primary_key=True),
    _text("identifier", primary_key=True),
    _text("on_kind", primary_key=True),
    _text("on_identifier", primary_key=True),
    sa.CheckConstraint("kind <> on_kind OR identifier <> on_identifier", name="itself"),
    sa.Index("ix_dependency_on", "on_kind", "on_identifier"),
)
"""What an object must wait for. The other end need not be in the record."""

needed = item.alias("needed")
"""The object at the other end of a dependency."""
ON_NEEDED = sa.and_(needed.c.kind == dependency.c.on_kind, needed.c.identifier == dependency.c.on_identifier)
IS_NEEDED_WANTED = needed.c.standing == word(Standing.WANTED)
IS_NEEDED_LACKING = sa.and_(~IS_NEEDED_WANTED, needed.c.presence != word(Presence.PRESENT))
_HINDERS = sa.or_(sa.and_(IS_NEEDED_WANTED, needed.c.status != word(ItemStatus.SYNCED)), IS_NEEDED_LACKING)
IS_FREE = sa.and_(
    IS_QUEUED,
    ~sa.exists()
    .where(dependency.c.kind == item.c.kind, dependency.c.identifier == item.c.identifier)
    .where(ON_NEEDED, _HINDERS)
    .correlate(item),
)
"""Queued, and nothing it waits for is on its way."""

blob = sa.Table("blob", metadata, _text("blob", primary_key=True), _text("version", primary_key=True), _text("facts"))
"""Parsed facts by git blob id, of the version of the readers that wrote them."""

passes = sa.Table(
    "pass",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _text("commit_id"),
    _maybe("base"),
    _text("ref"),
    _text("fingerprint"),
    sa.Column("at", sa.Double, nullable=False),
    _text("broken"),
    _text("warnings"),
    _text("summary"),
    sqlite_autoincrement=True,
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    _maybe("kind"),
    _maybe("identifier"),
    _text("method"),
    _text("path"),
    _text("purpose"),
    _text("outcome"),
    _maybe("commit_id"),
    _maybe("author"),
    _maybe("actor"),
    _maybe("content"),
    _maybe("metadata"),
    _maybe("http_status", sa.Integer),
    _maybe("remote_version", sa.BigInteger),
    _maybe("message"),
    _text("digest"),
    _one_of("kind", Kind),
    sa.CheckConstraint("(kind IS NULL) = (identifier IS NULL)", name="object"),
    sa.Index("ix_journal_identifier", "identifier", "id"),
)
"""Every call and its outcome, and what people decided: a chain (``delivery.ledger``), numbered without gaps."""

chain = sa.Table(
    "chain",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("dropped", sa.Integer, nullable=False),
    _text("dropped_digest"),
    _maybe("dropped_until", sa.Double),
    sa.Column("newest", sa.Integer, nullable=False),
    _text("newest_digest"),
    sa.Column("look_again", sa.Integer, nullable=False),
    sa.CheckConstraint("id = 1", name="one_row"),
    sa.CheckConstraint("dropped <= newest", name="order"),
)
"""Both ends of the journal; ``look_again``: the number of the entry whose age decides when to drop some again."""

NEVER_CHANGES = """\
CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'entries of the journal are never changed'); END"""
KEEPS = """\
CREATE TRIGGER journal_keeps BEFORE DELETE ON journal WHEN OLD.id > (SELECT dropped FROM chain)
BEGIN SELECT RAISE(ABORT, 'entries of the journal are only dropped from its beginning'); END"""
for _trigger in (NEVER_CHANGES, KEEPS):  # they stop mistakes; the chain shows what was done on purpose
    _made = sa.DDL(_trigger)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    sa.event.listen(metadata, "after_create", _made.execute_if(dialect="sqlite"))

setting = sa.Table("setting", metadata, _text("name", primary_key=True), _text("value"))

pace = sa.Table(
    "pace",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("rate", sa.Double, nullable=False),
    sa.Column("ceiling", sa.Double, nullable=False),
    sa.Column("floor", sa.Double, nullable=False),
    sa.Column("tat", sa.Double, nullable=False),
    sa.Column("slot", sa.Double, nullable=False),
    sa.Column("paused_until", sa.Double, nullable=False),
    _text("pause_reason"),
    _text("memory"),
    sa.CheckConstraint("id = 1", name="one_row"),
    sa.CheckConstraint("rate > 0", name="rate"),
)
"""The one pace that all workers share; ``slot`` is when the slot that was given last begins."""
