"""Where the server's socket lies: under the data directory, or elsewhere when that path is too long."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from countenance.errors import SetupError
from countenance.store.files import make_private_directory, write_private
from countenance.store.launch import Launcher

_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_PATH_BYTES = 103  # 107 on Linux, 103 on macOS
_LONGEST_RUNTIME_BYTES = 60
_RECORD = "run.path"


def make_socket_directory(home: Path, launcher: Launcher) -> Path:
    """A directory of mode 700 in which only the server's account can make or reach a socket.

    Raises:
        SetupError: it cannot be made.
    """
    sockets = home / "run"
    if _fits(sockets):
        make_private_directory(sockets)
    else:
        remove_socket_directory(home)
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        usable = 0 < len(os.fsencode(runtime)) <= _LONGEST_RUNTIME_BYTES and os.access(runtime, os.W_OK)
        try:
            sockets = Path(tempfile.mkdtemp(prefix="countenance-", dir=runtime if usable else "/tmp"))  # noqa: S108
        except OSError as error:
            raise SetupError(
                f"`{home}` is too long a path for a socket, and /tmp cannot be used: {error.strerror}",
                remedy="use a shorter --data-dir",
            ) from error
        write_private(home / _RECORD, os.fsencode(sockets), replace=True)
    if launcher.account is not None:
        os.chown(sockets, *launcher.account)
    return sockets


def find_socket_directory(home: Path) -> Path:
    """The directory that the running server of `home` uses.

    Raises:
        FileNotFoundError: it never ran.
    """
    sockets = home / "run"
    return sockets if _fits(sockets) else Path(os.fsdecode((home / _RECORD).read_bytes()))


def remove_socket_directory(home: Path) -> None:
    """Remove the directory outside `home`, also that of a killed server, if it is still ours."""
    record = home / _RECORD
    with contextlib.suppress(OSError):
        recorded = Path(os.fsdecode(record.read_bytes()))
        if recorded.name.startswith("countenance-") and recorded.lstat().st_uid in _own_ids(home):
            shutil.rmtree(recorded, ignore_errors=True)
        record.unlink()


def _fits(sockets: Path) -> bool:
    return len(os.fsencode(sockets / _SOCKET_NAME)) <= _LONGEST_PATH_BYTES


def _own_ids(home: Path) -> set[int]:
    return {os.geteuid(), home.stat().st_uid}
