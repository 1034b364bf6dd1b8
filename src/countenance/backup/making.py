"""Makes a backup beside a running server: one snapshot of the database and the keys that belong to it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from countenance import __version__
from countenance.assurance.independent_keys import KEY_PREFIX
from countenance.audit.signing import load_signer
from countenance.audit.tree import LogTree
from countenance.backup.archive import MANIFEST, SIGNATURE, ArchiveWriter, is_file, writing
from countenance.backup.envelope import Recipient, encrypted
from countenance.backup.manifest import Manifest, TableFacts, sign
from countenance.casework.seal import KEY_PREFIX as REVIEW_PREFIX
from countenance.errors import SetupError
from countenance.store import Connection, Database, KeyStore, Tombstones, keeping_keys, load_queries
from countenance.store.files import sync_directory
from countenance.store.table_dump import (
    Table,
    list_applied,
    list_sequences,
    list_tables,
    one_snapshot,
    read_rows,
)
from countenance.store.tombstone_list import Head

_QUERIES = load_queries("countenance.backup", "queries.sql")
_ATTEMPTS = 5
_ROTATION_ENDS_S = 60.0
_FOLDERS = ("keys", "packs")
_SINGLE = ("credentials",)
_LEFT_OUT = tuple(f"keys/secrets/{prefix}" for prefix in (KEY_PREFIX, REVIEW_PREFIX))
"""Keys of independent tests and of held searches: what was deleted of them must not come back."""

Tell = Callable[[int, int], None]
"""Told how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Source:
    """The installation that is backed up."""

    database: Database
    keys: KeyStore
    data_dir: Path
    tombstones: Tombstones


@dataclass(frozen=True, slots=True)
class _Moment:
    """What belongs together: a snapshot, the files of then, and the list of what was erased before."""

    connection: Connection
    files: dict[str, bytes]
    erased: Head
    without_key: tuple[str, ...]


def make_backup(
    source: Source,
    path: Path,
    recipients: Sequence[Recipient],
    *,
    replace: bool = False,
    tell: Tell = lambda _done, _all: None,
) -> Manifest:
    """Write a backup into a file of its own, mode 600: complete and durable on return, or not there at all.

    Args:
        replace: whether a file of that name may be replaced.
        tell: told of rows.

    Raises:
        SetupError: there is a file of that name, or no space; a key is missing.
        StoreUnavailable: the database does not answer, or broke off.
    """
    assert recipients, "somebody has to be able to open it"
    if path.exists() and not replace:
        raise SetupError(f"`{path}` is there already", remedy="give another name, or --force")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with encrypted(file, recipients) as sink:
                manifest = _write(source, sink, tell)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, fails where the name was taken meanwhile
        sync_directory(path.parent)
    except OSError as error:
        raise SetupError(
            f"the backup `{path}` cannot be written: {error.strerror or error}",
            remedy="free some space or choose another place; what was written of it is removed",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def _write(source: Source, sink: BinaryIO, tell: Tell) -> Manifest:
    made_at = datetime.now(UTC)
    with (
        _one_moment(source) as moment,
        writing(sink, made_at_s=int(made_at.timestamp())) as archive,
    ):
        files = {name: archive.add(name, content) for name, content in moment.files.items()}
        tables = list_tables(moment.connection)
        done = _Told(tell, sum(table.rows for table in tables))
        dumped = {table.name: _dump(archive, moment.connection, table, done) for table in tables}
        origin, entries, log_key = _log(moment.connection)
        signed = LogTree().signed(moment.connection)
        manifest = Manifest(
            made_at=made_at.isoformat(timespec="seconds"),
            made_by=__version__,
            origin=origin,
            log_keys=tuple(key for (key,) in moment.connection.execute(_QUERIES["list_log_keys"])),
            entries=entries,
            checkpoint=signed.note if signed else "",
            migrations=tuple(list_applied(moment.connection)),
            tables=dumped,
            sequences=list_sequences(moment.connection),
            files=files,
            tombstones=(moment.erased.number, moment.erased.code),
            fingerprint=source.keys.fingerprint.hex(),
            without_key=moment.without_key,
        )
        content = manifest.to_bytes()
        archive.add(MANIFEST, content)
        archive.add(SIGNATURE, sign(content, origin, load_signer(source.keys, "log", log_key)).encode())
    return manifest


def _dump(archive: ArchiveWriter, connection: Connection, table: Table, told: _Told) -> TableFacts:
    return archive.table(table.name, table.columns, told.rows(read_rows(connection, table)))


@contextmanager
def _one_moment(source: Source) -> Iterator[_Moment]:
    """A snapshot with its keys. A collection that is deleted in between takes its key: then begin anew.

    One whose key is missing twice has lost it: its rows are noise, and the rest is worth a backup.
    """
    before: set[str] = set()
    for _ in range(_ATTEMPTS):
        with ExitStack() as stack:
            # In this order: what is in the list is not in the snapshot, what is in the snapshot has its key.
            erased = source.tombstones.head()
            with _one_master_key(source.keys), keeping_keys(source.database):
                connection = stack.enter_context(one_snapshot(source.database))
                files = _read_files(source.data_dir)
                missing = _without_key(connection, files)
            if missing <= before:
                yield _Moment(connection, files, erased, tuple(sorted(missing)))
                return
            before = missing
    raise SetupError(
        "keys of collections went as often as they were copied",
        remedy="back up again while fewer collections are deleted",
    )


@contextmanager
def _one_master_key(keys: KeyStore) -> Iterator[None]:
    """Until the context ends nobody replaces the master key: files and rows of one moment are under one.

    Raises:
        SetupError: it is being replaced, or that was interrupted.
    """
    with keys.ring.rotating(patience_s=_ROTATION_ENDS_S):
        if len(keys.ring.read().places) > 1:
            raise SetupError(
                "a replacement of the master key was interrupted",
                remedy="finish it with `countenance keys rotate`, then back up again",
            )
        yield


def _without_key(connection: Connection, files: dict[str, bytes]) -> set[str]:
    missing = set()
    for collection_id, endings in connection.execute(_QUERIES["list_keys"]):
        own = f"keys/collections/{collection_id}"
        if any(own + ending not in files for ending in ("", *endings)):
            missing.add(str(collection_id))
    return missing


def _read_files(data_dir: Path) -> dict[str, bytes]:
    """What is state beside the database. Keys first: the others need them."""
    found = [path for folder in _FOLDERS for path in sorted((data_dir / folder).rglob("*"))]
    found += [data_dir / name for name in _SINGLE]
    files = {}
    for path in found:
        name = path.relative_to(data_dir).as_posix()
        if path.is_dir() or any(part.startswith(".") for part in Path(name).parts):
            continue  # what begins with a dot is being written, or was when somebody was killed
        if name.startswith(_LEFT_OUT):
            continue
        if not is_file(name):
            raise SetupError(f"`{path}` has a name that no file of ours has", remedy="move it away")
        try:
            files[name] = path.read_bytes()
        except FileNotFoundError:
            continue  # destroyed meanwhile, or not there
        except OSError as error:
            raise SetupError(f"`{path}` cannot be read: {error.strerror}") from error
    return files


def _log(connection: Connection) -> tuple[str, int, str]:
    row = connection.execute(_QUERIES["read_log"]).fetchone()
    if row is None or row[2] is None:
        raise SetupError("the installation has no log yet", remedy="start the server once")
    return str(row[0]), int(row[1]), str(row[2])


class _Told:
    """Counts rows as they pass."""

    def __init__(self, tell: Tell, rows: int) -> None:
        self._tell, self._rows, self._done, self._said = tell, rows, 0, 0

    def rows(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._done += piece.count(b"\n")
            if self._done - self._said >= 1_000:
                self._said = self._done
                self._tell(self._done, self._rows)
        self._tell(self._done, self._rows)
