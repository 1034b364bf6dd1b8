from __future__ import annotations

import pytest

from countenance.cli.job_tasks import job_tasks, tell
from countenance.settings import Settings
from countenance.store.jobs.worker import cron
from paths import REPOSITORY

OPERATIONS = REPOSITORY / "docs" / "operations" / "jobs.md"


@pytest.fixture
def tasks(key_store, tmp_path):
    return job_tasks(Settings(data_dir=tmp_path), key_store)


def test_every_task_has_a_name_of_its_own_a_meaning_and_a_period_that_there_is(tasks):
    assert len({task.name for task in tasks}) == len(tasks)
    assert all(task.meaning for task in tasks)
    assert all(cron(task.every_s) for task in tasks if task.every_s is not None)


def test_every_task_is_documented(tasks):
    text = OPERATIONS.read_text()
    assert [task.name for task in tasks if f"`{task.name}`" not in text] == []


def test_what_an_operator_should_know_is_on_standard_error(capsys):
    tell("something")
    assert capsys.readouterr() == ("", "something\n")
