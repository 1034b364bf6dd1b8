"""Which server runs which jobs: all of them take from one queue, and each from one of its own."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from countenance.errors import SetupError
from countenance.store.files import make_private_directory, write_private
from countenance.store.jobs.task import Task

QUEUE = "countenance"
_SERVER_FILE = "server-id"


def queue_of(task: Task, server: str | None) -> str:
    """The queue that jobs of this task wait in: one for all servers, or one for each.

    Raises:
        ValueError: the task is local, and there is no server.
    """
    if not task.is_local:
        return QUEUE
    if server is None:
        raise ValueError(f"jobs of the local task `{task.name}` are made for a server")
    return f"{QUEUE}-{server}"


def queues_of(server: str) -> list[str]:
    """Those that a server takes jobs from."""
    return [QUEUE, f"{QUEUE}-{server}"]


def lock_of(task: Task, server: str | None) -> str:
    """Of a periodic task's jobs: one runs and one waits, at most; for a local one on each server."""
    return f"{task.name}/{server}" if task.is_local else task.name


def server_id(data_dir: Path) -> str:
    """What a server is called in the queue: a file of its data directory, made when it is first asked for.

    Raises:
        SetupError: the file cannot be made or read, or holds something else.
    """
    path = data_dir / _SERVER_FILE
    try:
        if not path.exists():
            make_private_directory(data_dir)
            with suppress(FileExistsError):  # another process was first
                write_private(path, secrets.token_hex(8).encode(), replace=False)
        found = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            f"`{path}` cannot be used: {getattr(error, 'strerror', None) or error}",
            remedy="give this user the right to read it, or remove it: another is made",
        ) from error
    if not found.isalnum() or len(found) > 64:
        raise SetupError(f"`{path}` holds no server id", remedy="remove it: another is made")
    return found
