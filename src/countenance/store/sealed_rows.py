"""Small secrets in the database, each sealed by a master key and bound to its row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from countenance.store.errors import CONTENTION
from countenance.store.pool import Database

ROWS_AT_ONCE: Final = 500
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Where the database has what `KeyStore.seal` made.

    Attributes:
        key: the table's primary key, a text.
        context_of: from that to what the value is bound to.
    """

    table: str
    key: str
    column: str
    context_of: Callable[[str], bytes]


class SealedRows:
    """Reads and replaces what is in such columns. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, column: SealedColumn) -> Iterator[tuple[str, bytes]]:
        """All of them, in the order of their keys: no transaction stays open between batches."""
        after = ""
        while True:
            with self._database.read() as connection:
                rows = connection.execute(
                    _statement(_READ, column), {"after": after, "limit": ROWS_AT_ONCE}, binary=True
                ).fetchall()
            yield from ((key, bytes(sealed)) for key, sealed in rows)
            if len(rows) < ROWS_AT_ONCE:
                return
            after = rows[-1][0]

    def replace(self, column: SealedColumn, changes: list[tuple[str, bytes, bytes]]) -> None:
        """Of each its key, what was sealed, and what is to be; what changed meanwhile stays so."""
        keys, before, after = map(list, zip(*changes, strict=True))
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self._database.transaction() as connection:
                    connection.execute(
                        _statement(_WRITE, column), {"keys": keys, "before": before, "after": after}
                    )
            except CONTENTION:
                if attempt == _ATTEMPTS:
                    raise
            else:
                return


_READ: Final = """
select {key}, {column} from {table}
where {key} > %(after)s and {column} is not null
order by {key} limit %(limit)s
"""
# What was changed or deleted meanwhile stays so.
_WRITE: Final = """
update {table} set {column} = given.after
from unnest(%(keys)s::text[], %(before)s::bytea[], %(after)s::bytea[]) as given (key, before, after)
where {table}.{key} = given.key and {table}.{column} = given.before
"""


def _statement(text: str, column: SealedColumn) -> sql.Composed:
    return sql.SQL(text).format(
        table=sql.Identifier(column.table),
        key=sql.Identifier(column.key),
        column=sql.Identifier(column.column),
    )
