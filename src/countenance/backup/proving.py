"""Proves that a backup restores, by restoring it into a database of its own that is thrown away."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from countenance.audit.reconcile_tree import compare_tree
from countenance.audit.tree import LogTree
from countenance.backup.archive import damaged
from countenance.backup.loading import load_backup, require_known_migrations, upgrade
from countenance.backup.manifest import Manifest
from countenance.backup.opening import Opened, open_all
from countenance.backup.reading import BackupFile
from countenance.backup.workplace import workplace
from countenance.store import Database, EmbeddedPostgres, KeyService
from countenance.store.table_dump import list_tables, one_snapshot, read_rows
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.note import Note

_CONNECTIONS = 4

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Proved:
    """What was seen.

    Attributes:
        opened: templates and pictures of faces.
        entries: of the log, all hashed up to the checkpoint.
    """

    manifest: Manifest
    opened: Opened
    entries: int

    @property
    def is_whole(self) -> bool:
        """Whether everything opened."""
        return not (self.opened.broken_templates or self.opened.broken_crops)


def prove(
    backup: BackupFile,
    *,
    work_dir: Path | None = None,
    service: KeyService | None = None,
    tell: Tell = lambda _what, _done, _all: None,
) -> Proved:
    """Check the backup, restore it, read all of it back, open all that is sealed, hash the log; remove it
    again.

    Args:
        work_dir: where there is space for all of it; None for the system's place for temporary files.
        service: the key service, which has to open a master key that is kept there.

    Raises:
        SetupError: it does not restore, or not to what was backed up.
    """
    manifest = backup.check(tell=lambda done, whole: tell("checking", done, whole))
    require_known_migrations(manifest)
    with (
        workplace(work_dir) as folder,
        EmbeddedPostgres(folder) as server,
        Database(server.url, max_connections=_CONNECTIONS) as database,
    ):
        keys = load_backup(
            backup,
            manifest,
            database,
            folder,
            service=service,
            tell=lambda done, rows: tell("loading", done, rows),
        )
        _require_same_rows(database, manifest, backup.path.name, tell)
        upgrade(database, keys)
        entries = _require_log(database, manifest, backup.path.name)
        done = _Told(tell, manifest.faces)
        return Proved(manifest, open_all(database, keys, tell=done.add), entries)


def _require_same_rows(database: Database, manifest: Manifest, backup: str, tell: Tell) -> None:
    """What the database answers is what was put into it."""
    done = 0
    with one_snapshot(database) as connection:
        for table in list_tables(connection):
            digest = hashlib.sha256()
            for piece in read_rows(connection, table):
                digest.update(piece)
            facts = manifest.tables.get(table.name)
            if facts is None or (facts.rows, facts.digest) != (table.rows, digest.hexdigest()):
                raise damaged(backup, f"the table `{table.name}` reads otherwise once it is restored")
            done += table.rows
            tell("comparing", done, manifest.rows)


def _require_log(database: Database, manifest: Manifest, backup: str) -> int:
    """How many entries were hashed."""
    hashed, mismatches = compare_tree(database, full=True)
    if mismatches:
        raise damaged(backup, f"its log does not hold together: {', '.join(mismatches)}")
    if manifest.checkpoint:
        checkpoint = Checkpoint.parse(Note.parse(manifest.checkpoint).text)
        with database.read() as connection:
            if LogTree().root(connection, checkpoint.size) != checkpoint.root:
                raise damaged(backup, "its log is not the one that its checkpoint covers")
    return hashed


class _Told:
    def __init__(self, tell: Tell, faces: int) -> None:
        self._tell, self._faces, self._done = tell, faces, 0

    def add(self, faces: int) -> None:
        self._done += faces
        self._tell("opening", self._done, self._faces)
