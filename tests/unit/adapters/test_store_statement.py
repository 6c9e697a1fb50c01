"""Statements run past SQLAlchemy: what they are given, what they find, and how their transaction ends."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa

from qtisync.adapters.store_files import driver
from qtisync.adapters.store_statement import Statement, transaction

TABLE = sa.Table("t", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True), sa.Column("n", sa.Integer))
ADD = Statement(TABLE.insert().inline(), columns=["name", "n"])
ALL = Statement(sa.select(TABLE.c.name, TABLE.c.n).order_by(TABLE.c.name))
RAISE = Statement(TABLE.update().where(TABLE.c.name == sa.bindparam("k")).values(n=TABLE.c.n + 10))


@pytest.fixture
def connection():
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:", isolation_level=None)

    with sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.StaticPool).connect() as opened:
        driver(opened).execute("CREATE TABLE t (name TEXT PRIMARY KEY, n INTEGER)")
        yield opened
        driver(opened).close()


def test_values_are_bound_by_name_and_constants_of_the_clause_by_themselves(connection):
    with transaction(connection):
        ADD.run(connection, {"n": 1, "name": "a", "more": "is ignored"})
        ADD.run_many(connection, [{"name": "b", "n": 2}, {"name": "c", "n": 3}])
        changed = RAISE.run(connection, {"k": "b"}).rowcount

    assert changed == 1
    assert ALL.run(connection).fetchall() == [("a", 1), ("b", 12), ("c", 3)]


def test_a_value_that_is_not_given_is_an_error(connection):
    with pytest.raises(KeyError, match="k"):
        RAISE.run(connection, {"name": "a"})


def test_the_first_row_and_its_first_column(connection):
    assert (ALL.first(connection), ALL.number(connection)) == (None, None)
    ADD.run(connection, {"name": "a", "n": 1})

    assert ALL.first(connection) == ("a", 1)
    assert Statement(sa.select(sa.func.max(TABLE.c.n))).number(connection) == 1


def test_a_transaction_that_fails_leaves_nothing_behind(connection):
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        ADD.run_many(connection, [{"name": "a", "n": 1}, {"name": "a", "n": 2}])

    assert ALL.run(connection).fetchall() == []
    with transaction(connection):
        ADD.run(connection, {"name": "a", "n": 1})
    assert ALL.number(connection) == "a"
