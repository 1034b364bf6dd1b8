"""Tells metrics, and whoever supervises the sequencer, how the log stands.

Read from the database and not told by the sequencer, so that what waits is seen to wait when no
sequencer runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from countenance.store import Connection, Database, StoreUnavailable, load_queries
from countenance.telemetry import Metrics

_QUERIES = load_queries("countenance.audit", "watch.sql")
_EVERY_S = 5.0
_STOP_TIMEOUT_S = 2.0

Heed = Callable[[int, float | None], None]
"""Told the log's size and when the oldest event that waits was recorded (Unix time, s; None: none waits)."""


@contextmanager
def watching_log(
    database: Database, metrics: Metrics, *, witnesses: Mapping[str, str], heed: Heed | None = None
) -> Iterator[None]:
    """Tell `metrics` every few seconds, from a thread of its own, for as long as the context lasts.

    A database that does not answer is asked again later. Nothing is asked for metrics that are off, unless
    somebody else heeds.

    Args:
        witnesses: verifier key → the name that metrics know the witness by.
        heed: told as well.
    """
    if not metrics.is_on and heed is None:
        yield
        return
    stop = threading.Event()
    look = LogWatch(database, metrics, witnesses=witnesses, heed=heed)

    def watch() -> None:
        while True:
            with suppress(StoreUnavailable):
                look()
            if stop.wait(_EVERY_S):
                return

    watching = threading.Thread(target=watch, name="watch log", daemon=True)
    watching.start()
    try:
        yield
    finally:
        stop.set()
        watching.join(_STOP_TIMEOUT_S)


class LogWatch:
    """Tells `metrics` and `heed`, once for each call, how the log stands now. For one thread."""

    def __init__(
        self, database: Database, metrics: Metrics, *, witnesses: Mapping[str, str], heed: Heed | None = None
    ) -> None:
        """As `watching_log`."""
        self._database = database
        self._metrics = metrics
        self._witnesses = witnesses
        self._heed = heed
        self._alarms = 0
        self._last_index = -1

    def __call__(self) -> None:
        """Look and tell.

        Raises:
            StoreUnavailable: the database does not answer; nothing is told.
        """
        with self._database.read() as connection:
            row = connection.execute(_QUERIES["figures"]).fetchone()
            cosigned = connection.execute(_QUERIES["cosigned"]).fetchall()
            self._count_alarms(connection)
        assert row is not None, "an aggregate always has a row"
        size, pending, oldest_at, signed_at, published_at = row
        if self._heed is not None:
            self._heed(size or 0, oldest_at)
        metrics = self._metrics
        metrics.pending(entries=pending, oldest_at=oldest_at)
        metrics.log_has(size=size or 0)
        metrics.log_alarms(self._alarms)
        if signed_at is not None:
            metrics.checkpoint_signed(at=signed_at)
        if published_at is not None:
            metrics.checkpoint_published(at=published_at)
        for vkey, cosigned_size, at in cosigned:
            if vkey in self._witnesses:
                metrics.cosigned(self._witnesses[vkey], size=cosigned_size, at=at)

    def _count_alarms(self, connection: Connection) -> None:
        """Of the entries since the last look: only the first look is at all of them."""
        row = connection.execute(_QUERIES["alarms"], {"after": self._last_index}).fetchone()
        if row is not None and row[1] is not None:
            self._alarms += row[0]
            self._last_index = row[1]
