from __future__ import annotations

import uuid

import psycopg
import pytest

from countenance.store import BROKEN, CONTENTION, Database, ForeignKeyViolation, UniqueViolation


def test_contention_is_told_from_a_broken_connection(database: Database):
    """The one may be tried again at once, the other needs a new connection."""
    table = f"t{uuid.uuid4().hex}"
    with database.transaction() as connection:
        connection.execute(f"create table {table} (n int)")
        connection.execute(f"insert into {table} values (1)")
    with database.read() as first:
        first.execute("begin isolation level repeatable read")
        first.execute(f"select n from {table}")
        with database.transaction() as second:
            second.execute(f"update {table} set n = 2")
        with pytest.raises(CONTENTION):
            first.execute(f"update {table} set n = 3")
        first.execute("rollback")
    assert all(issubclass(error, BROKEN) for error in CONTENTION)


def test_broken_constraints_keep_their_own_names(database: Database):
    """They are answers about data, not about the server: layers above turn them into AWS's errors."""
    with pytest.raises(ForeignKeyViolation), database.transaction() as connection:
        connection.execute("insert into terms_acceptance values ('000000000000', 'o', '1')")
    with pytest.raises(UniqueViolation), database.transaction() as connection:
        for _ in range(2):
            connection.execute("insert into account (account_id, name) values ('000000000001', 'twice')")
    assert not issubclass(UniqueViolation, psycopg.OperationalError)
