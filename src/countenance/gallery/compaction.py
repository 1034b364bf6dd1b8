"""What galleries leave in the database once nobody needs it: old changes, and the room of rows that went."""

from __future__ import annotations

import threading
from collections.abc import Callable

from countenance.gallery.changing import QUERIES
from countenance.gallery.reading import CHANGES_KEPT
from countenance.store import Connection, Database

_FORGOTTEN_AT_ONCE = 10_000
_LOOK_EVERY_S = 0.5
_VACUUM = {
    "face": b"vacuum (analyze) face",
    "subject": b"vacuum (analyze) subject",
    "gallery_change": b"vacuum (analyze) gallery_change",
}


def forget_changes(database: Database) -> int:
    """Forget a batch of changes that no reader can need any more; how many: 0 when none is left."""
    with database.read() as connection:
        facts = {"kept": CHANGES_KEPT, "limit": _FORGOTTEN_AT_ONCE}
        return connection.execute(QUERIES["forget_changes"], facts).rowcount


def sparse_tables(database: Database) -> list[str]:
    """Tables of which more than a twentieth is rows that went: sealed faces among them."""
    with database.read() as connection:
        rows = connection.execute(QUERIES["list_sparse_tables"], {"tables": list(_VACUUM)}).fetchall()
    return [str(name) for (name,) in rows]


def vacuum(database: Database, table: str, *, is_stopping: Callable[[], bool]) -> None:
    """Let the room of rows that went be used again; beside readers and writers.

    Raises:
        StoreUnavailable: it was broken off, as it is when `is_stopping`.
    """
    done = threading.Event()
    with database.read() as connection:
        watching = threading.Thread(target=_cancel_when, args=(is_stopping, connection, done), daemon=True)
        watching.start()
        try:
            connection.execute(_VACUUM[table])
        finally:
            done.set()
            watching.join()


def _cancel_when(is_stopping: Callable[[], bool], connection: Connection, done: threading.Event) -> None:
    while not done.wait(_LOOK_EVERY_S):
        if is_stopping():
            connection.cancel_safe()
            return
