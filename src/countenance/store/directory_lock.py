"""One server per data directory: held by the kernel, let go when the holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from countenance.errors import SetupError
from countenance.store.files import make_private_directory

_LOCK_NAME = "lock"
_TRIES = 5
_PAUSE_S = 0.02


@contextmanager
def directory_lock(data_dir: Path) -> Iterator[None]:
    """Own `data_dir` until the context ends or the process does.

    Raises:
        SetupError: another process owns it; its number is in the message.
    """
    descriptor = take_directory(data_dir)
    try:
        yield
    finally:
        os.close(descriptor)


def take_directory(data_dir: Path) -> int:
    """The open descriptor that holds the lock: close it to let go.

    Raises:
        SetupError: another process owns it.
    """
    make_private_directory(data_dir)
    descriptor = os.open(data_dir / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _try_lock(descriptor):
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise SetupError(
            f"another server (process {holder}) uses `{data_dir}`",
            remedy="stop it, or give another --data-dir",
        )
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    """A few tries: `is_owned` of another process holds the lock for an instant."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def is_owned(data_dir: Path) -> bool:
    """Whether a live process owns `data_dir`."""
    try:
        descriptor = os.open(data_dir / _LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
