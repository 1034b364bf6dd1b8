"""The job that computes a test's figures, as it is called again and again."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from countenance.accounts import Actor
from countenance.accounts.testers import Allowance
from countenance.assurance.independent_records import Declaration, LabelledSample, Status
from countenance.assurance.independent_tests import IndependentTests
from countenance.errors import ResourceNotFoundException
from countenance.operations.independent_assessment import ASSESS, assess, assess_task
from countenance.store import UnitOfWork
from countenance.store.jobs import JobFailed
from fakes.bindings import BINDING
from governed import open_governance

DECLARED = Declaration(
    name="spring",
    tested_by="somebody",
    data_set="volunteers",
    labels_by="",
    cohort_columns=(),
    face="LARGEST",
    quality_filter="AUTO",
)


@pytest.fixture
def tests(database, key_store):
    return IndependentTests(database, key_store)


@pytest.fixture
def finished(tests, call, database, key_store):
    """Makes a test of so many samples that takes no more; without templates if wanted."""

    def make(*, enrolled=True):
        governance = open_governance(database, key_store)
        until = datetime.now(UTC) + timedelta(days=1)
        tester = governance.testers.add(
            "Ada", "x", officer="Olga", expires_at=until, limits=Allowance(), actor=Actor("a test")
        )
        with UnitOfWork(database) as uow:
            made = tests.create(uow, tester.account_id, DECLARED, BINDING)
            for number in range(1, 5):
                template = np.array([1.0, 0.0] if number < 3 else [0.0, 1.0], np.float32)
                sample = LabelledSample(
                    number, f"s{number % 2}", {}, "0" * 64, is_boxed=False,
                    template=template if enrolled else None,
                )  # fmt: skip
                tests.add(uow, made, sample)
            done = tests.finish(uow, made, assess_task(tests))
            uow.commit()
        return done

    return make


def test_figures_are_computed_once_however_often_it_is_called(tests, finished):
    """A job may be killed at any moment and is called again."""
    made = finished()
    assess(tests, made.test_id)
    first = tests.require(None, made.test_id)
    assess(tests, made.test_id)
    again = tests.require(None, made.test_id)
    assert first.status is Status.FINISHED
    assert first.figures == again.figures
    assert first.figures["data"]["samples"] == 4


def test_a_test_that_is_gone_is_nobodys_work(tests):
    assess(tests, uuid.uuid4())


def test_a_test_deleted_while_its_figures_are_computed_is_nobodys_work(
    tests, finished, database, monkeypatch
):
    """No failed job, and no figures of what its tester took back."""
    made = finished()

    def meanwhile(*_):
        with UnitOfWork(database) as work:
            tests.delete(work, made)
            work.commit()
        return {}

    monkeypatch.setattr("countenance.operations.independent_figures.evaluation_of", meanwhile)
    assess(tests, made.test_id)
    with pytest.raises(ResourceNotFoundException):
        tests.require(None, made.test_id)


def test_what_has_no_figures_is_marked_and_told_by_id_alone(tests, finished):
    """The reason of a failed job is shown in lists."""
    made = finished(enrolled=False)
    with pytest.raises(JobFailed, match=f"the test {made.test_id} has no figures: ValueError"):
        assess(tests, made.test_id)
    assert tests.require(None, made.test_id).status is Status.FAILED
    assess(tests, made.test_id)


def test_samples_that_were_changed_in_the_database_have_no_figures(tests, finished, database):
    """Whoever owns the database must not be able to mend their own audit."""
    made = finished()
    with database.transaction() as connection:
        connection.execute(
            "update independent_test_sample as a set sealed = b.sealed from independent_test_sample as b "
            "where a.test_id = %s and a.number = 1 and b.test_id = a.test_id and b.number = 2",
            (made.test_id,),
        )
    with pytest.raises(JobFailed, match="BrokenIndependentSeal"):
        assess(tests, made.test_id)
    assert tests.require(None, made.test_id).status is Status.FAILED


def test_the_task_is_the_one_that_servers_run(tests):
    assert assess_task(tests).name == ASSESS
