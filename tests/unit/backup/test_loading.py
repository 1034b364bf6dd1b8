"""A backup of another program than this one is told before anything is loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from countenance.backup.loading import load_backup, require_known_migrations, upgrade
from countenance.errors import SetupError
from countenance.store import Database
from installations import back_up


def test_a_newer_programs_backup_is_told_with_both_numbers(house, tmp_path):
    manifest = back_up(house, tmp_path / "kept").manifest
    require_known_migrations(manifest)
    number = len(manifest.migrations)
    newer = replace(
        manifest, migrations=(*manifest.migrations, (number + 1, "9999_later.sql", "00")), made_by="9.9"
    )
    with pytest.raises(SetupError, match=rf"{number + 1} migrations and this program knows {number}.*9\.9"):
        require_known_migrations(newer)


def test_one_of_another_branch_is_told_by_its_migration(house, tmp_path):
    manifest = back_up(house, tmp_path / "kept").manifest
    (first, *rest) = manifest.migrations
    other = replace(manifest, migrations=((*first[:2], "00"), *rest))
    with pytest.raises(SetupError, match=r"another `0001_initial\.sql`"):
        require_known_migrations(other)


def test_what_is_loaded_is_bound_to_its_keys(house, tmp_path, target_url):
    """And brought to this program's level."""
    kept = back_up(house, tmp_path / "kept")
    with Database(target_url, max_connections=3) as database:
        keys = load_backup(kept.file, kept.manifest, database, tmp_path / "new")
        upgrade(database, keys)
        assert keys.fingerprint == house.keys.fingerprint
        with database.read() as connection:
            assert connection.execute("select count(*) from face").fetchone() == (10,)
