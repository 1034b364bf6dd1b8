"""What a server tidies up by itself, hourly: nothing that an answer depends on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import click

from countenance.store import Database, StoreUnavailable, idempotency

_EVERY_S = 3600.0
TOKENS_KEPT = timedelta(days=7)
"""As long as AWS keeps the tokens of its video jobs; of these operations it says nothing."""


class Housekeeping:
    """Called often, works once an hour. A database that does not answer is tried an hour later."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._next_s = clock()

    def __call__(self) -> None:
        if self._clock() < self._next_s:
            return
        self._next_s = self._clock() + _EVERY_S
        try:
            with self._database.transaction() as connection:
                idempotency.forget_older_than(connection, TOKENS_KEPT)
        except StoreUnavailable as error:
            click.echo(f"housekeeping put off: {error}", err=True)
