"""What says that a restore has begun and not ended: a file in the data directory, a table in the database.

Both stand there before anything else of the restore does, and go when all of it is there. Whoever serves
looks for both: half an installation, or one whose erasures are not replayed, answers nobody.
"""

from __future__ import annotations

from pathlib import Path

from countenance.errors import SetupError
from countenance.store.files import make_private_directory, remove_durably, write_private
from countenance.store.pool import Connection, Database

_FILE = "restore.unfinished"
TABLE = "unfinished_restore"
_AGAIN = "run `countenance restore` again with the same options: it begins anew"


def is_unfinished(data_dir: Path) -> bool:
    """Whether a restore into the directory has begun and not ended."""
    return (data_dir / _FILE).exists()


def mark_directory(data_dir: Path, words: str) -> None:
    """Say that a restore begins; durable on return."""
    make_private_directory(data_dir)
    write_private(data_dir / _FILE, f"{words}\n".encode(), replace=True)


def mark_database(connection: Connection) -> None:
    """As `mark_directory`, in the caller's transaction."""
    connection.execute(f"create table if not exists {TABLE} (one boolean primary key)")


def unmark_database(connection: Connection) -> None:
    """The restore has ended, once the caller's transaction commits."""
    connection.execute(f"drop table {TABLE}")


def unmark_directory(data_dir: Path) -> None:
    """The restore has ended: after the database says so."""
    remove_durably(data_dir / _FILE)


def is_marked(database: Database) -> bool:
    """Whether a restore into the database has begun and not ended."""
    with database.read() as connection:
        row = connection.execute("select to_regclass(%s) is not null", (TABLE,)).fetchone()
    return row is not None and bool(row[0])


def require_finished(data_dir: Path) -> None:
    """Raises SetupError while a restore into the directory has not ended."""
    if is_unfinished(data_dir):
        raise SetupError(f"a restore into `{data_dir}` did not end", remedy=_AGAIN)


def require_restored(database: Database) -> None:
    """Raises SetupError while a restore into the database has not ended."""
    if is_marked(database):
        raise SetupError("a restore into the database did not end", remedy=_AGAIN)
