"""An account's own calls as numbers and as bytes: what stays cheap to read however long the log becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from countenance.audit.own_entries import BEHIND_ALL
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


def list_before(
    connection: Connection, account: bytes, *, limit: int, before: int = BEHIND_ALL, first: int = 0
) -> list[tuple[int, bytes]]:
    """Its entries before an index, the newest first: index and bytes; without what commitments open to.

    Args:
        first: none before this index.
    """
    facts = {"account": account, "limit": limit, "before": before, "first": first}
    rows = connection.execute(_QUERIES["list_before"], facts, binary=True).fetchall()
    return [(int(index), bytes(entry)) for index, entry in rows]


def count_around(connection: Connection, account: bytes, *, place: int, first: int = 0) -> tuple[int, int]:
    """How many entries it has from index `place` on, and how many before it, from index `first` on."""
    facts = {"account": account, "place": place, "first": first}
    row = connection.execute(_QUERIES["count_around"], facts).fetchone()
    assert row is not None, "a count has a row"
    return int(row[0]), int(row[1])
