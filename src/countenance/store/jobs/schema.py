"""The queue's tables: procrastinate's own, as the installed package brings them, and ours beside them.

They are in a schema of their own, `jobs`, so that nothing of a third party lies among our tables, and a
backup or a look at the database can leave it out. What was applied is in `jobs.migration`, by name.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata, resources
from pathlib import Path
from typing import NamedTuple

from psycopg.errors import InsufficientPrivilege

from countenance.errors import SetupError
from countenance.store.pool import Connection, Database

SCHEMA = "jobs"
MIGRATION_LOCK = 0x436F756E74656E61  # "Countena": the one of our own migrations
_THEIRS = "procrastinate/"
_OURS = "countenance/"
_CREATE_REGISTER = """
create table if not exists jobs.migration (
    name text primary key,
    version text not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""


class _File(NamedTuple):
    name: str
    statements: str


def apply_jobs_schema(database: Database) -> int:
    """Bring the queue's tables up to date; how many files were applied.

    Safe to call from several processes at once. One file a transaction: a value that one adds to an
    enumeration may be used by the next only after a commit.

    Raises:
        SetupError: the tables are those of a newer program, or this account may not make them.
        StoreUnavailable: the database cannot be reached.
    """
    theirs, ours = _their_files(), _our_files()
    applied = 0
    while count := _apply_next(database, theirs, ours):
        applied += count
    return applied


@contextmanager
def in_schema(connection: Connection) -> Iterator[None]:
    """A transaction, or a savepoint of the one that is open, in which procrastinate's names are found.

    The connection's own search path is put back: whoever goes on with it finds our tables.
    """
    with connection.transaction():
        row = connection.execute("select current_setting('search_path')").fetchone()
        assert row is not None
        connection.execute("select set_config('search_path', %s, true)", (SCHEMA,))
        yield
        connection.execute("select set_config('search_path', %s, true)", row)


def _apply_next(database: Database, theirs: list[_File], ours: list[_File]) -> int:
    with database.transaction() as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
        _require_schema(connection)
        rows = connection.execute("select name, version from jobs.migration order by applied_at").fetchall()
        known = {file.name for file in (*theirs, *ours)}
        if unknown := [version for name, version in rows if name not in known]:
            raise SetupError(
                f"the job queue's tables are those of a newer program ({unknown[-1]}; this is {_version()})",
                remedy="run the version of Countenance that last used this database, or a newer one",
            )
        applied = {name for name, _ in rows}
        if not any(name.startswith(_THEIRS) for name in applied):
            return _apply(connection, theirs, _whole_schema())
        missing = next((file for file in (*theirs, *ours) if file.name not in applied), None)
        return _apply(connection, [missing], missing.statements) if missing else 0


def _apply(connection: Connection, files: list[_File], statements: str) -> int:
    with in_schema(connection):
        connection.execute(statements.encode())
    for file in files:
        connection.execute(
            "insert into jobs.migration (name, version) values (%s, %s)", (file.name, _version())
        )
    return len(files)


def _require_schema(connection: Connection) -> None:
    """Made where it is missing; whoever may not make it may be given it."""
    found = connection.execute("select 1 from pg_namespace where nspname = %s", (SCHEMA,)).fetchone()
    try:
        if found is None:
            connection.execute(f"create schema {SCHEMA}")
        connection.execute(_CREATE_REGISTER)
    except InsufficientPrivilege:
        raise SetupError(
            f"this database account may not make the schema `{SCHEMA}` for the job queue, or tables in it",
            remedy=f"let the database's owner run: create schema {SCHEMA} authorization ACCOUNT",
        ) from None


def _version() -> str:
    return f"procrastinate {metadata.version('procrastinate')}"


def _whole_schema() -> str:
    """What all of their migrations come to, for a database that has none of them."""
    return (_sql_folder() / "schema.sql").read_text("utf-8")


def _their_files() -> list[_File]:
    """In the order of their names, as procrastinate says: VERSION_NUMBER_pre or _post."""
    folder = _sql_folder() / "migrations"
    return [_File(_THEIRS + file.name, file.read_text("utf-8")) for file in sorted(folder.glob("*.sql"))]


def _our_files() -> list[_File]:
    folder = resources.files("countenance.store.jobs").joinpath("migrations")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name)
    return [_File(_OURS + file.name, file.read_text("utf-8")) for file in files]


def _sql_folder() -> Path:
    """Of the installed package, without importing it: that takes longer than the look."""
    spec = importlib.util.find_spec("procrastinate")
    if spec is None or not spec.submodule_search_locations:
        raise SetupError("procrastinate is missing", remedy="pip install procrastinate")
    return Path(spec.submodule_search_locations[0]) / "sql"
