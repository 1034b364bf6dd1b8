from __future__ import annotations

from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store import Database, KeyStore, migrate, require_same_keys


def test_a_database_stays_with_the_key_store_that_it_was_first_used_with(
    empty_database_url: str, tmp_path: Path
):
    """A backup of one restored without the other must be told before anything is sealed with new keys."""
    first = KeyStore.open(tmp_path / "first")
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        require_same_keys(database, first)
        require_same_keys(database, KeyStore.open(tmp_path / "first"))
        with pytest.raises(SetupError, match="same backup"):
            require_same_keys(database, KeyStore.open(tmp_path / "second"))
