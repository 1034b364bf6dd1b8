"""Another master key in the place of the one in use, beside whoever uses it.

1. A new master key is made, and read back. Nothing is under it yet.
2. The ring names both, the new one first: from now on every process writes with the new one and opens with
   either. From here on `finish` can always be called, after a crash as well.
3. Transactions end that may have looked at the ring before; key files are wrapped and sealed rows are sealed
   anew, until none of them needs the old key.
4. The database is bound to the new key, and that is recorded.
5. The ring names the new key alone; the old one's file is removed.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Final

from countenance.errors import InternalServerError, SetupError
from countenance.store.files import remove_durably
from countenance.store.key_binding import bind_to_newest
from countenance.store.key_ring import Masters
from countenance.store.keys import KeyStore
from countenance.store.master_key import MasterKey
from countenance.store.master_places import NAME, Kind, Place
from countenance.store.pool import Connection, Database
from countenance.store.ring_file import Ring
from countenance.store.sealed_rows import ROWS_AT_ONCE, SealedColumn, SealedRows
from countenance.store.wrapped_files import context_of
from countenance.store.writers import wait_for_writers

_LOG = logging.getLogger(__name__)
_MOST_PASSES: Final = 10


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did.

    Attributes:
        old: the master key that opens nothing any more.
        passed_over: files and rows that opened with neither key, and are as they were.
    """

    old: Place
    new: Place
    files: int
    rows: int
    passed_over: tuple[str, ...]


class KeyRotation:
    """Replaces the master key of one key store and its database."""

    def __init__(self, database: Database, keys: KeyStore, sealed: tuple[SealedColumn, ...]) -> None:
        self._database = database
        self._keys = keys
        self._ring = keys.ring
        self._sealed = sealed
        self._rows = SealedRows(database)

    def is_begun(self) -> bool:
        """Whether there are two master keys: a rotation goes on, or was killed."""
        return len(self._ring.read().places) > 1

    def count_under(self) -> Counter[bytes | None]:
        """How many key files and sealed values are under which master key, by fingerprint; None: none."""
        masters = self._ring.masters()
        masters.require_all()
        found: Counter[bytes | None] = Counter()
        for path in self._keys.files.list():
            with suppress(FileNotFoundError):
                wrapped, context = path.read_bytes(), context_of(path)
                found[_opener(masters, MasterKey.unwrap, wrapped, context)] += 1
        for column in self._sealed:
            for key_id, sealed in self._rows.read(column):
                found[_opener(masters, MasterKey.unseal, sealed, column.context_of(key_id))] += 1
        return found

    def rotate(
        self,
        kind: Kind | None,
        *,
        record: Callable[[Connection, Rotated], None],
        progress: Callable[[int], None] = lambda _count: None,
    ) -> Rotated:
        """Begin, unless one was begun before and is to be finished first, and finish.

        Args:
            kind: where the new master key is to be; None for where the old one is.
            record: writes of it into the log, in the transaction that binds the database to the new key.
            progress: told how many files and rows more were put under the new key.

        Raises:
            KeyServiceError: the key service does not make or open a master key.
            RotationRuns: somebody else rotates.
            SetupError: a process could not follow into the service.
            StoreUnavailable, ThrottlingException: as in `finish`.
        """
        with self._ring.rotating():
            ring = self._ring.read()
            if len(ring.places) == 1:
                self._begin(ring, kind or ring.places[0].kind)
            return self._finish(record, progress)

    def finish(
        self,
        *,
        record: Callable[[Connection, Rotated], None],
        progress: Callable[[int], None] = lambda _count: None,
    ) -> Rotated | None:
        """Go on with a rotation that was killed; None when there is none. Files are removed that one left.

        Raises:
            KeyServiceError: the key service does not open a master key.
            RotationRuns: somebody else rotates.
            StoreUnavailable: the database gave out; call again.
            ThrottlingException: somebody's transaction has been open for minutes; call again.
        """
        with self._ring.rotating():
            if self.is_begun():
                return self._finish(record, progress)
            with self._ring.exclusively():
                self._remove_others(self._ring.read())
            return None

    def _begin(self, ring: Ring, kind: Kind) -> None:
        with self._ring.exclusively():
            self._remove_others(ring)
        old = ring.places[0]
        self._ring.masters().require_all()
        places = self._ring.places(ring)
        if kind == "kms":
            places.require_service(self._ring.directory / "master.kms")
            if self._ring.refusal is not None:
                raise self._ring.refusal.again()
            with self._ring.with_everybody_able():
                pass  # told before the service is asked; seen to again when it counts
        # The service is asked before anything changes: what it cannot open now is not relied on.
        new = places.make(kind, old.number + 1)
        able = self._ring.with_everybody_able() if kind == "kms" else nullcontext()
        with able, self._ring.exclusively():
            if self._ring.read() != ring:
                raise SetupError("the key ring changed meanwhile", remedy="try again")
            self._ring.replace(replace(ring, places=(new, old)))

    def _finish(
        self, record: Callable[[Connection, Rotated], None], progress: Callable[[int], None]
    ) -> Rotated:
        ring = self._ring.read()
        new, old = ring.places
        masters = self._ring.masters()
        masters.require_all()
        newest, older = masters.keys
        wait_for_writers(self._database)
        self._keys.files.remove_leftovers()
        files = rows = 0
        for _ in range(_MOST_PASSES):
            passed_over: list[str] = []
            changed_files = self._rewrap_files(newest, older, passed_over, progress)
            changed_rows = sum(
                self._reseal_column(column, newest, older, passed_over, progress) for column in self._sealed
            )
            files, rows = files + changed_files, rows + changed_rows
            if not changed_files and not changed_rows:
                break
        else:
            raise InternalServerError("something is still written under the old master key")
        for name in passed_over:
            _LOG.error("opens with no master key, left as it is: %s", name)
        done = Rotated(old, new, files, rows, tuple(passed_over))
        with self._database.transaction() as connection:
            if bind_to_newest(connection, self._keys):  # else it was killed after it had said so
                record(connection, done)
        with self._ring.exclusively():
            alone = replace(ring, places=(new,))
            self._ring.replace(alone)
            self._remove_others(alone)
        return done

    def _rewrap_files(
        self,
        newest: MasterKey,
        older: MasterKey,
        passed_over: list[str],
        progress: Callable[[int], None],
    ) -> int:
        count = 0
        for path in self._keys.files.list():
            is_changed = self._keys.files.rewrap(path, newest=newest, older=older)
            if is_changed is None:
                passed_over.append(f"{path.parent.name}/{path.name}")
            elif is_changed:
                count += 1
                progress(1)
        return count

    def _reseal_column(
        self,
        column: SealedColumn,
        newest: MasterKey,
        older: MasterKey,
        passed_over: list[str],
        progress: Callable[[int], None],
    ) -> int:
        count = 0
        changes: list[tuple[str, bytes, bytes]] = []

        def write() -> None:
            nonlocal count
            if changes:
                self._rows.replace(column, changes)
                count += len(changes)
                progress(len(changes))
                changes.clear()

        for key, sealed in self._rows.read(column):
            context = column.context_of(key)
            if newest.unseal(sealed, context) is not None:
                continue
            opened = older.unseal(sealed, context)
            if opened is None:
                passed_over.append(f"{column.table}.{column.column} {key}")
                continue
            changes.append((key, sealed, newest.seal(opened, context)))
            if len(changes) >= ROWS_AT_ONCE:
                write()
        write()
        return count

    def _remove_others(self, ring: Ring) -> None:
        named = {place.name for place in ring.places}
        for path in self._ring.directory.iterdir():
            # A file under a temporary name is a second name of a key: of a process that was killed.
            before, _, after = path.name.removeprefix(".").rpartition(".")
            is_temporary = path.name.startswith(".") and len(after) == 16
            is_ours = (
                before == "ring" or NAME.fullmatch(before) if is_temporary else NAME.fullmatch(path.name)
            )
            if is_ours and path.name not in named:
                remove_durably(path)
        remove_durably(self._ring.directory / "master.check")


def _opener(
    masters: Masters,
    opened: Callable[[MasterKey, bytes, bytes], bytes | None],
    sealed: bytes,
    context: bytes | None,
) -> bytes | None:
    """The fingerprint of the key of the ring that it is under."""
    if context is None:
        return None
    return next((key.fingerprint for key in masters.keys if opened(key, sealed, context) is not None), None)
