"""A database and a key store belong together: told at start, not at the first face that does not open."""

from __future__ import annotations

from countenance.errors import SetupError
from countenance.store.keys import KeyStore
from countenance.store.pool import Connection, Database
from countenance.store.queries import load_queries

_QUERIES = load_queries("countenance.store", "key_binding.sql")


def require_same_keys(database: Database, keys: KeyStore) -> None:
    """Bind a new database to the key store's master key; refuse one that was bound to another.

    While the master key is being replaced either one will do.

    Raises:
        SetupError: the two do not belong together: one of them was restored or exchanged alone.
        StoreUnavailable: the database cannot be reached.
    """
    for _ in range(2):  # a rotation may begin or end between the two readings
        with database.transaction() as connection:
            connection.execute(_QUERIES["bind"], {"fingerprint": keys.fingerprint})
            row = connection.execute(_QUERIES["bound_to"]).fetchone()
        assert row is not None
        if bytes(row[0]) in {place.fingerprint for place in keys.ring.read().places}:
            return
    raise SetupError(
        f"the database was filled with other keys than those in `{keys.directory}`",
        remedy="restore the keys folder and the database from the same backup",
    )


def bind_to_newest(connection: Connection, keys: KeyStore) -> bool:
    """When nothing is under an older master key any more; whether it was not yet."""
    return connection.execute(_QUERIES["rebind"], {"fingerprint": keys.fingerprint}).rowcount == 1
