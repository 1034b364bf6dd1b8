"""A quota on rows of a collection, without counting at every write.

Counting a large collection takes seconds, and a counter row would make every writer wait for every
other's disk. But a collection cannot grow faster than a database commits: after a count that left much
room, none is needed until that room could have been filled. Near the quota, writers take turns and
each counts, so that it is kept exactly.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

from countenance.errors import AccessDeniedException, ServiceQuotaExceededException
from countenance.gallery.changing import QUERIES
from countenance.gallery.records import Collection
from countenance.store import Connection

_FASTEST_GROWTH_PER_S = 50_000
"""Rows a second, several times what a database commits with templates in them."""
_NEAR = 100_000
"""With less room than this, every write counts."""


class Quota:
    """One kind of row. Thread-safe; each process keeps its own memory of what it counted."""

    def __init__(
        self,
        limit: int,
        *,
        noun: str,
        query: str,
        lock: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`query` counts a collection's rows; `lock` tells this quota's turns from another's."""
        self._limit = limit
        self._noun = noun
        self._query = query
        self._lock = lock
        self._clock = clock
        self._mutex = threading.Lock()
        self._safe: dict[uuid.UUID, tuple[float, int]] = {}
        """Until when a collection need not be counted, and for which limit that was worked out."""

    def begin(self, connection: Connection, collection: Collection, *, limit: int | None = None) -> bool:
        """Before rows are added: whether `require` must be asked afterwards (then this waits its turn).

        Args:
            limit: of this collection, where it is less than that of all.
        """
        most = self._limit if limit is None else min(limit, self._limit)
        with self._mutex:
            until, worked_out_for = self._safe.get(collection.collection_id, (0.0, 0))
            if self._clock() < until and most >= worked_out_for:
                return False
        counted_at = self._clock()
        room = most - self._count(connection, collection) - _NEAR
        if room > 0:
            with self._mutex:
                until = counted_at + room / _FASTEST_GROWTH_PER_S
                self._safe[collection.collection_id] = until, most
            return False
        connection.execute(
            QUERIES["serialize_near_quota"],
            {"kind": self._lock, "collection_id": collection.collection_id},
        )
        return True

    def require(self, connection: Connection, collection: Collection, *, limit: int | None = None) -> None:
        """After rows were added.

        Raises:
            AccessDeniedException: now there are more than the collection's own limit.
            ServiceQuotaExceededException: now there are more than the quota.
        """
        count = self._count(connection, collection)
        if limit is not None and limit < count <= self._limit:
            raise AccessDeniedException(
                f"CAP-001: the collection would have {count} {self._noun}, and its charter allows {limit}; "
                "delete some, or justify a collection with a larger cap"
            )
        if count > self._limit:
            raise ServiceQuotaExceededException(
                f"the collection `{collection.name}` would have more than {self._limit} {self._noun}"
            )

    def forget(self, collection_id: uuid.UUID) -> None:
        """The collection was deleted."""
        with self._mutex:
            self._safe.pop(collection_id, None)

    def _count(self, connection: Connection, collection: Collection) -> int:
        row = connection.execute(QUERIES[self._query], {"collection_id": collection.collection_id}).fetchone()
        assert row is not None
        return int(row[0])
