"""Independent tests whose time is over, and keys that a crash left without their tests."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from countenance.assurance.independent_keys import KEY_PREFIX, key_name
from countenance.store import Database, KeyStore, UnitOfWork, load_queries

_QUERIES = load_queries("countenance.assurance", "independent_tests.sql")


class Expiry:
    """Thread-safe; holds no connection. Whatever the standing of whoever made the tests."""

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys

    def ended(self) -> Sequence[tuple[uuid.UUID, str]]:
        """Tests to be deleted and their testers: past their end, or of testers who are none any more."""
        with self._database.read() as connection:
            return connection.execute(_QUERIES["list_ended"]).fetchall()

    def delete(self, uow: UnitOfWork, test_id: uuid.UUID, account_id: str) -> None:
        """Delete one of `ended` with all that is of it, and destroy its key once that is committed."""
        uow.connection.execute(_QUERIES["delete_test"], {"test_id": test_id, "account_id": account_id})
        uow.after_commit(lambda: self._keys.destroy_secret(key_name(test_id)))

    def sweep(self, *, older_than_s: float) -> int:
        """Destroy keys of tests that are not there; how many.

        Args:
            older_than_s: younger ones are passed over: their test may be about to be committed.
        """
        # INVARIANT: first the keys, then the tests: a test that is made in between is not taken for gone.
        names = self._keys.secrets_named(KEY_PREFIX, older_than_s=older_than_s)
        with self._database.read() as connection:
            known = {key_name(row[0]) for row in connection.execute(_QUERIES["list_known"]).fetchall()}
        left = [name for name in names if name not in known]
        for name in left:
            self._keys.destroy_secret(name)
        return len(left)
