"""Proves that a backup restores, by restoring it into a database of its own that is thrown away."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from countenance.audit.reconcile_tree import compare_tree
from countenance.audit.tree import LogTree
from countenance.backup.archive import damaged
from countenance.backup.loading import load_backup, require_known_migrations, upgrade
from countenance.backup.manifest import Manifest
from countenance.backup.reading import BackupFile
from countenance.errors import SetupError
from countenance.gallery.seal import TemplateSeal
from countenance.store import (
    Connection,
    Database,
    EmbeddedPostgres,
    KeyMissing,
    KeyService,
    KeyStore,
    load_queries,
)
from countenance.store.table_dump import list_tables, one_snapshot, read_rows
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.note import Note

_QUERIES = load_queries("countenance.backup", "queries.sql")
_CONNECTIONS = 4
_ROWS_AT_ONCE = 2_048

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Proved:
    """What was seen.

    Attributes:
        templates: that opened.
        broken: faces whose sealed template does not open, by id: no more than a hundred of them.
        broken_count: how many there are.
        entries: of the log, all hashed up to the checkpoint.
    """

    manifest: Manifest
    templates: int
    broken: tuple[str, ...]
    broken_count: int
    entries: int


def prove(
    backup: BackupFile,
    *,
    work_dir: Path | None = None,
    service: KeyService | None = None,
    tell: Tell = lambda _what, _done, _all: None,
) -> Proved:
    """Check the backup, restore it, read all of it back, open every template, hash the log; remove it again.

    Args:
        work_dir: where there is space for all of it; None for the system's place for temporary files.
        service: the key service, which has to open a master key that is kept there.

    Raises:
        SetupError: it does not restore, or not to what was backed up.
    """
    manifest = backup.check(tell=lambda done, whole: tell("checking", done, whole))
    require_known_migrations(manifest)
    with (
        _workplace(work_dir) as folder,
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
        return _open_templates(database, keys, manifest, entries, tell)


@contextmanager
def _workplace(parent: Path | None) -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="countenance-verify-", dir=parent))
    except OSError as error:
        raise SetupError(
            f"there is no place to restore to: {error.strerror}", remedy="give --work-dir"
        ) from error
    try:
        yield folder / "data"
    finally:
        EmbeddedPostgres.remove(folder / "data")
        shutil.rmtree(folder, ignore_errors=True)


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


def _open_templates(
    database: Database, keys: KeyStore, manifest: Manifest, entries: int, tell: Tell
) -> Proved:
    broken: list[str] = []
    opened = count = 0
    with one_snapshot(database) as connection:
        for row in connection.execute(_QUERIES["list_collections"]).fetchall():
            for face_ids in _faces(connection, keys, row):
                opened += face_ids[0]
                count += len(face_ids[1])
                broken += face_ids[1][: 100 - len(broken)]
                tell("opening", opened + count, manifest.faces)
    return Proved(manifest, opened, tuple(broken), count, entries)


def _faces(
    connection: Connection, keys: KeyStore, row: tuple[object, ...]
) -> Iterator[tuple[int, list[str]]]:
    """Batch by batch of a collection: how many templates opened, and the faces whose did not."""
    collection_id, _, _, _, version, dimensions, _, generation = row
    seal = None
    with suppress(KeyMissing):  # then none of its faces opens
        seal = TemplateSeal(
            partial(keys.template_key, collection_id),  # type: ignore[arg-type]  # a row of the query
            generation=generation,  # type: ignore[arg-type]
            collection_id=collection_id,  # type: ignore[arg-type]
            face_model_version=version,  # type: ignore[arg-type]
            dimensions=dimensions,  # type: ignore[arg-type]
        )
    with connection.cursor(name="faces", binary=True) as cursor:
        cursor.execute(_QUERIES["read_faces"], {"collection_id": collection_id})
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield _opened(seal, rows)


def _opened(seal: TemplateSeal | None, rows: list[tuple[object, ...]]) -> tuple[int, list[str]]:
    if seal is None:
        return 0, [str(row[0]) for row in rows]
    try:
        _, places = seal.unseal_all(rows)  # type: ignore[arg-type]  # rows of the query
        broken = [str(rows[place][0]) for place in places]
    except KeyMissing:
        broken = [str(row[0]) for row in rows if not _opens(seal, row)]
    return len(rows) - len(broken), broken


def _opens(seal: TemplateSeal, row: tuple[object, ...]) -> bool:
    try:
        return not seal.unseal_all([row])[1]  # type: ignore[list-item]
    except KeyMissing:
        return False
