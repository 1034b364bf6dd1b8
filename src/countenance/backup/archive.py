"""A backup's members, in a plain tar: what is in it opens with `age -d | tar -t`.

backup.json                 the format, first, so that one who cannot read it says so at once
keys/…, credentials, packs/…  files of the data directory
tables/<name>/<n>.gz        rows of a table in COPY's text form, in parts; joined they are the table
manifest.json               what there must be, with digests
manifest.sig                a signed note over it
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

from countenance.backup.manifest import FORMAT, TableFacts
from countenance.errors import SetupError

HEADER, MANIFEST, SIGNATURE = "backup.json", "manifest.json", "manifest.sig"
MAX_SMALL_BYTES = 64 * 1024 * 1024
_PART_BYTES = 8 * 1024 * 1024
_READ_BYTES = 1 << 20
_GZIP = 31  # zlib's word for it
_TABLE = re.compile(r"tables/([A-Za-z_][A-Za-z0-9_$]{0,62})/([0-9]{6,9})\.gz")
_FILE = re.compile(r"(?:keys|packs)(?:/[A-Za-z0-9][A-Za-z0-9._+@-]{0,254}){1,8}|credentials")


class ArchiveWriter:
    """Writes members one after another; holds at most one part of a table in memory."""

    def __init__(self, tar: tarfile.TarFile, made_at_s: int) -> None:
        self._tar = tar
        self._made_at_s = made_at_s

    def add(self, name: str, content: bytes) -> str:
        """A member; SHA-256 of its content, hexadecimal."""
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = len(content), 0o600, self._made_at_s
        self._tar.addfile(member, io.BytesIO(content))
        return hashlib.sha256(content).hexdigest()

    def table(self, name: str, columns: Iterable[str], pieces: Iterable[bytes]) -> TableFacts:
        """A table, out of its rows."""
        digest, rows, number = hashlib.sha256(), 0, 0
        part = bytearray()
        for piece in pieces:
            part += piece
            if len(part) >= _PART_BYTES:
                number += 1
                rows += self._part(name, number, part, digest)
                part.clear()
        rows += self._part(name, number + 1, part, digest)
        return TableFacts(tuple(columns), rows, digest.hexdigest())

    def _part(self, name: str, number: int, part: bytearray, digest: hashlib._Hash) -> int:
        digest.update(part)
        squeezed = zlib.compressobj(1, wbits=_GZIP)
        self.add(f"tables/{name}/{number:06}.gz", squeezed.compress(part) + squeezed.flush())
        return part.count(b"\n")  # a row is a line: line ends within a value are escaped


@contextmanager
def writing(target: BinaryIO, *, made_at_s: int) -> Iterator[ArchiveWriter]:
    """A new archive; whole when the context ends without an error."""
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        archive = ArchiveWriter(tar, made_at_s)
        archive.add(HEADER, json.dumps({"format": FORMAT}).encode())
        yield archive


def read_members(source: BinaryIO, *, name: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each member, in order; read a content before asking for the next.

    Raises:
        SetupError: it is no archive of ours, or does not end well.
    """
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None:
                    raise damaged(name, f"`{member.name}` is no file")
                yield member.name, content
        while source.read(_READ_BYTES):
            pass  # to the end of what is encrypted: only that tells that nothing was cut off
    except (tarfile.TarError, EOFError) as error:
        raise damaged(name, str(error)) from None


def table_of(member: str) -> str | None:
    """The table that a member is a part of; None for others."""
    match = _TABLE.fullmatch(member)
    return match[1] if match else None


def part_of(member: str) -> int:
    """Which part of its table a member is, from 1."""
    match = _TABLE.fullmatch(member)
    assert match is not None, "asked of a part of a table"
    return int(match[2])


def is_file(member: str) -> bool:
    """Whether a member is a file of the data directory; its name then is a path that stays in it."""
    return _FILE.fullmatch(member) is not None


def unzipped(content: IO[bytes], *, name: str) -> Iterator[bytes]:
    """The rows in a part of a table.

    Raises:
        SetupError: it is not what was written.
    """
    squeezed = zlib.decompressobj(wbits=_GZIP)
    try:
        while chunk := content.read(_READ_BYTES):
            while chunk:
                yield squeezed.decompress(chunk, _READ_BYTES)
                chunk = squeezed.unconsumed_tail
        yield squeezed.flush()
    except zlib.error as error:
        raise damaged(name, str(error)) from None


def damaged(name: str, what: str) -> SetupError:
    return SetupError(
        f"the backup `{name}` is damaged: {what}", remedy="take another copy of it; this one restores nothing"
    )
