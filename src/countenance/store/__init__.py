"""The only door to the database and the key store."""

from countenance.store.arrays import BytesArray, FloatArray, UuidArray
from countenance.store.directory_lock import directory_lock
from countenance.store.errors import (
    BROKEN,
    CONTENTION,
    ForeignKeyViolation,
    KeyMissing,
    KeyServiceError,
    RotationRuns,
    StoreUnavailable,
    UniqueViolation,
)
from countenance.store.key_binding import require_same_keys
from countenance.store.key_copying import KEYS_LOCK, keeping_keys
from countenance.store.key_rotation import KeyRotation, Rotated
from countenance.store.key_service import KeyService
from countenance.store.keys import KEY_SERVICE_PATIENCE_S, KeyStore
from countenance.store.migrate import migrate
from countenance.store.pool import Connection, Database
from countenance.store.postgres import EmbeddedPostgres
from countenance.store.queries import Queries, load_queries
from countenance.store.sealed_rows import SealedColumn
from countenance.store.tombstones import Tombstones
from countenance.store.unit_of_work import UnitOfWork
from countenance.store.writers import wait_for_writers

__all__ = [
    "BROKEN",
    "CONTENTION",
    "KEYS_LOCK",
    "KEY_SERVICE_PATIENCE_S",
    "BytesArray",
    "Connection",
    "Database",
    "EmbeddedPostgres",
    "FloatArray",
    "ForeignKeyViolation",
    "KeyMissing",
    "KeyRotation",
    "KeyService",
    "KeyServiceError",
    "KeyStore",
    "Queries",
    "Rotated",
    "RotationRuns",
    "SealedColumn",
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
    "wait_for_writers",
]
