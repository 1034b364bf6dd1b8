"""Reads a backup twice: once to see that all of it is there and ours, once into an empty installation.

Nothing is written anywhere before the first reading has come to its end; the second sees to it that it reads
the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, BinaryIO

from countenance.backup.archive import (
    HEADER,
    MANIFEST,
    MAX_SMALL_BYTES,
    SIGNATURE,
    damaged,
    is_file,
    part_of,
    read_members,
    table_of,
    unzipped,
)
from countenance.backup.envelope import Identity, decrypted
from countenance.backup.manifest import Manifest, require_format, require_signed
from countenance.errors import SetupError
from countenance.store.files import make_private_directory, write_private
from countenance.store.table_load import Loading
from countenance.transparency.note import Verifier

Tell = Callable[[int, int], None]


class BackupFile:
    """A backup on disk, with what opens it and the key that must have signed it."""

    def __init__(self, path: Path, identities: Sequence[Identity], log_keys: Sequence[Verifier]) -> None:
        """`log_keys`: of which one must have signed it; without any, an error says which did."""
        self.path = path
        self._identities = identities
        self._log_keys = log_keys

    def check(self, *, tell: Tell = lambda _done, _all: None) -> Manifest:
        """See that it is whole, signed, and as its manifest says.

        Args:
            tell: told of bytes.

        Raises:
            SetupError: it is not; says what is wrong.
        """
        found = _Found()
        content = signature = b""
        with self._members(tell) as members:
            for name, member in members:
                if name in {HEADER, MANIFEST, SIGNATURE}:
                    told = member.read(MAX_SMALL_BYTES)
                    if name == HEADER:
                        _require_header(told, self.path.name)
                    content, signature = (
                        told if name == MANIFEST else content,
                        told if name == SIGNATURE else signature,
                    )
                else:
                    found.add(name, member, self.path.name)
        if not content or not signature:
            raise damaged(self.path.name, "its manifest or its signature is missing")
        manifest = Manifest.from_bytes(content)
        require_signed(
            content,
            signature.decode("utf-8", "replace"),
            self._expected_keys(manifest),
            origin=manifest.origin,
        )
        found.require(manifest, self.path.name)
        return manifest

    def load(
        self,
        manifest: Manifest,
        loaded: Loading,
        data_dir: Path,
        *,
        tell: Tell = lambda _done, _all: None,
    ) -> None:
        """Put files into the data directory and rows into the database.

        Args:
            manifest: what `check` answered.
            tell: told of rows.

        Raises:
            SetupError: it is another than was checked, or does not fit; nothing of the database is kept.
        """
        told = _Counted(tell, manifest.rows)
        with self._members(lambda _done, _all: None) as members:
            for table, parts in groupby(members, key=lambda member: table_of(member[0])):
                if table is None:
                    for name, member in parts:
                        if is_file(name):
                            self._place(manifest, name, member, data_dir)
                    continue
                self._load_table(manifest, loaded, table, parts, told)
        loaded.sequences(manifest.sequences)

    def _load_table(
        self,
        manifest: Manifest,
        loaded: Loading,
        table: str,
        parts: Iterator[tuple[str, IO[bytes]]],
        told: _Counted,
    ) -> None:
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            for _, member in parts:
                for piece in unzipped(member, name=self.path.name):
                    digest.update(piece)
                    told.add(piece.count(b"\n"))
                    yield piece

        facts = manifest.tables.get(table)
        if facts is None:
            raise self._changed()
        rows = loaded.table(table, facts.columns, pieces())
        if digest.hexdigest() != facts.digest or rows != facts.rows:
            raise self._changed()

    def _place(self, manifest: Manifest, name: str, member: IO[bytes], data_dir: Path) -> None:
        content = member.read()
        if hashlib.sha256(content).hexdigest() != manifest.files.get(name):
            raise self._changed()
        place = data_dir / name
        if place.parent != data_dir:
            make_private_directory(place.parent)
        write_private(place, content, replace=True)

    @contextmanager
    def _members(self, tell: Tell) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
        name = self.path.name
        try:
            with self.path.open("rb") as file:
                source = _Counting(file, self.path.stat().st_size, tell)
                with decrypted(source, self._identities, name=name) as plain:  # type: ignore[arg-type]  # reads
                    yield read_members(plain, name=name)
        except OSError as error:
            if error.filename is None:
                raise
            raise SetupError(f"`{error.filename}`: {error.strerror}") from error

    def _expected_keys(self, manifest: Manifest) -> Sequence[Verifier]:
        if not self._log_keys:
            raise SetupError(
                f"the backup says that it is of the log `{manifest.origin}`, and nothing here says whose"
                " signature to expect",
                remedy=f"if this is your log's key, give it: --log-key {manifest.log_keys[-1]}",
            )
        return self._log_keys

    def _changed(self) -> SetupError:
        return damaged(self.path.name, "it was changed while it was read")


class _Found:
    """What a backup holds, as it was read."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._digests: dict[str, hashlib._Hash] = {}
        self._rows: dict[str, int] = {}
        self._parts: dict[str, int] = {}

    def add(self, name: str, member: IO[bytes], backup: str) -> None:
        table = table_of(name)
        if table is not None:
            self._parts[table] = self._parts.get(table, 0) + 1
            if part_of(name) != self._parts[table]:
                raise damaged(backup, f"parts of table `{table}` are missing")
            digest = self._digests.setdefault(table, hashlib.sha256())
            for piece in unzipped(member, name=backup):
                digest.update(piece)
                self._rows[table] = self._rows.get(table, 0) + piece.count(b"\n")
        elif is_file(name):
            self._files[name] = hashlib.sha256(member.read()).hexdigest()
        else:
            raise damaged(backup, f"`{name}` does not belong there")

    def require(self, manifest: Manifest, backup: str) -> None:
        tables = {
            name: (digest.hexdigest(), self._rows.get(name, 0)) for name, digest in self._digests.items()
        }
        expected = {name: (facts.digest, facts.rows) for name, facts in manifest.tables.items()}
        for kind, found, wanted in (
            ("file", self._files, dict(manifest.files)),
            ("table", tables, expected),
        ):
            for name in sorted(found.keys() | wanted.keys()):
                if found.get(name) != wanted.get(name):
                    raise damaged(backup, f"the {kind} `{name}` is not as the manifest has it")


class _Counting:
    """A file that tells how far it was read."""

    def __init__(self, file: BinaryIO, size: int, tell: Tell) -> None:
        self._file, self._size, self._tell, self._done = file, size, tell, 0

    def read(self, count: int = -1) -> bytes:
        chunk = self._file.read(count)
        self._done += len(chunk)
        self._tell(self._done, self._size)
        return chunk


class _Counted:
    def __init__(self, tell: Tell, rows: int) -> None:
        self._tell, self._rows, self._done = tell, rows, 0

    def add(self, rows: int) -> None:
        self._done += rows
        self._tell(self._done, self._rows)


def _require_header(content: bytes, backup: str) -> None:
    try:
        number = json.loads(content)["format"]
    except (ValueError, TypeError, KeyError):
        raise damaged(backup, "it does not say its format") from None
    require_format(number)
