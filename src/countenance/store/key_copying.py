"""Keys are not destroyed while somebody copies those that a snapshot of the database needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from countenance.store.pool import Database

KEYS_LOCK = 0x436F756E744B6579  # "CountKey": any fixed number that nothing else uses


@contextmanager
def keeping_keys(database: Database) -> Iterator[None]:
    """Until the context ends nobody destroys keys for templates that were replaced (gallery/finality.py).

    Any number of copies at once; who destroys waits for all of them, and who copies for who destroys.
    """
    with database.transaction() as connection:
        connection.execute("set local idle_in_transaction_session_timeout = 0")
        connection.execute("select pg_advisory_xact_lock_shared(%s)", (KEYS_LOCK,))
        yield
