"""Numbered SQL files, applied in order, each once and in one transaction, whoever comes first."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

from countenance.errors import SetupError
from countenance.store.jobs.schema import apply_jobs_schema
from countenance.store.pool import Connection, Database

_FILE_NAME = re.compile(r"^([0-9]{4})_[a-z0-9_]+\.sql$")
_ADVISORY_LOCK = 0x436F756E74656E61  # "Countena": any fixed number that nothing else uses
_CREATE_REGISTER = """
create table if not exists schema_migration (
    number integer primary key,
    name text not null,
    digest bytea not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, its text."""

    number: int
    name: str
    statements: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: a migration that was applied must never change."""
        return hashlib.sha256(self.statements.encode()).digest()


def migrate(database: Database) -> int:
    """Bring the schema up to date, and the job queue's beside it; how many migrations were applied.

    Safe to call from several processes at once: the others wait.

    Raises:
        SetupError: the database is newer than this program, or an applied migration differs.
        StoreUnavailable: the database cannot be reached.
    """
    migrations = load_migrations()
    with database.transaction() as connection:
        # Held until the commit, so that nobody sees or starts a half-applied schema.
        connection.execute("select pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        connection.execute(_CREATE_REGISTER)
        applied = _check_applied(connection, migrations)
        for migration in migrations[applied:]:
            connection.execute(migration.statements.encode())
            connection.execute(
                "insert into schema_migration (number, name, digest) values (%s, %s, %s)",
                (migration.number, migration.name, migration.digest),
            )
    apply_jobs_schema(database)
    return len(migrations) - applied


def load_migrations() -> list[Migration]:
    """The package's migrations in order, numbered 1, 2, 3 without a gap."""
    folder = resources.files("countenance.store").joinpath("migrations")
    found = []
    for file in folder.iterdir():
        match = _FILE_NAME.match(file.name)
        if match:
            found.append(Migration(int(match.group(1)), file.name, file.read_text("utf-8")))
    found.sort(key=lambda migration: migration.number)
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    return found


def _check_applied(connection: Connection, migrations: list[Migration]) -> int:
    rows = connection.execute("select name, digest from schema_migration order by number").fetchall()
    if len(rows) > len(migrations):
        raise SetupError(
            f"the database has {len(rows)} migrations and this program knows {len(migrations)}",
            remedy="run the version of Countenance that last used this database, or a newer one",
        )
    for (name, digest), migration in zip(rows, migrations, strict=False):
        if bytes(digest) != migration.digest:
            raise SetupError(
                f"the database was built with another `{name}` than this program's",
                remedy="run the version of Countenance that built it",
            )
    return len(rows)
