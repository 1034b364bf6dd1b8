"""How accounts change: in a call's own transaction, or in one of ours with an event of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from countenance.audit import AuditLog
from countenance.errors import ResourceNotFoundException
from countenance.store import Connection, Database, KeyStore, load_queries

QUERIES = load_queries("countenance.accounts", "queries.sql")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something about an account.

    Attributes:
        name: an officer, an operator, a detector; for the log, and for people who read why.
        connection: the transaction of the call that does it; None on the command line, which commits at once.
        event_id: that call's event.
        account_id: the account of that call: its event tells of changes to this account.
        note: tells that event what was changed.
        operator_id: of the person whose key it is; None of any other.
    """

    name: str
    connection: Connection | None = None
    event_id: UUID | None = None
    account_id: str | None = None
    note: Callable[[str], None] | None = None
    operator_id: str | None = None

    @property
    def is_machine(self) -> bool:
        """Whether it is done on the server's own machine, and not by a call."""
        return self.connection is None


class Changing:
    """Opens the transaction of a change and records it. Thread-safe.

    A change to the caller's own account is told by the call's event. A change to any other account leaves an
    event of that account as well, so that it stands in the account's own log.
    """

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self.database = database
        self.audit = AuditLog(keys)

    @contextmanager
    def __call__(
        self, operation: str, account_id: str, actor: Actor, *, resource: str | None = None, **told: Any
    ) -> Iterator[Connection]:
        """The transaction of one change of one account.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        if actor.connection is None:
            with self.database.transaction() as own:
                yield own
                self.record(own, operation, account_id, actor, resource=resource, **told)
            return
        yield actor.connection
        if actor.note is not None and resource is not None:
            actor.note(resource)
        if actor.account_id != account_id:
            self.record(actor.connection, operation, account_id, actor, resource=resource, **told)

    def reading(self, actor: Actor) -> AbstractContextManager[Connection]:
        """A connection that sees what the actor's own call has changed so far."""
        return self.database.read() if actor.connection is None else nullcontext(actor.connection)

    def record(
        self,
        connection: Connection,
        operation: str,
        account_id: str,
        actor: Actor,
        *,
        resource: str | None = None,
        **told: Any,
    ) -> UUID:
        """An event of the account that something was done to."""
        return self.audit.record_change(
            connection,
            operation,
            account_id=account_id,
            resource=resource,
            operator=None if actor.connection is None and not told.get("named") else actor.name,
            previous=actor.event_id,
            **{name: value for name, value in told.items() if name != "named"},
        )


def no_account(account_id: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"there is no account `{account_id}`")
