"""Independent tests on a real database and key files."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from account_server import CLI, Server
from countenance.accounts.testers import Allowance
from countenance.assurance.independent_keys import KEY_PREFIX
from countenance.assurance.independent_records import MOST_SAMPLES, Declaration, LabelledSample, Status
from countenance.assurance.independent_tests import IndependentTests
from countenance.errors import (
    ConflictException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ThrottlingException,
)
from countenance.store import UnitOfWork
from countenance.store.jobs import Jobs, Task
from fakes.bindings import BINDING

DECLARED = Declaration(
    name="spring",
    tested_by="State University",
    data_set="volunteers",
    labels_by="them",
    cohort_columns=("group",),
    face="LARGEST",
    quality_filter="AUTO",
)
ASSESS = Task("assess-a-test", lambda _context: None)


class Office:
    """Tests of testers, each written in a call's own transaction."""

    def __init__(self, database, keys):
        self.database, self.keys = database, keys
        self.tests = IndependentTests(database, keys)
        self.server = Server(database, keys)
        if self.server.governance.officers.house() is None:
            self.server.account("the house")

    def tester(self, **allowance):
        until = datetime.now(UTC) + timedelta(days=1)
        return self.server.governance.testers.add(
            "Ada", "State University", officer="Olga", expires_at=until,
            limits=Allowance(**allowance), actor=CLI,
        ).account_id  # fmt: skip

    def do(self, work):
        with UnitOfWork(self.database) as uow:
            done = work(uow)
            uow.commit()
        return done

    def create(self, account_id):
        return self.do(lambda uow: self.tests.create(uow, account_id, DECLARED, BINDING))

    def add(self, test, number, subject="s"):
        sample = LabelledSample(
            number, subject, {}, "0" * 64, is_boxed=False, template=np.array([1, 0], np.float32)
        )
        self.do(lambda uow: self.tests.add(uow, test, sample))

    def finish(self, test):
        return self.do(lambda uow: self.tests.finish(uow, test, ASSESS))


@pytest.fixture
def office(database, key_store):
    return Office(database, key_store)


def test_a_test_is_read_as_it_was_declared(office):
    made = office.create(account_id := office.tester())
    office.add(made, 3)
    found = office.tests.require(account_id, made.test_id)
    assert (found.declaration, found.binding, found.status) == (DECLARED, BINDING, Status.OPEN)
    assert (found.samples, found.enrolled, found.figures) == (1, 1, None)
    assert office.tests.numbers(found) == [(3, True)]
    assert timedelta(days=29) < found.expires_at - datetime.now(UTC) <= timedelta(days=30)


def test_a_list_goes_on_where_it_ended_and_has_nobody_elses(office):
    account_id = office.tester()
    made = sorted(office.create(account_id).test_id for _ in range(3))
    office.create(office.tester())
    first = office.tests.list_tests(account_id, limit=2)
    rest = office.tests.list_tests(account_id, limit=2, after=first[-1].test_id)
    assert [each.test_id for each in (*first, *rest)] == made


def test_what_is_rolled_back_leaves_neither_rows_nor_use(office):
    """A call that fails has taken nothing from the tester."""
    made = office.create(account_id := office.tester(samples_an_hour=1))
    with UnitOfWork(office.database) as uow:
        sample = LabelledSample(1, "s", {}, "0" * 64, is_boxed=False, template=None)
        office.tests.add(uow, made, sample)
    assert office.tests.room(account_id).this_hour == 1
    assert office.tests.numbers(made) == []


def test_of_calls_at_once_no_more_pass_than_there_is_room_for(office):
    """Two workers that both saw the last place must not both take it."""
    made = office.create(office.tester(samples_an_hour=3))
    outcomes = []

    def one(number):
        try:
            office.add(made, number)
            outcomes.append("taken")
        except ThrottlingException:
            outcomes.append("throttled")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["taken"] * 3 + ["throttled"] * 3
    assert len(office.tests.numbers(made)) == 3


def test_a_test_has_a_most_of_samples(office):
    made = office.create(office.tester())
    office.server.execute(
        "insert into independent_test_sample (test_id, number, is_enrolled, sealed) "
        "select %s, generate_series(1, %s), false, '\\x00'",
        made.test_id,
        MOST_SAMPLES,
    )
    with pytest.raises(ServiceQuotaExceededException, match="2000 are taken"):
        office.add(made, MOST_SAMPLES + 1)


def test_a_number_is_taken_once(office):
    made = office.create(office.tester())
    office.add(made, 1)
    with pytest.raises(ResourceAlreadyExistsException):
        office.add(made, 1)
    with pytest.raises(ResourceAlreadyExistsException):
        office.tests.require_new(made, 1)
    office.tests.require_new(made, 2)


def test_finishing_takes_two_samples_and_is_done_once(office):
    made = office.create(office.tester())
    office.add(made, 1)
    with pytest.raises(ConflictException, match="has 1 samples, and figures need 2"):
        office.finish(made)
    office.add(made, 2)
    assert office.finish(made).status is Status.COMPUTING
    assert office.finish(made).status is Status.COMPUTING
    jobs = [job for job in Jobs(office.database).list() if job.arguments == {"test_id": str(made.test_id)}]
    assert [job.task for job in jobs] == ["assess-a-test"]
    with pytest.raises(ConflictException, match="takes no more samples"):
        office.add(made, 3)


def test_figures_are_kept_once_and_a_failure_is_said(office):
    account_id = office.tester()
    first, second = office.create(account_id), office.create(account_id)
    for made in (first, second):
        office.add(made, 1)
        office.add(made, 2)
        office.finish(made)
    assert office.tests.keep_figures(first, {"format": "x"})
    assert not office.tests.keep_figures(first, {"format": "y"})
    office.tests.fail(first)
    found = office.tests.require(account_id, first.test_id)
    assert (found.status, found.figures) == (Status.FINISHED, {"format": "x"})
    office.tests.fail(second)
    assert office.tests.require(account_id, second.test_id).status is Status.FAILED


def test_a_test_whose_key_is_gone_is_gone(office):
    """As in a database that was restored: no backup has the key."""
    made = office.create(account_id := office.tester())
    office.keys.destroy_secret(f"{KEY_PREFIX}{made.test_id}")
    with pytest.raises(ResourceNotFoundException):
        office.tests.require(account_id, made.test_id)
    assert office.tests.list_tests(account_id, limit=9) == []
    with pytest.raises(ResourceNotFoundException):
        office.add(made, 1)


def test_nothing_is_written_into_a_test_of_somebody_else(office):
    """Whatever an operation above should mistake."""
    made = office.create(office.tester())
    stolen = dataclasses.replace(made, account_id=office.tester())
    with pytest.raises(ResourceNotFoundException):
        office.add(stolen, 1)
    office.do(lambda uow: office.tests.delete(uow, dataclasses.replace(stolen, test_id=uuid.uuid4())))
    assert office.tests.require(made.account_id, made.test_id).status is Status.OPEN


def test_an_account_that_is_no_testers_has_no_room(office):
    with pytest.raises(ResourceNotFoundException, match="is no tester's"):
        office.tests.room(office.server.account())
    with pytest.raises(ResourceNotFoundException, match="is no tester's"):
        office.create(office.server.account())


def test_room_says_what_is_left_and_when_there_is_more(office):
    made = office.create(account_id := office.tester(samples_an_hour=2, most_samples=5, tests_at_once=2))
    room = office.tests.room(account_id)
    assert (room.this_hour, room.in_all, room.tests, room.next_at) == (2, 5, 1, None)
    office.add(made, 1)
    office.add(made, 2)
    room = office.tests.room(account_id)
    assert (room.this_hour, room.in_all) == (0, 3)
    assert timedelta(minutes=59) < room.next_at - datetime.now(UTC) <= timedelta(minutes=61)
    office.server.execute(
        "update tester_use set minute = minute - interval '61 minutes' where account_id = %s", account_id
    )
    room = office.tests.room(account_id)
    assert (room.this_hour, room.in_all, room.next_at) == (2, 3, None)
