"""Files written so that a crash leaves the old one or the new one, never half; most that only we may read."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from countenance.errors import SetupError

_OTHERS = 0o077


def make_private_directory(path: Path) -> None:
    """A directory of mode 700; missing parents are made likewise, existing parents stay as they are.

    Raises:
        SetupError: it cannot be made, is not a directory, or is open to other users.
    """
    try:
        missing = [path, *path.parents]
        missing = missing[: next(i for i, p in enumerate(missing) if p.exists())]
        for directory in reversed(missing):
            with contextlib.suppress(FileExistsError):  # another process starts beside us
                directory.mkdir(mode=0o700)
            sync_directory(directory.parent)
        found = path.stat()
    except OSError as error:
        raise SetupError(
            f"cannot make the directory `{path}`: {error.strerror}",
            remedy="choose a place that this user may write to and that has space",
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise SetupError(f"`{path}` is not a directory", remedy="move it away, or choose another place")
    if found.st_mode & _OTHERS:
        raise SetupError(f"`{path}` is open to other users", remedy=f"chmod 700 {path}")


def write_private(path: Path, content: bytes, *, replace: bool) -> None:
    """Write a file of mode 600, complete and durable on return or not there at all.

    Raises:
        FileExistsError: `replace` is false and there is a file of that name.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, fails where the name is taken
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file for others to read, in the place of what is there; `path`. Its folder is made if need be.

    Raises:
        OSError: it cannot be written; what was there is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def remove_durably(path: Path) -> None:
    """Remove a file so that a crash does not bring it back; no error when there is none."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
