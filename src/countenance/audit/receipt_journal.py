"""Which receipts were given: DATA_DIR/receipts/<date>-<pid>.bin, 48 bytes each, one file a day and process.

A receipt is noted when its event is committed and before it leaves the process. The note survives the
process, however it ends; it is not synced, so a power cut may take the latest notes with it, never an entry.
"""

from __future__ import annotations

import fcntl
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from countenance.store.files import make_private_directory

_FOLDER = "receipts"
_ID_BYTES = 16
RECORD_BYTES = _ID_BYTES + 32
_BATCH_RECORDS = 5_000
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class GivenReceipt:
    """That the log was promised to hold this event with this leaf hash (32 bytes)."""

    event_id: uuid.UUID
    leaf_hash: bytes


class ReceiptJournal:
    """Notes the receipts of this process. Thread-safe; not to be carried over a fork."""

    def __init__(
        self, data_dir: Path, *, today: Callable[[], date] = lambda: datetime.now(UTC).date()
    ) -> None:
        """Raises SetupError where the folder cannot be made."""
        self._folder = data_dir / _FOLDER
        make_private_directory(self._folder)
        self._today = today
        self._lock = threading.Lock()
        self._day: date | None = None
        self._file = -1

    def note(self, event_id: uuid.UUID, leaf_hash: bytes) -> None:
        """Note one, before it is given.

        Raises:
            OSError: it could not be written; it must not be given then.
        """
        record = event_id.bytes + leaf_hash
        assert len(record) == RECORD_BYTES, "a leaf hash is 32 bytes"
        with self._lock:
            day = self._today()
            if day != self._day:
                self._turn_to(day)
            written = os.write(self._file, record)
            if written != RECORD_BYTES:
                # INVARIANT: records stand at multiples of their length.
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise OSError(f"{written} of {RECORD_BYTES} bytes of a receipt's note were written")

    def close(self) -> None:
        """Close the file. Once, after the last receipt."""
        with self._lock:
            self._let_go()

    def _turn_to(self, day: date) -> None:
        self._let_go()
        path = self._folder / f"{day.isoformat()}-{os.getpid()}.bin"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A process of the same number may have been stopped by a full disk in the middle of a record.
        os.ftruncate(self._file, os.fstat(self._file).st_size // RECORD_BYTES * RECORD_BYTES)
        fcntl.flock(self._file, fcntl.LOCK_SH)  # held while it is written to: not to be removed
        self._day = day

    def _let_go(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = -1, None


def journal_files(data_dir: Path) -> list[Path]:
    """The files of every process, by day."""
    return sorted((data_dir / _FOLDER).glob("*-*.bin"))


def read_journal(path: Path, *, start: int) -> Iterator[list[GivenReceipt]]:
    """The receipts noted in a file from record `start` on, in batches; later ones may be in."""
    with path.open("rb") as file:
        file.seek(start * RECORD_BYTES)
        while batch := file.read(_BATCH_RECORDS * RECORD_BYTES):
            whole = range(0, len(batch) - RECORD_BYTES + 1, RECORD_BYTES)
            yield [
                GivenReceipt(
                    uuid.UUID(bytes=batch[at : at + _ID_BYTES]), batch[at + _ID_BYTES : at + RECORD_BYTES]
                )
                for at in whole
            ]


def forget_old(data_dir: Path, checked: dict[str, int], *, today: date) -> list[str]:
    """Remove the files that are older than `KEPT`, checked to their end and written by nobody; their names.

    Args:
        checked: file name → how many of its records were found in the log.
    """
    removed = []
    for path in journal_files(data_dir):
        written_on = _day_of(path)
        if written_on is None or today - written_on <= KEPT:
            continue
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size // RECORD_BYTES <= checked.get(path.name, 0) and _is_idle(file.fileno()):
                path.unlink()
                removed.append(path.name)
    return removed


def _day_of(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.name[:10])
    except ValueError:
        return None


def _is_idle(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
