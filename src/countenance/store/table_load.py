"""Dumped tables into an empty database, in one transaction: all of them are there, or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg import sql

from countenance.errors import SetupError
from countenance.store.pool import Connection, Database
from countenance.store.queries import load_queries

_QUERIES = load_queries("countenance.store", "tables.sql")


def find_table(database: Database) -> str | None:
    """A table that the database has; None if it is empty."""
    with database.read() as connection:
        row = connection.execute(_QUERIES["find_anything"]).fetchone()
    return None if row is None else str(row[0])


@contextmanager
def loading(database: Database) -> Iterator[Loading]:
    """Tables of a migrated database, emptied and open for rows; complete when the context ends, or as before.

    References between them are checked at the end, as tables refer to each other in circles.

    Raises:
        SetupError: rows do not fit the tables or one another, or the disk is full.
        StoreUnavailable: the database does not answer, or broke off.
    """
    with database.transaction() as connection:
        connection.execute("set local idle_in_transaction_session_timeout = 0")
        connection.execute("set local statement_timeout = 0")
        try:
            loaded = Loading(connection)
            yield loaded
            loaded.finish()
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.UndefinedTable) as error:
            raise SetupError(
                f"what was dumped does not fit the database: {_first_line(error)}",
                remedy="restore another backup; this one does not hold together",
            ) from error
        except psycopg.errors.DiskFull as error:
            raise SetupError(
                "the database's disk is full", remedy="free some space and restore again"
            ) from error


class Loading:
    """Rows on their way into the tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = {name: set(columns) for name, columns in connection.execute(_QUERIES["list_tables"])}
        self._references = connection.execute(_QUERIES["list_references"]).fetchall()
        for table, name, _ in self._references:
            self._alter("alter table {} drop constraint {}", table, name)
        for table in self._tables:
            # What a trigger did when the rows were written is in the dump.
            self._alter("alter table {} disable trigger user", table)
        names = sql.SQL(", ").join(map(sql.Identifier, self._tables))
        connection.execute(sql.SQL("truncate {}").format(names))

    def table(self, name: str, columns: Iterable[str], pieces: Iterable[bytes]) -> int:
        """Load one table; how many rows there were.

        Raises:
            SetupError: the database has no such table or columns.
        """
        columns = list(columns)
        if not set(columns) <= self._tables.get(name, set()):
            raise SetupError(
                f"the database has no table `{name}` as it was dumped",
                remedy="restore it with the version of Countenance that made the backup",
            )
        statement = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for piece in pieces:
                    copy.write(piece)
            return cursor.rowcount

    def sequences(self, values: Mapping[str, int]) -> None:
        """Go on with numbers where the dumped database was."""
        for name, value in values.items():
            self._connection.execute(_QUERIES["set_sequence"], {"name": name, "value": value})

    def finish(self) -> None:
        """Check every reference, and let triggers work again."""
        for table, name, definition in self._references:
            statement = sql.SQL("alter table {} add constraint {} ").format(
                *map(sql.Identifier, (table, name))
            )
            self._connection.execute(statement + sql.SQL(definition))
        for table in self._tables:
            self._alter("alter table {} enable trigger user", table)

    def _alter(self, statement: LiteralString, *names: str) -> None:
        self._connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _first_line(error: psycopg.Error) -> str:
    """Without the detail, which quotes rows."""
    return (error.diag.message_primary or type(error).__name__).strip()
