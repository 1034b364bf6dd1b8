"""Locks on files: held by the kernel, let go when the holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOOK_AGAIN_S: Final = 0.05


@contextmanager
def locked_file(
    path: Path, how: int, *, busy: Exception | None = None, patience_s: float = 0.0
) -> Iterator[None]:
    """Hold the lock until the context ends.

    Args:
        how: LOCK_SH or LOCK_EX of `fcntl`.
        busy: raised where others hold it for longer than `patience_s`; None to wait for them.
    """
    deadline_s = time.monotonic() + patience_s
    while True:
        try:
            descriptor = lock_file(path, how if busy is None else how | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            assert busy is not None
            if time.monotonic() >= deadline_s:
                raise busy from None
            time.sleep(_LOOK_AGAIN_S)
    try:
        yield
    finally:
        os.close(descriptor)


def lock_file(path: Path, how: int) -> int:
    """A descriptor that holds the lock until it is closed; the file is made where there is none.

    It is of its own, so that threads exclude one another as processes do.

    Raises:
        BlockingIOError: others hold it, and `how` says not to wait.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
