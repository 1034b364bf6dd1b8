"""Waiting for transactions that began before something changed."""

from __future__ import annotations

import time
from typing import Final

from countenance.errors import ThrottlingException
from countenance.store.pool import Database
from countenance.store.queries import load_queries

_QUERIES = load_queries("countenance.store", "writers.sql")
_LOOK_AGAIN_S: Final = 0.05
WRITERS_END_S: Final = 300.0


def wait_for_writers(database: Database, *, within_s: float = WRITERS_END_S) -> None:
    """Return when every transaction has ended that was given its number before this call.

    By their transactions and not by a lock: writers that overlap would keep us from one for good.

    Raises:
        ThrottlingException: one of them does not end.
    """
    with database.read() as connection:
        ours = connection.execute(_QUERIES["new_transaction"]).fetchone()
        assert ours is not None
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            ended = connection.execute(_QUERIES["have_ended"], {"transaction_id": ours[0]}).fetchone()
            if ended is not None and ended[0]:
                return
            time.sleep(_LOOK_AGAIN_S)
    raise ThrottlingException("a transaction that began before does not end; try again")
