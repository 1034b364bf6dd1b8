"""Where in the log a time begins and ends: so that a date far back is gone to, and not searched for.

The log is in the order in which events were committed; an entry's time is when its call began, by the clock
of the server that took it. So times rise along the log, but not exactly: a call that takes long stands behind
shorter ones that began after it, and the clocks of two servers differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from countenance.store import Connection, load_queries
from countenance.transparency.canonical import to_time

OUT_OF_ORDER: Final = timedelta(minutes=30)
"""An entry's time is at most so much before that of an entry that it stands behind.

Ten minutes are the clocks of two servers: one that is five minutes off finds every signature wrong
(`sigv4.MAX_SKEW`), and answers nobody. The rest is the longest call. What a clock did that was worse, in a
few entries together, is not found by a time that is asked for, and is there in every list without one.
"""
_LOOKED_AT: Final = 9
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_QUERIES = load_queries("countenance.audit", "log_times.sql")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the log, outside of which an account has no entry of a time that was asked for.

    Attributes:
        first: the index of its first entry there; None if the time has no beginning.
        last: of its last; None if it has no end.
    """

    first: int | None = None
    last: int | None = None


def find_stretch(
    connection: Connection, account: bytes, *, since: datetime | None, before: datetime | None
) -> Stretch | None:
    """The stretch of an account's entries from `since` on, and before `before`; None if there is none.

    Both ends are entries of that time; between them may be others. It takes a few dozen looks, and reads what
    the account did within OUT_OF_ORDER of each end.

    Args:
        account: its pseudonym.
    """
    first = None if since is None else _first(connection, account, since)
    last = None if before is None else _last(connection, account, before)
    is_empty = (since is not None and first is None) or (before is not None and last is None)
    if is_empty or (first is not None and last is not None and first > last):
        return None
    return Stretch(first, last)


def _first(connection: Connection, account: bytes, since: datetime) -> int | None:
    # What was looked at was earlier than OUT_OF_ORDER before, so nothing in front of it can be of the time.
    return _find(connection, "first_from", account, since, _place(connection, since, -OUT_OF_ORDER))


def _last(connection: Connection, account: bytes, before: datetime) -> int | None:
    # Likewise behind it: and the middle one of those looked at may have been any of them.
    place = _place(connection, before, OUT_OF_ORDER) + _LOOKED_AT
    return _find(connection, "last_before", account, before, place)


def _place(connection: Connection, at: datetime, apart: timedelta) -> int:
    facts = {"time": to_time(_shifted(at, apart)).encode(), "looked_at": _LOOKED_AT}
    row = connection.execute(_QUERIES["place_of_time"], facts).fetchone()
    assert row is not None, "an aggregate has a row"
    return int(row[0])


def _find(connection: Connection, query: str, account: bytes, at: datetime, place: int) -> int | None:
    facts = {"account": account, "time": _not_before(at).encode(), "place": place}
    row = connection.execute(_QUERIES[query], facts).fetchone()
    return None if row is None else int(row[0])


def _not_before(at: datetime) -> str:
    """The first time that an entry can have and that is not before `at`: to the millisecond."""
    cut = to_time(at)
    return cut if at.microsecond % 1000 == 0 else to_time(_shifted(at, timedelta(milliseconds=1)))


def _shifted(at: datetime, apart: timedelta) -> datetime:
    try:
        return at + apart
    except OverflowError:  # at an end of the calendar, which is as good
        return _LATEST if apart > timedelta() else _EARLIEST
