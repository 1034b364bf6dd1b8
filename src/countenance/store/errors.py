"""What a layer above may catch from the database, without importing psycopg."""

from __future__ import annotations

from psycopg import InterfaceError, OperationalError
from psycopg.errors import (
    DeadlockDetected,
    ForeignKeyViolation,
    LockNotAvailable,
    SerializationFailure,
    UniqueViolation,
)

from countenance.errors import CountenanceError

__all__ = [
    "BROKEN",
    "CONTENTION",
    "ForeignKeyViolation",
    "KeyMissing",
    "StoreUnavailable",
    "UniqueViolation",
]

CONTENTION = (DeadlockDetected, LockNotAvailable, SerializationFailure)
"""Transactions stood in each other's way and this one was sacrificed, or waited no longer: it may be tried
again.
"""
BROKEN = (OperationalError, InterfaceError)
"""The connection or the server gave out; CONTENTION is among these for psycopg, so catch it first."""


class StoreUnavailable(CountenanceError):
    """The database cannot be reached, has no connection free in time, or broke off; the cause is chained."""


class KeyMissing(CountenanceError):
    """No key for that collection: it was destroyed, and what it sealed is beyond recovery."""
