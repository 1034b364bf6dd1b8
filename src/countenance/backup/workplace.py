"""Folders in which backups are restored to be thrown away: nothing of them stays, whoever is killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from countenance.errors import SetupError
from countenance.store import EmbeddedPostgres

_PREFIX = "countenance-verify-"


@contextmanager
def workplace(parent: Path | None) -> Iterator[Path]:
    """Where a data directory may be made: it goes with the context, and before it go those of the dead.

    Raises:
        SetupError: there is no place for one.
    """
    place = Path(tempfile.gettempdir()) if parent is None else parent
    for each in {place, Path(tempfile.gettempdir())}:
        remove_deserted(each)
    try:
        folder, lock = _make(place)
    except OSError as error:
        raise SetupError(
            f"there is no place to restore to: {error.strerror}", remedy="give --work-dir"
        ) from error
    try:
        yield folder / "data"
    finally:
        try:
            _remove(folder)
        finally:
            if folder.exists():  # whoever ended us did so while it was removed
                _remove(folder)
            os.close(lock)


def remove_deserted(parent: Path) -> None:
    """Remove folders of this user that no living process holds."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another's, held, or removed meanwhile
            lock = _open(folder)
            try:
                if os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(folder)
            finally:
                os.close(lock)


def _make(parent: Path) -> tuple[Path, int]:
    """A folder, and a descriptor that holds it as long as we live."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        with suppress(FileNotFoundError):
            lock = _open(folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Between the two lines above somebody may have taken it for a deserted one.
            if folder.exists():
                return folder, lock
            os.close(lock)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _remove(folder: Path) -> None:
    """With the server that runs in it, if its owner was killed."""
    EmbeddedPostgres.remove(folder / "data")
    shutil.rmtree(folder, ignore_errors=True)
