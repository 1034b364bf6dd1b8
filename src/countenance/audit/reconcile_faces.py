"""Faces that there are now, against those that there were, what galleries noted and what the log tells.

A face that is removed by hand leaves no change and no entry: only its absence. So every collection's faces
are counted, and what was enrolled and deleted since the last count must explain the difference. The deletion
of a collection notes no change of its faces: collections that are gone are compared by their number alone,
with the entries that tell of their making and their deletion. And each transaction that deleted faces has to
tell of as many as it deleted.

Exact, whatever runs beside it: both counts are of one snapshot each, and what lies between is what the second
snapshot sees and the first does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from countenance.store import Connection, Database, load_queries

_QUERIES = load_queries("countenance.audit", "reconcile_faces.sql")
_FOLLOWED_S = 23.75 * 3600
"""Changes of galleries are kept for 24 h: after a longer pause nobody knows what lies between."""

CHANGED = "faces_changed_past_the_log"


@dataclass(frozen=True, slots=True)
class FaceCount:
    """Every collection's faces at one moment.

    Attributes:
        snapshot: what the count saw, as PostgreSQL writes it.
        at: when, by the database's clock (Unix time, s).
        size: the place behind the log's last entry then.
        faces: collection → how many.
    """

    snapshot: str
    at: float
    size: int
    faces: Mapping[str, int]

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal: what the log keeps of the count, so that it cannot be altered in between."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def compare_faces(
    database: Database, last: FaceCount | None, *, longest_s: float = _FOLLOWED_S
) -> tuple[FaceCount, dict[str, int], dict[str, Mapping[str, int]]]:
    """The count now, its sums and whether it was `compared` with the last, and the mismatches by name.

    Args:
        last: the last count; None if there was none: comparing begins here.
        longest_s: how long ago the last may have been.
    """
    with _one_snapshot(database) as connection:
        row = connection.execute(_QUERIES["snapshot"]).fetchone()
        assert row is not None, "an aggregate always has a row"
        counted = dict(connection.execute(_QUERIES["count_faces"]).fetchall())
        now = FaceCount(str(row[0]), float(row[1]), int(row[2]), counted)
        sums = {"collections": len(counted), "faces": sum(counted.values()), "compared": 0}
        if last is None or now.at - last.at > longest_s or not _can_follow(connection, last):
            return now, sums, {}
        net = dict(connection.execute(_QUERIES["net_changes"], {"snapshot": last.snapshot}).fetchall())
        differing = [
            count - last.faces.get(collection, 0) - net.get(collection, 0)
            for collection, count in now.faces.items()
        ]
        values = {"snapshot": last.snapshot, "size": last.size}
        told = connection.execute(_QUERIES["told_and_done"], values).fetchone()
        assert told is not None, "an aggregate always has a row"
    untold, not_done, created, deleted = map(int, told)
    collections = len(now.faces) - len(last.faces) - created + deleted
    figures = {
        "faces_missing": -sum(each for each in differing if each < 0),
        "faces_added": sum(each for each in differing if each > 0),
        "collections_missing": max(0, -collections),
        "collections_added": max(0, collections),
        "deletions_not_told": untold,
        "deletions_not_done": not_done,
    }
    found = {name: count for name, count in figures.items() if count}
    return now, sums | {"compared": 1}, {CHANGED: found} if found else {}


def _can_follow(connection: Connection, last: FaceCount) -> bool:
    row = connection.execute(_QUERIES["can_follow"], {"snapshot": last.snapshot}).fetchone()
    return row is not None and bool(row[0])


@contextmanager
def _one_snapshot(database: Database) -> Iterator[Connection]:
    with database.transaction() as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        yield connection
