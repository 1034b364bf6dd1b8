"""What a server tidies up by itself, hourly: nothing that an answer depends on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import click

from countenance.store import Database, KeyStore, StoreUnavailable, idempotency

_EVERY_S = 3600.0
_SETTLED_S = 3600.0
TOKENS_KEPT = timedelta(days=7)
"""As long as AWS keeps the tokens of its video jobs; of these operations it says nothing."""


class Housekeeping:
    """Called often, works once an hour. A database that does not answer is tried an hour later."""

    def __init__(
        self, database: Database, keys: KeyStore, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._next_s = clock()

    def __call__(self) -> None:
        if self._clock() < self._next_s:
            return
        self._next_s = self._clock() + _EVERY_S
        try:
            self._forget_tokens()
            self._destroy_abandoned_keys()
        except StoreUnavailable as error:
            click.echo(f"housekeeping put off: {error}", err=True)

    def _forget_tokens(self) -> None:
        with self._database.transaction() as connection:
            idempotency.forget_older_than(connection, TOKENS_KEPT)

    def _destroy_abandoned_keys(self) -> None:
        """A crash after DeleteCollection's commit must not leave its sealed rows with a key."""
        with self._database.read() as connection:
            known = {row[0] for row in connection.execute("select collection_id from collection").fetchall()}
        for collection in self._keys.abandoned(known, older_than_s=_SETTLED_S):
            self._keys.destroy_collection_key(collection)
