"""Answers kept under a client's token, so that a repeated request repeats the answer and not the work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from countenance.store.pool import Connection
from countenance.store.queries import load_queries

_QUERIES = load_queries("countenance.store", "idempotency.sql")


class KeptAnswer(NamedTuple):
    """SHA-256 of the request that the token came with first, its answer as JSON values, its sealed event."""

    input_digest: bytes
    response: Any
    sealed_event: bytes | None


def find(connection: Connection, account_id: str, operation: str, token: str) -> KeptAnswer | None:
    """The answer kept under the token, if any.

    Takes the token's lock until the transaction ends: of two requests with one token the second waits
    for the first, and then finds its answer.
    """
    connection.execute(_QUERIES["lock_token"], {"scope": f"{account_id}/{operation}/{token}"})
    row = connection.execute(
        _QUERIES["find_answer"], {"account_id": account_id, "operation": operation, "token": token}
    ).fetchone()
    return (
        None if row is None else KeptAnswer(bytes(row[0]), row[1], None if row[2] is None else bytes(row[2]))
    )


def save(
    connection: Connection,
    account_id: str,
    operation: str,
    token: str,
    *,
    input_digest: bytes,
    response: Any,
    sealed_event: bytes,
) -> None:
    """Keep the answer under the token, in the same transaction as the work itself.

    Raises:
        UniqueViolation: the token is taken.
    """
    connection.execute(
        _QUERIES["save_answer"],
        {
            "account_id": account_id,
            "operation": operation,
            "token": token,
            "input_digest": input_digest,
            "response": Jsonb(response),
            "sealed_event": sealed_event,
        },
    )


def forget_older_than(connection: Connection, age: timedelta) -> int:
    """Drop the answers kept longer than `age`; how many."""
    return connection.execute(_QUERIES["forget_answers"], {"age": age}).rowcount
