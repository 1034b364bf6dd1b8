"""The record of every call. What is not committed here is not answered."""

from __future__ import annotations

import os
import uuid
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from countenance.audit.event import Event
from countenance.store import Connection, load_queries

_QUERIES = load_queries("countenance.audit", "queries.sql")
_FIELDS = tuple(field.name for field in fields(Event))


def record(connection: Connection, event: Event) -> None:
    """Write the event in the caller's transaction: durable when that commits.

    Raises:
        UniqueViolation: the event was recorded already.
        StoreUnavailable: the connection broke off (raised by the transaction's context).
    """
    connection.execute(_QUERIES["record_event"], _values(event))


def record_in_force(connection: Connection, event: Event, *, standing: str) -> bool:
    """Write the event, as `record` does, only if its key and its account's standing still hold.

    One statement: there is no moment between the check and the record. False, and nothing written,
    when the key was revoked or the standing is no longer `standing`.
    """
    return (
        connection.execute(
            _QUERIES["record_event_in_force"], _values(event) | {"standing": standing}
        ).rowcount
        == 1
    )


def record_change(
    connection: Connection, operation: str, *, account_id: str, resource: str | None = None
) -> uuid.UUID:
    """Record an administrative change, made on the machine itself and so decided by no policy.

    The operator is the machine's user, by number: `uid:0`.
    """
    event_id = uuid.uuid4()
    event = Event(
        event_id=event_id,
        at=datetime.now(UTC),
        request_id=str(event_id),
        service="countenance",
        operation=operation,
        decision="none",
        outcome="answered",
        account_id=account_id,
        operator=f"uid:{os.getuid()}",
        resource=resource,
    )
    record(connection, event)
    return event_id


def list_events(connection: Connection, account_id: str, *, limit: int = 100) -> list[Event]:
    """The account's latest events, newest first."""
    rows = connection.execute(_QUERIES["list_events"], {"account_id": account_id, "limit": limit}).fetchall()
    return [_to_event(row) for row in rows]


def _values(event: Event) -> dict[str, Any]:
    values = {name: _storable(getattr(event, name)) for name in _FIELDS}
    return values | {"rule_ids": list(event.rule_ids)}


def _storable(value: Any) -> Any:
    """PostgreSQL's text holds no NUL; what a caller sent with one is recorded all the same."""
    return value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def _to_event(row: tuple[object, ...]) -> Event:
    values = dict(zip(_FIELDS, row, strict=True))
    values["rule_ids"] = tuple(values["rule_ids"])  # type: ignore[arg-type]  # text[] arrives as a list
    return Event(**values)  # type: ignore[arg-type]  # the query selects the fields in their order
