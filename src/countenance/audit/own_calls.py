"""An account's own calls as numbers and as bytes: what stays cheap to read however long the log becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from countenance.store import Connection, load_queries

_QUERIES = load_queries("countenance.audit", "own_calls.sql")


@dataclass(frozen=True, slots=True)
class DayOfCalls:
    """Calls that were recorded on a day of UTC, by outcome; none of an outcome that is missing."""

    day: date
    calls: dict[str, int] = field(default_factory=dict)


def list_days(connection: Connection, account: bytes, *, days: int) -> list[DayOfCalls]:
    """The last so many days, today's the last: those without a call among them.

    Args:
        account: its pseudonym.
    """
    row = connection.execute(_QUERIES["today"]).fetchone()
    assert row is not None, "a value has a row"
    today: date = row[0]
    found = {(day := today - timedelta(days=back)): DayOfCalls(day) for back in range(days - 1, -1, -1)}
    for day, outcome, calls in connection.execute(
        _QUERIES["list_days"], {"account": account, "days": days}
    ).fetchall():
        if day in found:  # midnight may have passed between the two readings
            found[day].calls[outcome] = int(calls)
    return list(found.values())


def list_newest(connection: Connection, account: bytes, *, limit: int) -> list[bytes]:
    """Its newest entries, byte for byte, the newest first; without what their commitments open to."""
    facts = {"account": account, "limit": limit}
    rows = connection.execute(_QUERIES["list_newest"], facts, binary=True).fetchall()
    return [bytes(row[0]) for row in rows]
