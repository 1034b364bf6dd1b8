"""The only door to the database and the key store."""

from countenance.store.arrays import BytesArray, FloatArray, UuidArray
from countenance.store.directory_lock import directory_lock
from countenance.store.errors import (
    BROKEN,
    CONTENTION,
    ForeignKeyViolation,
    KeyMissing,
    StoreUnavailable,
    UniqueViolation,
)
from countenance.store.key_binding import require_same_keys
from countenance.store.key_copying import KEYS_LOCK, keeping_keys
from countenance.store.keys import KeyStore
from countenance.store.migrate import migrate
from countenance.store.pool import Connection, Database
from countenance.store.postgres import EmbeddedPostgres
from countenance.store.queries import Queries, load_queries
from countenance.store.tombstones import Tombstones
from countenance.store.unit_of_work import UnitOfWork

__all__ = [
    "BROKEN",
    "CONTENTION",
    "BytesArray",
    "KEYS_LOCK",
    "Connection",
    "Database",
    "EmbeddedPostgres",
    "FloatArray",
    "ForeignKeyViolation",
    "KeyMissing",
    "KeyStore",
    "Queries",
    "StoreUnavailable",
    "Tombstones",
    "UniqueViolation",
    "UnitOfWork",
    "UuidArray",
    "directory_lock",
    "keeping_keys",
    "load_queries",
    "migrate",
    "require_same_keys",
]
