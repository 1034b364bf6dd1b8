"""The tombstone list: what was erased, in a file of its own that no restored database can bring back.

    countenance-tombstones/1 <installation>
    1 2026-11-26T18:37:02.114Z face <collection> <face>,<face> <code>
    2 2026-11-26T18:40:10.020Z collection <collection> <code>
    3 2026-11-26T18:40:12.771Z user <collection> <digest> <code>
    4 2026-11-26T19:00:00.000Z account <account> <code>
    5 2026-11-26T19:02:30.120Z vault <collection> <code>
    6 2026-11-26T19:05:00.000Z alive <code>

A `vault` that was closed keeps no pictures of faces from then on, and those of before are gone.

Ids only: a user's id, which callers choose, stands there as a digest under a key of the list. Each line ends
with a code (HMAC-SHA-256, 16 bytes) over the line and the code of the line before: nobody without the key
changes, drops or adds one in between unseen. What a crash left of a last line, without its end, is no line.
"""

from __future__ import annotations

import fcntl
import hmac
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from countenance.errors import SetupError
from countenance.store.files import sync_directory

_FORMAT = "countenance-tombstones/1"
_CODE_BYTES = 16
_TAIL_BYTES = 64 * 1024
FACES_IN_A_LINE = 400
"""So that a line is far shorter than `_TAIL_BYTES`."""
KINDS = ("face", "collection", "user", "account", "vault", "objection", "consent", "alive")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One line: what was erased, and when the database says that it was.

    Attributes:
        number: of the line, from 1.
        kind: `face`, `collection`, `user`, `account`, `vault`, `objection`,
            `consent`, or `alive` for a line that only says the time.
        words: collection and faces, collection, collection and digest, account, collection, kept template,
            consent with account and digest; ids as text.
        code: the line's own, hexadecimal.
    """

    number: int
    at: datetime
    kind: str
    words: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where a list ends: number and code of its last line; 0 and the header's for a list without any."""

    number: int
    code: str


class TombstoneList:
    """One list in one file, kept under one key. Thread-safe; several processes may share the file."""

    def __init__(self, path: Path, key: bytes) -> None:
        """
        Args:
            key: 32 bytes of this installation alone, which backups hold.
        """
        self.path = path
        self._key = key
        self._header = f"{_FORMAT} {self._code('installation', '')}\n"

    def user_digest(self, collection_id: str, user_id: str) -> str:
        """What stands for a user in the list."""
        return self._code(f"user {collection_id}", user_id)

    @contextmanager
    def held(self) -> Iterator[OpenList]:
        """The list, open at its end and this caller's alone; made if there is none.

        Raises:
            SetupError: it is another installation's, or damaged.
            OSError: it cannot be opened or locked.
        """
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_new:
                sync_directory(self.path.parent)
            yield OpenList(self, descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> Iterator[Tombstone]:
        """Every line from the first, each verified before it is answered.

        Raises:
            SetupError: it is another installation's, a line is not as it was written, or it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                self.require_header(file.readline(_TAIL_BYTES))
                code, number = self.first_code, 0
                while line := file.readline(_TAIL_BYTES):
                    if not line.endswith(b"\n"):
                        return  # what a crash left of it
                    number += 1
                    tombstone = self.parse(line, number=number, before=code)
                    code = tombstone.code
                    yield tombstone
        except OSError as error:
            raise SetupError(
                f"the tombstone list `{self.path}` cannot be read: {error.strerror}",
                remedy="give the list that was kept apart from the backup",
            ) from error

    @property
    def first_code(self) -> str:
        """What the first line's code goes on from."""
        return self._code("", self._header)

    def require_header(self, line: bytes) -> None:
        """Raises SetupError unless a list of this installation begins so."""
        if line != self._header.encode():
            is_one = line.startswith(_FORMAT.encode())
            raise SetupError(
                f"`{self.path}` is "
                + ("the tombstone list of another installation" if is_one else "no tombstone list"),
                remedy="give the list of the installation that the backup is of",
            )

    @property
    def header(self) -> bytes:
        return self._header.encode()

    def parse(self, line: bytes, *, number: int | None, before: str | None) -> Tombstone:
        """One line, with its end.

        Args:
            number: that it must have; None for any.
            before: code of the line before; None where that is not known: its own is not verified then.

        Raises:
            SetupError: it is not as it was written.
        """
        try:
            text = line.decode("ascii")
            told, _, code = text.removesuffix("\n").rpartition(" ")
            found, at, kind, *words = told.split(" ")
            tombstone = Tombstone(int(found), datetime.fromisoformat(at), kind, tuple(words), code)
        except ValueError:
            raise self._damaged(number) from None
        is_whole = kind in KINDS and number in {None, tombstone.number}
        if not is_whole or (before is not None and not hmac.compare_digest(code, self._code(before, told))):
            raise self._damaged(number)
        return tombstone

    def to_line(self, number: int, before: str, at: datetime, words: str) -> tuple[bytes, str]:
        """A line and its code."""
        moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = f"{number} {moment} {words}"
        code = self._code(before, told)
        return f"{told} {code}\n".encode("ascii"), code

    def _code(self, before: str, told: str) -> str:
        return hmac.digest(self._key, f"{before}\n{told}".encode(), "sha256")[:_CODE_BYTES].hex()

    def _damaged(self, number: int | None) -> SetupError:
        where = "its end" if number is None else f"line {number}"
        return SetupError(
            f"the tombstone list `{self.path}` is damaged at {where}: it was changed, or lines are missing",
            remedy="take the list from the other place where it is kept, or from a copy of it",
        )


class OpenList:
    """A list that is held: what is appended is durable when the call returns."""

    def __init__(self, owner: TombstoneList, descriptor: int) -> None:
        self._owner = owner
        self._descriptor = descriptor
        self.head = self._find_head()

    def append(self, lines: Iterable[tuple[datetime, str]]) -> Head:
        """Add lines, each a time and its words; the new end of the list.

        Raises:
            OSError: the disk does not take them; none of them is there then.
        """
        begun, number, code = os.fstat(self._descriptor).st_size, self.head.number, self.head.code
        content = bytearray()
        for at, words in lines:
            number += 1
            line, code = self._owner.to_line(number, code, at, words)
            content += line
        self._write(bytes(content), begun)
        self.head = Head(number, code)
        return self.head

    def follow(self, other: Path) -> None:
        """Add what the list `other` has beyond this one: they are one list in two places.

        Raises:
            SetupError: it does not go on where this one ends.
            OSError: one of the two cannot be read or written.
        """
        begun = os.fstat(self._descriptor).st_size
        with other.open("rb") as file:
            ours = os.pread(self._descriptor, _TAIL_BYTES, max(0, begun - _TAIL_BYTES))
            file.seek(max(0, begun - _TAIL_BYTES))
            if file.read(len(ours)) != ours:
                raise SetupError(
                    f"the tombstone lists `{self._owner.path}` and `{other}` do not go together",
                    remedy="move the one that is not this installation's away",
                )
            while chunk := file.read(1 << 20):
                self._write(chunk, os.fstat(self._descriptor).st_size)
        self.head = self._find_head()

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self._descriptor).st_size

    def _write(self, content: bytes, begun: int) -> None:
        try:
            written = 0
            while written < len(content):
                written += os.pwrite(self._descriptor, content[written:], begun + written)
            os.fsync(self._descriptor)
        except OSError:
            # INVARIANT: a list holds whole lines, so that the next one is not taken for the rest of this one.
            os.ftruncate(self._descriptor, begun)
            raise

    def _find_head(self) -> Head:
        """The end of the list; what a crash left of a last line is cut off, and a new list begun."""
        size = os.fstat(self._descriptor).st_size
        header = self._owner.header
        if header.startswith(found := os.pread(self._descriptor, len(header), 0)) and found != header:
            os.ftruncate(self._descriptor, 0)  # nothing, or what a crash left of the header
            self._write(header, 0)
            size = len(header)
        self._owner.require_header(os.pread(self._descriptor, len(header), 0))
        start = max(0, size - _TAIL_BYTES)
        tail = os.pread(self._descriptor, size - start, start)
        whole = tail[: tail.rfind(b"\n") + 1]
        if len(whole) < len(tail):
            os.ftruncate(self._descriptor, start + len(whole))
        lines = whole.splitlines(keepends=True)
        if start == 0 and len(lines) == 1:
            return Head(0, self._owner.first_code)
        before = _code_of(lines[-2]) if len(lines) > 2 or start else self._owner.first_code
        last = self._owner.parse(lines[-1], number=None, before=before)
        return Head(last.number, last.code)


def face_lines(collection_id: str, face_ids: Sequence[str]) -> Iterator[str]:
    """The words of lines that tell of faces."""
    for start in range(0, len(face_ids), FACES_IN_A_LINE):
        yield f"face {collection_id} {','.join(face_ids[start : start + FACES_IN_A_LINE])}"


def _code_of(line: bytes) -> str:
    return line.rstrip(b"\n").rpartition(b" ")[2].decode("ascii", "replace")
