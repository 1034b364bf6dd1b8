"""One call's changes: begun late, committed once together with the call's event."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

from countenance.store.pool import Connection, Database


class UnitOfWork:
    """At most one transaction, begun when `.connection` is first asked for.

    Used by one thread at a time. Leaving the `with` block without `.commit()` rolls back. After a
    commit or a rollback the next `.connection` begins anew: that is how a refused call's event gets a
    transaction of its own.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._context: AbstractContextManager[Connection] | None = None
        self._connection: Connection | None = None
        self._callbacks: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rollback()

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open (and a connection held)."""
        return self._connection is not None

    @property
    def is_untouched(self) -> bool:
        """Whether a rollback would undo and forget nothing."""
        return self._connection is None and not self._callbacks

    @property
    def connection(self) -> Connection:
        """The transaction's connection.

        Raises:
            StoreUnavailable: no connection in time.
        """
        if self._connection is None:
            context = self._database.transaction()
            self._connection = context.__enter__()
            self._context = context
        return self._connection

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once the transaction is durable; a rollback forgets it."""
        self._callbacks.append(callback)

    def commit(self) -> None:
        """Make everything durable, then run the callbacks in order. Without a transaction: only those.

        Raises:
            StoreUnavailable: the commit failed; callbacks are forgotten.
        """
        context, callbacks = self._context, self._callbacks
        self._forget()
        if context is not None:
            context.__exit__(None, None, None)
        for callback in callbacks:
            callback()

    def rollback(self) -> None:
        """Undo everything; never raises for a connection that is gone, as there is nothing left to undo."""
        context = self._context
        self._forget()
        if context is not None:
            context.__exit__(_RolledBack, _RolledBack(), None)

    def _forget(self) -> None:
        self._context, self._connection, self._callbacks = None, None, []


class _RolledBack(Exception):
    """Tells the transaction's context to roll back."""
