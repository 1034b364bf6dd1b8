"""A real PostgreSQL for the tests: the one of COUNTENANCE_TEST_DATABASE_URL, else an embedded one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from countenance.audit import open_log
from countenance.store import Database, EmbeddedPostgres, KeyStore, migrate


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server where this worker may make databases; its own when none is given."""
    given = os.environ.get("COUNTENANCE_TEST_DATABASE_URL", "")
    if given:
        yield given
        return
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data") as server:
        yield server.url


@pytest.fixture(scope="session")
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh, migrated database of this worker's session."""
    with fresh_database(postgres_url) as url:
        with Database(url, max_connections=2) as database:
            migrate(database)
        yield url


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[Database]:
    """The session's database: tests make accounts and collections of their own in it."""
    with Database(database_url, max_connections=8) as opened:
        yield opened


@pytest.fixture(scope="session")
def log_keys(database: Database, tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    """The key store that the log of the session's database was opened with."""
    keys = KeyStore.open(tmp_path_factory.mktemp("log") / "keys")
    open_log(database, keys)
    return keys


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """A database without a schema, for one test."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def key_store(tmp_path: Path) -> KeyStore:
    """A key store of the test's own."""
    return KeyStore.open(tmp_path / "keys")


class fresh_database:  # noqa: N801  # used like a function
    """Makes a database on the server and drops it afterwards."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._name = f"countenance_test_{secrets.token_hex(8)}"

    def __enter__(self) -> str:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(f'create database "{self._name}"')
        return urlunsplit(urlsplit(self._server_url)._replace(path=f"/{self._name}"))

    def __exit__(self, *_: object) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(f'drop database if exists "{self._name}" with (force)')
