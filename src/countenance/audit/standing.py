"""How the log stands: what waits, what is signed and published, who cosigned, what reconciliation found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from countenance.audit.promises import MAX_LAG_S, MAX_UNPUBLISHED_S
from countenance.store import Connection, load_queries

_QUERIES = load_queries("countenance.audit", "standing.sql")


@dataclass(frozen=True, slots=True)
class Reached:
    """A size of the log, and when it was signed, published or cosigned."""

    size: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What reconciliation put into the log; `log_index` is None until it has its place."""

    log_index: int | None
    members: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The log at one moment, by the database's clock.

    Attributes:
        pending: events without a place in the log yet, as far as they were counted.
        oldest_pending: when the oldest of them was recorded.
        unpublished_since: when the oldest checkpoint was signed that waits for its witnesses.
        cosigned: verifier key → the largest size that this witness has cosigned.
        reconciled: the newest reconciliation.
        alarms: every one that there was among the entries that were read, the newest last.
    """

    origin: str
    size: int
    now: datetime
    pending: int
    oldest_pending: datetime | None
    signed: Reached | None
    published: Reached | None
    unpublished_since: datetime | None
    cosigned: dict[str, Reached]
    reconciled: Finding | None
    alarms: tuple[Finding, ...]

    def age(self, at: datetime) -> timedelta:
        return max(self.now - at, timedelta())

    @property
    def behind(self) -> list[str]:
        """Why a server answers nothing now, in words; empty while the log is within its bounds."""
        waits = [
            ("an event has waited for its place for", self.oldest_pending, MAX_LAG_S),
            ("a checkpoint has waited for its witnesses for", self.unpublished_since, MAX_UNPUBLISHED_S),
        ]
        return [
            f"{what} {self.age(since).total_seconds():.0f} s, over {bound_s:.0f} s"
            for what, since, bound_s in waits
            if since is not None and self.age(since).total_seconds() > bound_s
        ]


def read_standing(
    connection: Connection,
    *,
    witnesses: Iterable[str] = (),
    newest: int | None = None,
    most_pending: int | None = None,
) -> Standing:
    """How the log stands now.

    Args:
        witnesses: verifier keys that are asked about even if they were silent for long.
        newest: of the entries that belong to no account only so many are read, the newest; None reads all of
            them: seconds for a million.
        most_pending: of the events that wait only so many are counted, and looked through for what belongs to
            no account; None counts all. With it the time does not hang on how lately PostgreSQL has cleaned
            up after events that were moved.
    """
    row = connection.execute(_QUERIES["standing"], {"most_pending": most_pending}).fetchone()
    assert row is not None, "the log is open"
    origin, size, now, pending, oldest, signed, signed_at, published, published_at, unpublished = row
    cosigned = connection.execute(_QUERIES["cosigned"], {"witnesses": list(witnesses)}).fetchall()
    findings = [
        Finding(log_index, orjson.loads(bytes(entry)))
        for log_index, entry in connection.execute(
            _QUERIES["statements"], {"newest": newest, "most_pending": most_pending}, binary=True
        ).fetchall()
    ]
    reconciliations = [each for each in findings if each.members.get("kind") == "reconciliation"]
    return Standing(
        origin=origin,
        size=size,
        now=now,
        pending=pending,
        oldest_pending=oldest,
        signed=_reached(signed, signed_at),
        published=_reached(published, published_at),
        unpublished_since=unpublished,
        cosigned={vkey: Reached(cosigned_size, at) for vkey, cosigned_size, at in cosigned},
        reconciled=reconciliations[-1] if reconciliations else None,
        alarms=tuple(each for each in findings if each.members.get("kind") == "alarm"),
    )


def _reached(size: int | None, at: datetime | None) -> Reached | None:
    return None if size is None or at is None else Reached(size, at)
