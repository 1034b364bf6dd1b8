"""Moves what was erased out of the database into the tombstone list, before anybody is told that it is.

Triggers note every erasure in the transaction that erases (migrations 0005 and 0008): so what was rolled
back is in no list, and what a crash kept from the list is moved by whoever comes next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from countenance.errors import SetupError
from countenance.store.errors import StoreUnavailable
from countenance.store.files import write_private
from countenance.store.keys import KeyStore
from countenance.store.pool import Connection, Database
from countenance.store.queries import load_queries
from countenance.store.tombstone_list import Head, OpenList, TombstoneList, face_lines

_LOG = logging.getLogger(__name__)
_QUERIES = load_queries("countenance.store", "tombstones.sql")
LIST_NAME = "tombstones"
"""Of the file in the data directory, and of its key."""
_COPY_NAME = "tombstones-copy"
_AT_ONCE = 1_000


def remember_copy(data_dir: Path, copy: Path | None) -> None:
    """Have whatever erases beside the server write the second list as well: keep where it lies, for good."""
    if copy is not None and find_copy(data_dir) != copy:
        write_private(data_dir / _COPY_NAME, f"{copy}\n".encode(), replace=True)


def find_copy(data_dir: Path) -> Path | None:
    """The second list that a server of this data directory was started with; None if none ever was."""
    try:
        return Path((data_dir / _COPY_NAME).read_text().rstrip("\n"))
    except FileNotFoundError:
        return None


class Tombstones:
    """The list of one data directory, and its copy on another disk if there is one. Thread-safe.

    Of several that write at once the first writes for all that have committed.
    """

    def __init__(
        self, database: Database, keys: KeyStore, *, data_dir: Path, copy: Path | None = None
    ) -> None:
        """
        Args:
            copy: a second file that holds the same; the folder it lies in must be there.
        """
        self._database = database
        self._list = tombstone_list(keys, data_dir / LIST_NAME)
        self._copy = None if copy is None else tombstone_list(keys, copy)
        self._turn = threading.Condition()
        self._is_writing = False
        self._begun = self._ended = 0

    def write(self) -> None:
        """Move what was erased and committed to the list: durable on return, in both places.

        Raises:
            StoreUnavailable: the list cannot be written, or the database does not answer. What was erased is
                erased, and is moved by the next call.
        """
        with self._turn:
            # The first writing that begins from now on: one under way may have looked before we committed.
            wanted = self._begun + 1
            while self._is_writing and self._ended < wanted:
                self._turn.wait()
            if self._ended >= wanted:
                return
            self._is_writing = True
            self._begun += 1
            ours = self._begun
        try:
            self._write(is_alive=False)
            self._ended = max(self._ended, ours)
        finally:
            with self._turn:
                self._is_writing = False
                self._turn.notify_all()

    def flush(self) -> None:
        """As `write`, where mostly there is nothing: then no list is made. Raises as `write`."""
        # What somebody else has taken out of the database by now was durable in the list before.
        if self._read(limit=1):
            self.write()

    def say_alive(self) -> None:
        """As `write`, and a line that says the time: how far the list reaches. Raises as `write`."""
        self._write(is_alive=True)

    def head(self) -> Head:
        """Where the list ends, after all that is committed was moved. Raises as `write`."""
        return self._write(is_alive=False)

    def _write(self, *, is_alive: bool) -> Head:
        try:
            with ExitStack() as stack:
                lists = [stack.enter_context(each.held()) for each in (self._list, self._copy) if each]
                self._join(lists)
                rows: list[tuple[Any, ...]] | None = None
                while rows is None or len(rows) == _AT_ONCE:
                    rows = self._read()
                    self._move(rows, lists)
                now = datetime.now(UTC)
                for each in lists if is_alive else ():
                    each.append([(now, "alive")])
                return lists[0].head
        except (OSError, SetupError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            told = f"the tombstone list cannot be written: {_at(error)}{why}"
            _LOG.error(told)  # whoever erased is told only that it failed
            raise StoreUnavailable(told) from error

    def _move(self, rows: Sequence[tuple[Any, ...]], lists: Sequence[OpenList]) -> None:
        if not rows:
            return
        lines = [line for row in rows for line in self._lines(row)]
        for each in lists:
            each.append(lines)
        with self._database.read() as connection:
            # Lost in a crash, they are moved a second time, which says no more than the first.
            connection.execute(_QUERIES["forget_erasures"], {"erasure_ids": [row[0] for row in rows]})

    def _join(self, lists: Sequence[OpenList]) -> None:
        """Two places hold one list: what a crash or a new disk kept from one is in the other."""
        if len(lists) == 2 and self._copy is not None and lists[0].head != lists[1].head:
            shorter, longer = sorted(lists, key=lambda each: each.size)
            shorter.follow(self._list.path if longer is lists[0] else self._copy.path)

    def _read(self, *, limit: int = _AT_ONCE) -> list[tuple[Any, ...]]:
        with self._database.read() as connection:
            return connection.execute(_QUERIES["list_erasures"], {"limit": limit}).fetchall()

    def _lines(self, row: tuple[Any, ...]) -> Iterator[tuple[datetime, str]]:
        _, kind, collection_id, face_ids, user_id, account_id, what, at = row
        match kind:
            case "face":
                yield from ((at, words) for words in face_lines(collection_id, face_ids))
            case "user":
                yield at, f"user {collection_id} {self._list.user_digest(collection_id, user_id)}"
            case "collection" | "vault":
                yield at, f"{kind} {collection_id}"
            case "objection" | "consent":
                yield at, f"{kind} {what}"
            case _:
                yield at, f"account {account_id}"


def tombstone_list(keys: KeyStore, path: Path) -> TombstoneList:
    """The list in that file, under the installation's key for it."""
    return TombstoneList(path, keys.create_secret(LIST_NAME))


def note_account(connection: Connection, account_id: str) -> None:
    """Note, in the caller's transaction, that what the log says of an account was made unreadable."""
    connection.execute(_QUERIES["note_account"], {"account_id": account_id})


def _at(error: OSError | SetupError) -> str:
    return f"`{error.filename}`: " if isinstance(error, OSError) and error.filename else ""
