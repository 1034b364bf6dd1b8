"""Searches that ran, as they were counted where they run, against those that the log tells of.

The log may not tell of more searches than ran: such entries were forged, or counts were lost. It may tell of
fewer. A search that failed afterwards, or was refused when it was to be recorded, has an entry that says so;
one of a process that was killed in between has none, and one whose answer went out past the log has none
either. The last two differ in that the killed process left its file of counts unclosed.

Of an answered entry it is known whether its search ran: all do, but a SearchUsersByImage or an ImportFace of
a photograph without a usable face, which have no threshold in force. Entries are told apart by their bytes:
an entry is canonical JSON, in which `"outcome":"answered"` cannot stand but as that member, and one that was
altered and is no JSON any more must not end the comparison.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from countenance.store import Database, load_queries
from countenance.transparency.canonical import to_time

QUERIES = load_queries("countenance.audit", "reconcile.sql")
_LOOK_AGAIN_S = 0.25
_BATCH = 10_000
_IMPORT = b'"operation":"ImportFace"'
_IDENTIFIES = b'"operation":"IdentifyFace"'
_COLLISIONS = b'"operation":"ReportCollisions"'
_MAY_NOT_SEARCH = (b'"operation":"SearchUsersByImage"', _IMPORT)
"""Without a usable face they look for nobody, and are answered."""
_BEFORE_IT_RAN = {
    b'"error":"ImageTooLargeException"': b"",
    b'"error":"InvalidImageFormatException"': b"",
    b'"error":"InvalidS3ObjectException"': b"",
    b'"error":"InvalidPaginationTokenException"': b"",
    b'"error":"InvalidParameterException"': b'"operation":"SearchFaces"',
    b'"error":"ResourceNotFoundException"': b'"operation":"SearchUsers"',
}
"""Errors that end a search uncounted → the operation that they end counted: it looks for its probe."""


@dataclass(frozen=True, slots=True)
class SearchesRan:
    """What the processes of a server have counted.

    Attributes:
        searches: that ran, ever.
        live_at_once: how many may run at once in the processes that live.
        killed_at_once: how many at most were under way in the processes that were killed, ever.
    """

    searches: int
    live_at_once: int = 0
    killed_at_once: int = 0


@dataclass(frozen=True, slots=True)
class SearchesLogged:
    """What the log tells of, from some entry on.

    Attributes:
        answered: searches that were answered.
        answered_placed: of these, those below the size that the comparison is made at.
        late: of `answered`, those of calls that came before the count was begun.
        ended: calls that policy allowed and that ended without an answer once their search may have run.
        ended_placed: of these, those below that size.
    """

    answered: int
    answered_placed: int
    late: int
    ended: int
    ended_placed: int


@dataclass(frozen=True, slots=True)
class SearchFigures:
    """How the two compare; what a reconciliation hands on to the next.

    Attributes:
        ran: searches counted by now.
        counted_from: what the count was when comparing began.
        since_ms: when that was (Unix time, ms).
        in_flight: how many of the searches counted before that may be answered after it.
        answered: searches answered since then, by entries that had a place in the log.
        unanswered: searches since then that ran and whose caller got no recorded answer.
        ended: of the calls since the last reconciliation, those that ended without an answer once their
            search may have run.
        killed: `killed_at_once` by now.
    """

    ran: int
    counted_from: int
    since_ms: int
    in_flight: int
    answered: int
    unanswered: int
    ended: int
    killed: int


def compare_searches(
    database: Database,
    count_ran: Callable[[], SearchesRan],
    *,
    last: SearchFigures | None,
    after: int,
    size: int,
    patience_s: float,
) -> tuple[SearchFigures, dict[str, Mapping[str, int]]]:
    """The figures now, and the mismatches by name; none at the first comparison, which begins the count.

    Args:
        after: the log's size at the last comparison.
        size: its size now.
        patience_s: how long to wait for the entries of searches under way.
    """
    if last is None:
        return _begin(count_ran()), {}
    first = _logged(database, last, after=after, size=size, until=None)
    ran, now = count_ran(), datetime.now(UTC)
    ran_since = ran.searches - last.counted_from
    told = last.answered + first.answered - min(first.late, last.in_flight)
    if ran.searches < last.ran:
        return _begin(ran), {"counters_lost": {"were": last.ran, "are": ran.searches}}
    if told > ran_since:
        return _begin(ran), {"more_searches_told_than_ran": {"told": told, "ran": ran_since}}
    killed = max(0, ran.killed_at_once - last.killed)
    deadline = time.monotonic() + patience_s
    while True:
        # Of calls that came before the count was read: later ones are not in it.
        latest = _logged(database, last, after=size, size=size, until=now)
        answered = last.answered + first.answered_placed + latest.answered
        ended = first.ended_placed + latest.ended
        unanswered = max(0, ran_since - answered)
        missing = unanswered - last.unanswered - ended - killed
        if missing <= 0 or time.monotonic() >= deadline:
            break
        time.sleep(_LOOK_AGAIN_S)
    figures = SearchFigures(
        ran=ran.searches,
        counted_from=last.counted_from,
        since_ms=last.since_ms,
        in_flight=last.in_flight,
        answered=last.answered + first.answered_placed,
        unanswered=unanswered,
        ended=ended,
        killed=ran.killed_at_once,
    )
    return figures, {"searches_without_a_record": {"searches": missing}} if missing > 0 else {}


def _begin(ran: SearchesRan) -> SearchFigures:
    # INVARIANT: a call of this moment or later has its search counted after `ran` was read.
    now_ms = int(datetime.now(UTC).timestamp() * 1000) + 1
    return SearchFigures(
        ran=ran.searches,
        counted_from=ran.searches,
        since_ms=now_ms,
        in_flight=ran.live_at_once,
        answered=0,
        unanswered=0,
        ended=0,
        killed=ran.killed_at_once,
    )


def _logged(
    database: Database, last: SearchFigures, *, after: int, size: int, until: datetime | None
) -> SearchesLogged:
    since = to_time(datetime.fromtimestamp(last.since_ms / 1000, UTC)).encode()
    latest = to_time(until).encode() if until else b"\xff"  # behind every time
    answered = answered_placed = late = ended = ended_placed = 0
    for is_below, entry in _entries(database, after=after, size=size):
        if not _is_search(entry):
            continue
        if b'"outcome":"answered"' not in entry:
            may_have_run = b'"decision":"allow"' in entry and not _ended_before(entry)
            ended += may_have_run
            ended_placed += may_have_run and is_below
        elif _has_searched(entry) and (at := _time_of(entry)) <= latest:
            answered += 1
            answered_placed += is_below
            late += at < since
    return SearchesLogged(answered, answered_placed, late, ended, ended_placed)


def _entries(database: Database, *, after: int, size: int) -> Iterator[tuple[bool, bytes]]:
    """Every entry from place `after` on and those without a place, in one snapshot; is it below `size`?"""
    with database.transaction() as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        row = connection.execute(QUERIES["end_of_log"]).fetchone()
        assert row is not None, "an aggregate always has a row"
        bounds = sorted({*range(after, row[0], _BATCH), size, row[0]})
        for start, end in pairwise(bound for bound in bounds if bound >= after):
            values = {"start": start, "end": end}
            for (entry,) in connection.execute(QUERIES["entries_between"], values, binary=True):
                yield end <= size, entry
        for (entry,) in connection.execute(QUERIES["waiting_entries"], binary=True):
            yield False, entry


def _is_search(entry: bytes) -> bool:
    is_one = (b'"operation":"Search' in entry and b'"service":"rekognition"' in entry) or any(
        each in entry for each in (_IMPORT, _IDENTIFIES, _COLLISIONS)
    )
    return is_one and b'"replay":true' not in entry


def _has_searched(entry: bytes) -> bool:
    return b'"in_force":' in entry or not any(name in entry for name in _MAY_NOT_SEARCH)


def _ended_before(entry: bytes) -> bool:
    """Whether it ended before its search was counted: such a call explains no count without an answer."""
    return any(
        error in entry and not (counted and counted in entry) for error, counted in _BEFORE_IT_RAN.items()
    )


def _time_of(entry: bytes) -> bytes:
    return entry.partition(b'"time":"')[2][:24]
