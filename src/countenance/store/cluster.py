"""A PostgreSQL data directory: made completely or not at all, and judged before it is started."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from countenance.errors import SetupError
from countenance.store.files import sync_directory
from countenance.store.launch import Launcher, major_version

USER = "countenance"
_INITDB_PATIENCE_S = 120
_TELLING = re.compile(r"FATAL|PANIC|error:")
_DAMAGED = re.compile(
    r"PANIC|could not locate a valid checkpoint|incorrect checksum|checksum verification failed|invalid page"
    r"|could not (open|read|access) (file|directory) .*No such file|invalid data"
    r"|database files are incompatible"
)
_RESTORE = "restore the data directory from its backup; keep a copy of it as it is now"


def require_cluster(cluster: Path, binaries: Path, launcher: Launcher, *, password_file: Path) -> None:
    """Make the cluster if there is none; refuse one that this PostgreSQL cannot run.

    Raises:
        SetupError: initdb failed; another major version made it; it is not a cluster.
    """
    if not cluster.exists():
        _create(cluster, binaries, launcher, password_file)
    try:
        version = (cluster / "PG_VERSION").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"`{cluster}` is damaged: it does not say its version", remedy=_RESTORE) from None
    expected = str(major_version(binaries))
    if version != expected:
        raise SetupError(
            f"`{cluster}` was made by PostgreSQL {version} and this is PostgreSQL {expected}",
            remedy=f"dump it with the Countenance that made it and restore the dump, or serve it with"
            f" PostgreSQL {version} and --database-url",
        )


def explain(log: str) -> SetupError:
    """What the messages of a server (or of initdb) that ended mean for whoever starts it."""
    if "No space left on device" in log or "Disk quota exceeded" in log:
        return SetupError(
            "PostgreSQL did not start: the disk is full", remedy="free some space and start again"
        )
    if "could not map anonymous shared memory" in log or "Cannot allocate memory" in log:
        return SetupError(
            "PostgreSQL did not start: out of memory", remedy="free some memory and start again"
        )
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)] or lines or ["it left no message"]
    if _DAMAGED.search(log):
        return SetupError(f"PostgreSQL finds its files damaged: {telling[-1]}", remedy=_RESTORE)
    return SetupError(
        f"PostgreSQL did not start: {telling[-1]}", remedy="see `server.log` beside the cluster"
    )


def _create(cluster: Path, binaries: Path, launcher: Launcher, password_file: Path) -> None:
    """Run initdb beside the place, then one rename: a crash leaves no half-made cluster under its name."""
    unfinished = cluster.with_name(cluster.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        *launcher.prefix,
        str(binaries / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={USER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # the builtin provider does not change under the data when the system's C library does
        "--locale-provider=builtin",
        "--locale=C.UTF-8",
        "--data-checksums",
        # as durable as a thousand fsyncs, in a fifth of the time
        *(["--sync-method=syncfs"] if sys.platform == "linux" else []),
    ]
    try:
        done = subprocess.run(  # noqa: S603  # a program of our own dependency, paths of our own
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_INITDB_PATIENCE_S,
            cwd=cluster.parent,
            **launcher.keywords(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(
            f"the database could not be made: {error}", remedy="see that the disk answers"
        ) from error
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise explain(done.stderr)
    unfinished.rename(cluster)
    sync_directory(cluster.parent)
