"""Every table of ours as text, out of one snapshot of a database that goes on being written to.

Text and not PostgreSQL's binary form: what one major version writes any other reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from countenance.store.pool import Connection, Database
from countenance.store.queries import load_queries

QUERIES = load_queries("countenance.store", "tables.sql")


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, without those that are computed; `rows`: how many it has."""

    name: str
    columns: tuple[str, ...]
    rows: int


@contextmanager
def one_snapshot(database: Database) -> Iterator[Connection]:
    """A connection on which everything is as at one moment, for as long as it takes.

    Raises:
        StoreUnavailable: the database does not answer, or broke off.
    """
    with database.transaction() as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local idle_in_transaction_session_timeout = 0")
        connection.execute("set local statement_timeout = 0")
        # from the first row on, so that what is unchanged reads the same again
        connection.execute("set local synchronize_seqscans = off")
        connection.execute("select pg_current_snapshot()")  # and now the moment is fixed
        yield connection


def list_tables(connection: Connection) -> list[Table]:
    """What there is to dump, by name."""
    found = connection.execute(QUERIES["list_tables"]).fetchall()
    tables = []
    for name, columns in found:
        counted = connection.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier(name))
        ).fetchone()
        assert counted is not None, "an aggregate always has a row"
        tables.append(Table(name, tuple(columns), int(counted[0])))
    return tables


def read_rows(connection: Connection, table: Table) -> Iterator[bytes]:
    """The table's rows in COPY's text form, in pieces; a row is a line."""
    statement = sql.SQL("copy {} ({}) to stdout").format(*_named(table))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for piece in copy:
            yield bytes(piece)


def list_sequences(connection: Connection) -> dict[str, int]:
    """The last number of each sequence that was used: no snapshot has these, so ask after the rows."""
    return dict(connection.execute(QUERIES["list_sequences"]).fetchall())


def list_applied(connection: Connection) -> list[tuple[int, str, str]]:
    """Number, name and digest (hexadecimal) of every migration that was applied."""
    return [tuple(row) for row in connection.execute(QUERIES["list_migrations"]).fetchall()]


def _named(table: Table) -> tuple[sql.Identifier, sql.Composed]:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    return sql.Identifier(table.name), columns
