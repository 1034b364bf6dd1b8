"""procrastinate's own statements on a connection of ours, in the transaction that is open on it."""

from __future__ import annotations

from typing import Any, LiteralString

from procrastinate.connector import BaseConnector
from procrastinate.sync_psycopg_connector import wrap_exceptions
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from countenance.store.pool import Connection


class OneConnection(BaseConnector):
    """For `procrastinate.manager.JobManager`; used within `in_schema`, by one thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get_sync_connector(self) -> BaseConnector:
        return self

    def execute_query(self, query: LiteralString, **arguments: Any) -> None:
        with wrap_exceptions():
            self._connection.execute(query, _adapted(arguments))

    def execute_query_one(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        return self.execute_query_all(query, **arguments)[0]

    def execute_query_all(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        with wrap_exceptions(), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, _adapted(arguments)).fetchall()


def _adapted(value: Any) -> Any:
    """JSON inside of what procrastinate passes, marked as such; its records are tuples."""
    match value:
        case dict():
            return {name: _as_json(each) for name, each in value.items()}
        case _:
            return value


def _as_json(value: Any) -> Any:
    match value:
        case dict():
            return Jsonb(value)
        case list():
            return [_as_json(each) for each in value]
        case tuple():
            return tuple(_as_json(each) for each in value)
        case _:
            return value
