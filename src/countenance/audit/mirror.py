"""Writes the published log as a folder that can be verified, copied and served without the database.

The folder is whole at every moment: tiles are written before the checkpoint that needs them, partial tiles
that it has outgrown are removed after it. A run that was killed is taken up by the next one; if it was killed
between these two, some that are outgrown stay, which does no harm.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from countenance.audit.tree import LogDamaged, LogTree, SignedCheckpoint
from countenance.errors import SetupError
from countenance.store import Database
from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid
from countenance.transparency.merkle import EMPTY_ROOT
from countenance.transparency.note import Note, NoteInvalid
from countenance.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, Level, tile_path

_MAX_CHECKPOINT_BYTES = 65_536
_SUFFIX = ".partly-written"

_Tile = tuple[Level, int, int]
"""(level, number, width) of a tile."""


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a run did: the log's size before it and now, and how many files were written."""

    from_size: int
    size: int
    files: int


def mirror_log(
    database: Database,
    tree: LogTree,
    folder: Path,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> Mirrored:
    """Bring the folder to the newest published checkpoint; write nothing of what it has already.

    A full tile that lies there is taken for what it says: `verify_folder` is what looks into it.

    Args:
        on_progress: called with (entries written, entries of the checkpoint).

    Raises:
        SetupError: nothing was published yet; the folder holds another log, or a longer one than the
            database, which then is an older copy; or the folder cannot be written.
        LogDamaged: the database lacks tiles or entries of the published log.
        StoreUnavailable: the database cannot be asked.
    """
    with database.read() as connection:
        published = tree.published(connection)
    if published is None:
        raise SetupError(
            "the log has no published checkpoint yet", remedy="start the server and wait a second"
        )
    try:
        kept = _kept(folder, Checkpoint.parse(Note.parse(published.note).text).origin)
        _require_continued(database, tree, folder, kept, published)
        before = kept.size
        written = _write_tiles(database, tree, folder, kept.size, published.size, on_progress=on_progress)
        if _write(folder / "checkpoint", published.note.encode()):
            written += 1
        _remove_outgrown(folder, before, published.size)
    except OSError as error:
        raise SetupError(
            f"the folder `{folder}` cannot be written: {error.strerror}",
            remedy="choose another, or make room",
        ) from error
    return Mirrored(before, published.size, written)


def _kept(folder: Path, origin: str) -> Checkpoint:
    """What the folder has of the log; the empty tree if that is nothing."""
    try:
        with (folder / "checkpoint").open("rb") as file:
            content = file.read(_MAX_CHECKPOINT_BYTES)
        kept = Checkpoint.parse(Note.parse(content.decode()).text)
    except FileNotFoundError:
        return Checkpoint(origin, 0, EMPTY_ROOT)
    except (UnicodeDecodeError, NoteInvalid, CheckpointInvalid) as error:
        raise SetupError(
            f"`{folder}/checkpoint` is no checkpoint: {error}",
            remedy="mirror into a new folder, and keep this one",
        ) from error
    if kept.origin != origin:
        raise SetupError(f"`{folder}` holds the log `{kept.origin}`", remedy="mirror into another folder")
    return kept


def _require_continued(
    database: Database, tree: LogTree, folder: Path, kept: Checkpoint, published: SignedCheckpoint
) -> None:
    """A folder's checkpoint is never replaced by one that it speaks against."""
    if kept.size <= published.size:
        with database.read() as connection:
            if kept.root == tree.root(connection, kept.size):
                return
    raise SetupError(
        f"`{folder}` holds {kept.size} entries that the database's log, of {published.size}, does not "
        "continue: the database was rolled back or rewritten",
        remedy="keep the folder, its checkpoint is the proof; mirror into a new one",
    )


def _write_tiles(
    database: Database,
    tree: LogTree,
    folder: Path,
    before: int,
    size: int,
    *,
    on_progress: Callable[[int, int], None] | None,
) -> int:
    written = 0
    for level, number, width in _tiles(before, size):
        path = folder / tile_path(level, number, width)
        if width == TILE_WIDTH and path.is_file():
            continue
        with database.read() as connection:
            if isinstance(level, int):
                content = tree.tile(connection, level, number, width)
            else:
                content = tree.bundle(connection, number, width)
        if content is None:
            raise LogDamaged(f"the database has no {tile_path(level, number, width)} of its published log")
        written += _write(path, content)
        if level == "entries" and on_progress is not None:
            on_progress(number * TILE_WIDTH + width, size)
    return written


def _tiles(before: int, size: int) -> Iterator[_Tile]:
    """The tiles of a log of `size` that one of `before` does not have in that width."""
    yield from _row("entries", before, size)
    level = 0
    while size >> (TILE_HEIGHT * level):
        yield from _row(level, before >> (TILE_HEIGHT * level), size >> (TILE_HEIGHT * level))
        level += 1


def _row(level: Level, before: int, count: int) -> Iterator[_Tile]:
    for start in range(before // TILE_WIDTH * TILE_WIDTH, count, TILE_WIDTH):
        yield level, start // TILE_WIDTH, min(TILE_WIDTH, count - start)


def _remove_outgrown(folder: Path, before: int, size: int) -> None:
    """Remove partial tiles that a log of `before` entries, or a run that was killed since, needed."""
    now = set(_tiles(before, size))
    for level, number, width in now:
        partials = folder / f"{tile_path(level, number)}.p"
        if not partials.is_dir():
            continue
        for path in partials.iterdir():
            if path.name != str(width) and (path.name.isdecimal() or path.name.endswith(_SUFFIX)):
                path.unlink()
        if width == TILE_WIDTH:
            partials.rmdir()


def _write(path: Path, content: bytes) -> bool:
    """Put a file in its place, whole and durable, unless it is there as it should be; whether it was put."""
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}{_SUFFIX}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return True
