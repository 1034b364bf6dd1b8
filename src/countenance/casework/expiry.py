"""Reviews whose time or case is over, and keys that a crash left without their reviews."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from countenance.casework.cases import QUERIES
from countenance.casework.seal import KEY_PREFIX, key_name
from countenance.store import Database, KeyStore


class ReviewExpiry:
    """Thread-safe; holds no connection. Whatever the account's standing."""

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys

    def due(self) -> Sequence[tuple[uuid.UUID, str]]:
        """Reviews to be purged and their accounts: past their end, of a case that is over, or of an urgent
        one that got no authorisation in time.
        """
        with self._database.read() as connection:
            return connection.execute(QUERIES["list_due"]).fetchall()

    def sweep(self, *, older_than_s: float) -> int:
        """Destroy keys of reviews that are not there or were purged; how many.

        Args:
            older_than_s: younger ones are passed over: their review may be about to be committed.
        """
        # INVARIANT: first the keys, then the reviews: one that is made in between is not taken for gone.
        names = self._keys.secrets_named(KEY_PREFIX, older_than_s=older_than_s)
        with self._database.read() as connection:
            kept = {key_name(row[0]) for row in connection.execute(QUERIES["list_kept"]).fetchall()}
        left = [name for name in names if name not in kept]
        for name in left:
            self._keys.destroy_secret(name)
        return len(left)
