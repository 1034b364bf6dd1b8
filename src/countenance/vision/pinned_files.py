"""Files in a pack's folder: checked against what pins them, and whole or not there at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from countenance.vision.fetch import digest_of
from countenance.vision.manifest import Artifact

_LOCK = ".lock"


def find_problem(path: Path, artifact: Artifact) -> str | None:
    """Why the file at `path` is not the artifact; None when it is."""
    try:
        size = path.stat().st_size
        if size != artifact.size_bytes:
            return f"of {size} bytes, not {artifact.size_bytes}"
        found = digest_of(path)
    except OSError as error:
        return "missing" if isinstance(error, FileNotFoundError) else f"unreadable ({error.strerror})"
    return None if found == artifact.sha256 else f"of another SHA-256 ({found}, not {artifact.sha256})"


def index_by_name(folders: Sequence[Path], names: set[str]) -> dict[str, list[Path]]:
    """Paths of files with one of `names`, in the order of `folders`."""
    found: dict[str, list[Path]] = {}
    for folder in folders:
        for parent, _, files in os.walk(folder):
            for name in names.intersection(files):
                found.setdefault(name, []).append(Path(parent) / name)
    return found


def settle(part: Path, target: Path) -> None:
    """Make a checked file durable under its name."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(target)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file that appears under its name only when all of it is durable."""
    whole = target.with_name(f"{target.name}.whole")
    whole.write_bytes(content)
    settle(whole, target)


def copy_whole(source: Path, target: Path) -> None:
    """As `write_whole`, with the content of another file."""
    whole = target.with_name(f"{target.name}.whole")
    shutil.copyfile(source, whole)
    settle(whole, target)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Be the only one who writes into a folder, which is made if need be; waits for whoever does now."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
