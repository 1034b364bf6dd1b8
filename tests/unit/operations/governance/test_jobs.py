"""Jobs over the API: an account sees its own, ends what it asked for, and holds up nothing that it owes."""

from __future__ import annotations

import uuid

import pytest

from countenance.accounts import Actor
from countenance.errors import AccessDeniedException, ConflictException, ResourceNotFoundException
from countenance.operations.registry import OPERATIONS
from countenance.operations.whose import ALL
from countenance.store import UnitOfWork
from countenance.store.jobs import Jobs, Task
from governed import OFFICERS


def nothing(_context):
    """Never run here."""


FINISHING = Task("finish-erasures-of-collection", nothing)
IMPORT = Task("import", nothing)
TIDYING = Task("compact", nothing)


@pytest.fixture
def officer(client_of):
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, OFFICERS[0], "officer", actor=Actor("test"))
    return client_of(office, officer=OFFICERS[0], purpose=None)


@pytest.fixture
def jobs(database):
    return Jobs(database)


@pytest.fixture
def importing(database, jobs, account):
    """A job of an import of the account's."""
    import_id = uuid.uuid4()
    with database.transaction() as connection:
        connection.execute(
            "insert into import_run (import_id, account_id, collection, request, state)"
            " values (%s, %s, 'friends', '{}', 'running')",
            (import_id, account.account_id),
        )
    return jobs.defer(IMPORT, {"import_id": str(import_id), "at_once": 2})


@pytest.fixture
def erasing(call, collection, database, jobs):
    """A job that makes the account's deletions final."""
    with database.read() as connection:
        (collection_id,) = connection.execute(
            "select collection_id from collection where account_id = %s and name = %s",
            (call.caller.account_id, collection),
        ).fetchone()
    return jobs.defer(FINISHING, {"collection_id": str(collection_id)})


def numbers(answer):
    return [job["JobId"] for job in answer["Jobs"]]


def test_an_account_sees_the_jobs_of_its_own_things(call, other_call, importing, erasing, jobs):
    """What the server does for others, or for itself, is not its business."""
    jobs.defer(TIDYING)
    assert numbers(call("ListJobs")) == sorted([importing, erasing], reverse=True)
    assert numbers(other_call("ListJobs")) == []
    told = call("DescribeJob", JobId=importing)["Job"]
    assert (told["Task"], told["State"], told["AccountId"]) == ("import", "waiting", call.caller.account_id)
    with pytest.raises(ResourceNotFoundException):
        other_call("DescribeJob", JobId=importing)
    with pytest.raises(AccessDeniedException):
        other_call("ListJobs", AccountId=call.caller.account_id)
    with pytest.raises(AccessDeniedException):
        call("ListJobs", AccountId=ALL)


def test_officers_see_the_houses_too(officer, importing, jobs):
    """And those of any account."""
    own = jobs.defer(TIDYING)
    found = numbers(officer("ListJobs", AccountId=ALL, MaxResults=2))
    assert found == [own, importing]
    assert "AccountId" not in officer("DescribeJob", JobId=own)["Job"]


def test_an_import_is_ended_by_its_account(call, other_call, importing):
    """Once; and by nobody else's account, to whom it does not exist."""
    with pytest.raises(ResourceNotFoundException):
        other_call("CancelJob", JobId=importing)
    assert call("DescribeJob", JobId=importing)["Job"]["MayCancel"] is True
    assert call("CancelJob", JobId=importing) == {"State": "cancelled"}
    assert numbers(call("ListJobs")) == []
    [ended] = call("ListJobs", IncludeEnded=True)["Jobs"]
    assert (ended["State"], ended["MayCancel"], "EndedAt" in ended) == ("cancelled", False, True)
    with pytest.raises(ConflictException, match="has ended"):
        call("CancelJob", JobId=importing)


def test_no_account_holds_up_its_own_erasures(call, officer, erasing):
    """People were promised that they are final within a day: no administrator may prevent it."""
    assert call("DescribeJob", JobId=erasing)["Job"]["MayCancel"] is False
    with pytest.raises(AccessDeniedException, match="officers alone"):
        call("CancelJob", JobId=erasing)
    assert officer("CancelJob", JobId=erasing) == {"State": "cancelled"}


def test_a_cancelled_job_that_is_not_committed_waits_still(call, importing, database):
    """The event and the change are one transaction: what failed to be recorded was not done."""
    with UnitOfWork(database) as uow:
        OPERATIONS["countenance"]["CancelJob"]({"JobId": importing}, call.deps(uow))
    assert numbers(call("ListJobs")) == [importing]


def test_pages_of_jobs_have_each_once(call, collection, database, jobs):
    """The newest first, and none twice, while new ones come."""
    made = []
    for _ in range(5):
        import_id = uuid.uuid4()
        with database.transaction() as connection:
            connection.execute(
                "insert into import_run (import_id, account_id, collection, request, state)"
                " values (%s, %s, 'friends', '{}', 'running')",
                (import_id, call.caller.account_id),
            )
        made.append(jobs.defer(IMPORT, {"import_id": str(import_id)}))
    first = call("ListJobs", MaxResults=3)
    assert numbers(first) == made[:1:-1]
    second = call("ListJobs", MaxResults=3, NextToken=first["NextToken"])
    assert numbers(second) == made[1::-1]
    assert "NextToken" not in second


@pytest.mark.parametrize("number", [2**53 - 1, 10**12])
def test_a_number_that_no_job_has(call, number):
    with pytest.raises(ResourceNotFoundException):
        call("DescribeJob", JobId=number)
