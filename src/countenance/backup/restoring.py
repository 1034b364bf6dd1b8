"""Makes an installation out of a backup: what was erased since is erased again, the log goes on elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countenance.audit.continuation import Continued, continue_log, place_all
from countenance.backup.erasures import ErasedSince, Replayed, erased_since, join_lists, replay, require_lists
from countenance.backup.loading import load_backup, require_known_migrations, upgrade
from countenance.backup.manifest import Manifest
from countenance.backup.reading import BackupFile
from countenance.errors import SetupError
from countenance.store import Database, EmbeddedPostgres, KeyService, directory_lock
from countenance.store.table_load import find_table
from countenance.store.tombstones import LIST_NAME
from countenance.store.unfinished import (
    is_marked,
    is_unfinished,
    mark_database,
    mark_directory,
    unmark_database,
    unmark_directory,
)

_CONNECTIONS = 4
_KEPT_WHEN_CLEARED = frozenset({"lock", "postgres", "restore.unfinished"})

Tell = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to restore to: an empty folder, and an empty database of another server where one is given."""

    data_dir: Path
    database_url: str = ""
    service: KeyService | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever restores decides.

    Attributes:
        tombstones: lists of what was erased; none only together with `no_tombstones`.
        no_tombstones: why there is no list; stands in the log.
        log_origin: what the log is called from now on; empty for a name of its own.
        last_checkpoint: the newest signed checkpoint that is known, as text; empty for the backup's.
    """

    tombstones: Sequence[Path] = ()
    no_tombstones: str = ""
    log_origin: str = ""
    last_checkpoint: str = ""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it."""

    manifest: Manifest
    log: Continued
    since: ErasedSince
    replayed: Replayed


def restore(
    backup: BackupFile,
    target: Target,
    wishes: Wishes,
    *,
    tell: Tell = lambda _what, _done, _all: None,
) -> Restored:
    """Restore into an empty target; nobody serves it before all of it is done.

    Ended at any moment it leaves a target that is marked, that no server starts on, and that another call
    clears and begins anew on.

    Raises:
        SetupError: the backup, the target or a tombstone list is not what it must be; says what to do.
        StoreUnavailable: the database broke off.
    """
    if bool(wishes.tombstones) == bool(wishes.no_tombstones):
        raise SetupError(
            "what was erased since the backup must not come back, and nothing here says what was",
            remedy="give --tombstones FILE, the list that is kept apart; if there is none any more:"
            " --no-tombstones REASON, which the log will show",
        )
    manifest = backup.check(tell=lambda done, whole: tell("checking", done, whole))
    require_known_migrations(manifest)
    with _empty(target, backup.path.name) as database:
        keys = load_backup(
            backup,
            manifest,
            database,
            target.data_dir,
            service=target.service,
            tell=lambda done, rows: tell("loading", done, rows),
        )
        upgrade(database, keys)
        lists = require_lists(keys, wishes.tombstones, manifest)
        since = erased_since(lists)
        log = continue_log(
            database,
            keys,
            erasures=_erasures(wishes, manifest, since),
            origin=wishes.log_origin,
            last_known=wishes.last_checkpoint,
        )
        done = _Lines(tell, since.lines)
        replayed = replay(database, keys, lists, manifest, tell=done.add)
        place_all(database)
        if lists:
            join_lists(keys, lists, target.data_dir / LIST_NAME)
        # What was erased again is noted again, and is moved to the list at the first start: a line too many
        # says nothing new.
        with database.transaction() as connection:
            unmark_database(connection)
    unmark_directory(target.data_dir)
    return Restored(manifest, log, since, replayed)


def _erasures(wishes: Wishes, manifest: Manifest, since: ErasedSince) -> dict[str, Any]:
    """As the log's entry says it."""
    told: dict[str, Any] = {"backup": manifest.made_at}
    if wishes.no_tombstones:
        return told | {"unknown": wishes.no_tombstones}
    return told | {"replayed": since.lines} | ({"until": since.until} if since.until else {})


@contextmanager
def _empty(target: Target, backup: str) -> Iterator[Database]:
    """The target's database: running, empty, marked as unfinished, and nobody else's.

    Raises:
        SetupError: there is something in it that no unfinished restore has left.
    """
    data_dir = target.data_dir
    if data_dir.exists() and any(data_dir.iterdir()) and not is_unfinished(data_dir):
        raise SetupError(
            f"`{data_dir}` is not empty",
            remedy="restore into an empty folder; what is there may be needed yet",
        )
    mark_directory(data_dir, f"restoring {backup}")
    with ExitStack() as stack:
        url = target.database_url
        if url:
            stack.enter_context(directory_lock(data_dir))
        else:
            url = stack.enter_context(EmbeddedPostgres(data_dir)).url
        _clear(data_dir)
        database = stack.enter_context(Database(url, max_connections=_CONNECTIONS))
        if not target.database_url:
            # The folder was empty, or an unfinished restore's: so is its database, marked, or whole already
            # when who restored was killed while the database was being stopped.
            with database.transaction() as connection:
                connection.execute("drop schema public cascade")
                connection.execute("create schema public")
        table = find_table(database)
        if table is not None:
            if target.data_dir.exists() and not is_marked(database):
                _leave(data_dir)
            raise SetupError(
                f"the database is not empty: it has a table `{table}`",
                remedy="give an empty one; after a restore that did not end drop it and create it again",
            )
        with database.transaction() as connection:
            mark_database(connection)
        yield database


def _clear(data_dir: Path) -> None:
    """Remove what an unfinished restore has left."""
    for path in data_dir.iterdir():
        if path.name in _KEPT_WHEN_CLEARED:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _leave(data_dir: Path) -> None:
    """Nothing was done in the folder: it may be used for something else."""
    unmark_directory(data_dir)


class _Lines:
    def __init__(self, tell: Tell, lines: int) -> None:
        self._tell, self._lines, self._done = tell, lines, 0

    def add(self, lines: int) -> None:
        self._done += lines
        self._tell("erasing", self._done, self._lines)
