"""Keys of templates that are kept of who objected: none outlives its row."""

from __future__ import annotations

import os
import time
import uuid

import pytest

from countenance.cli.rights_jobs import rights_tasks
from job_runner import run_all
from rights_house import rights_house


@pytest.fixture
def house(empty_database_url, key_store, tmp_path):
    with rights_house(empty_database_url, key_store, tmp_path, faces=1) as house:
        yield house


def test_the_key_of_a_decision_that_was_rolled_back_is_destroyed_once_it_is_settled(
    house, empty_database_url, key_store
):
    """The key is made before its row: a row without one would refuse everybody's calls."""
    request, rights = house.asked("objection", *house.faces), house.rights
    kept = {"block": rights.objections.read(request), "block_consent": "form B"}
    house.grant(request, commits=False, **kept)
    [abandoned] = key_store.secrets_named("objection-", older_than_s=-10)
    assert rights.objections.list() == []
    house.grant(request, **kept)
    tasks = rights_tasks(key_store)
    run_all(empty_database_url, house.database, tasks)
    assert (
        len(key_store.secrets_named("objection-", older_than_s=-10)) == 2
    )  # young: perhaps not committed yet
    for each in key_store.secrets_named("objection-", older_than_s=-10):
        path = key_store._secrets / each
        os.utime(path, (time.time() - 7200,) * 2)
    run_all(empty_database_url, house.database, tasks)
    [left] = key_store.secrets_named("objection-", older_than_s=-10)
    assert left != abandoned
    with house.database.read() as connection:
        rows = connection.execute("select objection_id from objection").fetchall()
    assert rows == [(uuid.UUID(left.removeprefix("objection-")),)]
    [seen] = rights.objections.list()
    assert seen.templates == 1
