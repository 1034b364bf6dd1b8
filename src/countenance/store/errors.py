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

from countenance.errors import CountenanceError, SetupError

__all__ = [
    "BROKEN",
    "CONTENTION",
    "ForeignKeyViolation",
    "KeyMissing",
    "KeyServiceError",
    "RotationRuns",
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


class KeyServiceError(SetupError):
    """The key management service did not open or make a master key; the message names its key."""

    def again(self) -> KeyServiceError:
        """The same to be kept, or raised once more: without the frames that it came through."""
        return KeyServiceError(self.problem, remedy=self.remedy)


class RotationRuns(SetupError):
    """Another process is replacing the master key."""
