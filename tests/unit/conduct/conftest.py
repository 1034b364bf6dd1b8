"""Accounts with observations in a real database, and officers who decide."""

from __future__ import annotations

import pytest

from conduct_bench import OFFICERS, Bench
from countenance.accounts import Actor
from countenance.store import Database, KeyStore


@pytest.fixture
def bench(database: Database, log_keys: KeyStore) -> Bench:
    """With three officers."""
    made = Bench.open(database, log_keys)
    house = made.governance.officers.house() or made.account("the house")
    for name in OFFICERS:
        made.governance.officers.add(house, name, "officer", actor=Actor("test"))
    return made


@pytest.fixture
def another_process(database: Database, log_keys: KeyStore):
    """The same database and keys, with nothing remembered: another process, or one that was restarted."""
    return lambda: Bench.open(database, log_keys)
