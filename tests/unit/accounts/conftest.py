"""Each test has accounts of its own in the session's database, or a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from account_server import Server
from countenance.accounts import Account, Accounts, Governance
from countenance.store import Database, KeyStore, migrate


@pytest.fixture
def server(database: Database, key_store: KeyStore) -> Server:
    """In the session's database, whose house some test of before has made, or this fixture."""
    made = Server(database, key_store)
    if made.governance.officers.house() is None:
        made.account("the house")
    return made


@pytest.fixture
def empty_server(empty_database_url: str, tmp_path: Path) -> Iterator[Server]:
    """With a database of its own and no account: for what is about the house."""
    with Database(empty_database_url, max_connections=12) as database:
        migrate(database)
        yield Server(database, KeyStore.open(tmp_path / "own keys"))


@pytest.fixture
def accounts(server: Server) -> Accounts:
    return server.accounts


@pytest.fixture
def governance(server: Server) -> Governance:
    return server.governance


@pytest.fixture
def account(accounts: Accounts) -> Account:
    return accounts.create_account("Sheriff of Nottingham")
