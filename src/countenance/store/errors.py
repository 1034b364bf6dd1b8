"""What a layer above may catch from the database, without importing psycopg."""

from __future__ import annotations

from psycopg.errors import ForeignKeyViolation, UniqueViolation

from countenance.errors import CountenanceError

__all__ = ["ForeignKeyViolation", "KeyMissing", "StoreUnavailable", "UniqueViolation"]


class StoreUnavailable(CountenanceError):
    """The database cannot be reached, has no connection free in time, or broke off; the cause is chained."""


class KeyMissing(CountenanceError):
    """No key for that collection: it was destroyed, and what it sealed is beyond recovery."""
