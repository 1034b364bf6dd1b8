"""What is over is deleted with its key, and nothing else is."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from account_server import CLI, Server
from countenance.accounts.testers import Allowance
from countenance.assurance.independent_expiry import Expiry
from countenance.assurance.independent_keys import KEY_PREFIX, key_name
from countenance.assurance.independent_records import Declaration
from countenance.assurance.independent_tests import IndependentTests
from countenance.store import UnitOfWork
from fakes.bindings import BINDING

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
def server(database, key_store):
    made = Server(database, key_store)
    if made.governance.officers.house() is None:
        made.account("the house")
    return made


@pytest.fixture
def expiry(database, key_store):
    return Expiry(database, key_store)


@pytest.fixture
def made(server):
    """Makes a test of a new tester."""

    def make():
        key = server.governance.testers.add(
            "Ada",
            "State University",
            officer="Olga",
            expires_at=datetime.now(UTC) + timedelta(days=1),
            limits=Allowance(),
            actor=CLI,
        )
        with UnitOfWork(server.database) as uow:
            test = IndependentTests(server.database, server.keys).create(
                uow, key.account_id, DECLARED, BINDING
            )
            uow.commit()
        return test

    return make


def test_what_is_over_is_listed_for_each_of_its_reasons(server, expiry, made):
    late, revoked, expired, going_on = (made() for _ in range(4))
    server.execute(
        "update independent_test set expires_at = clock_timestamp() where test_id = %s", late.test_id
    )
    server.governance.testers.revoke(revoked.account_id, officer="Olga", actor=CLI)
    server.execute(
        "update tester set expires_at = clock_timestamp() where account_id = %s", expired.account_id
    )
    ended = {test_id for test_id, _ in expiry.ended()}
    assert {late.test_id, revoked.test_id, expired.test_id} <= ended
    assert going_on.test_id not in ended


def test_the_key_goes_with_the_commit_and_not_before(server, expiry, made):
    """A call that fails after all must leave a test that opens."""
    test = made()
    with UnitOfWork(server.database) as uow:
        expiry.delete(uow, test.test_id, test.account_id)
    assert server.keys.secret(key_name(test.test_id)) is not None
    with UnitOfWork(server.database) as uow:
        expiry.delete(uow, test.test_id, test.account_id)
        uow.commit()
    assert server.keys.secret(key_name(test.test_id)) is None
    assert server.select("select 1 from independent_test where test_id = %s", test.test_id) == []


def test_keys_without_a_test_are_swept_and_others_stay(server, expiry, made):
    test, left = made(), key_name(uuid.uuid4())
    server.keys.create_secret(left)
    server.keys.create_secret("another")
    assert left.startswith(KEY_PREFIX)
    assert expiry.sweep(older_than_s=3600.0) == 0
    assert expiry.sweep(older_than_s=-1.0) == 1
    assert server.keys.secret(left) is None
    assert None not in {server.keys.secret("another"), server.keys.secret(key_name(test.test_id))}
