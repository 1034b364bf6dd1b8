"""A checked backup into an empty data directory and an empty database: the same, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from countenance.backup.manifest import Manifest
from countenance.backup.reading import BackupFile
from countenance.errors import SetupError
from countenance.store import Database, KeyService, KeyStore, migrate, require_same_keys
from countenance.store.migrate import load_migrations
from countenance.store.table_load import loading

Tell = Callable[[int, int], None]


def require_known_migrations(manifest: Manifest) -> None:
    """Raises SetupError unless this program knows every migration that the backup's database had."""
    known = load_migrations()
    if len(manifest.migrations) > len(known):
        raise SetupError(
            f"the backup has {len(manifest.migrations)} migrations and this program knows {len(known)}",
            remedy=f"restore it with Countenance {manifest.made_by} or newer",
        )
    for (_, name, digest), migration in zip(manifest.migrations, known, strict=False):
        if digest != migration.digest.hex():
            raise SetupError(
                f"the backup's database was built with another `{name}` than this program's",
                remedy=f"restore it with Countenance {manifest.made_by}",
            )


def load_backup(
    backup: BackupFile,
    manifest: Manifest,
    database: Database,
    data_dir: Path,
    *,
    service: KeyService | None = None,
    tell: Tell = lambda _done, _all: None,
) -> KeyStore:
    """Load rows and files at the backup's own level; the keys. The caller upgrades.

    Args:
        service: the key service, which has to open a master key that is kept there.

    Raises:
        SetupError: it does not fit; the database is as it was, files may lie in the data directory.
    """
    migrate(database, up_to=len(manifest.migrations))
    with loading(database) as loaded:
        backup.load(manifest, loaded, data_dir, tell=tell)
    keys = KeyStore.open(data_dir / "keys", service)
    if keys.fingerprint.hex() != manifest.fingerprint:
        raise SetupError(
            "the backup's keys are not those that its manifest names", remedy="take another backup"
        )
    return keys


def upgrade(database: Database, keys: KeyStore) -> None:
    """Bring what was loaded to this program's level."""
    migrate(database)
    require_same_keys(database, keys)
