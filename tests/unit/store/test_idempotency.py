from __future__ import annotations

import threading
import uuid
from datetime import timedelta

import pytest

from countenance.store import Database, UniqueViolation
from countenance.store.idempotency import KeptAnswer, find, forget_older_than, save

EVENT = b"sealed"


@pytest.fixture
def account(database: Database) -> str:
    account_id = f"{uuid.uuid4().int % 10**12:012d}"
    with database.transaction() as connection:
        connection.execute("insert into account (account_id, name) values (%s, 'a')", (account_id,))
    return account_id


def test_an_answer_is_found_under_its_token_in_its_account_and_operation_only(
    database: Database, account: str
):
    """Tokens are chosen by clients: two of them may choose the same one."""
    with database.transaction() as connection:
        save(
            connection,
            account,
            "CreateUser",
            "t",
            input_digest=b"d",
            response={"a": [1.5, None, "ü"]},
            sealed_event=EVENT,
        )
    with database.transaction() as connection:
        assert find(connection, account, "CreateUser", "t") == KeptAnswer(
            b"d", {"a": [1.5, None, "ü"]}, EVENT
        )
        assert find(connection, account, "DeleteUser", "t") is None
        assert find(connection, "0" * 12, "CreateUser", "t") is None
        assert find(connection, account, "CreateUser", "T") is None


def test_a_token_keeps_its_first_answer(database: Database, account: str):
    """A second answer would make a retry differ from what the first call was told."""
    with database.transaction() as connection:
        save(connection, account, "CreateUser", "t", input_digest=b"d", response={}, sealed_event=EVENT)
    with pytest.raises(UniqueViolation), database.transaction() as connection:
        save(connection, account, "CreateUser", "t", input_digest=b"e", response={}, sealed_event=EVENT)


def test_of_two_calls_with_one_token_the_second_waits_and_finds_the_answer(database: Database, account: str):
    """A client's retry often overtakes its first attempt: the work must be done once."""
    done: list[str] = []

    def call() -> None:
        with database.transaction() as connection:
            if find(connection, account, "CreateUser", "t") is None:
                done.append("worked")
                threading.Event().wait(0.1)
                save(
                    connection, account, "CreateUser", "t", input_digest=b"d", response={}, sealed_event=EVENT
                )
            else:
                done.append("found")

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["found", "found", "found", "worked"]


def test_old_answers_are_forgotten_and_young_ones_kept(database: Database, account: str):
    """Answers name people's ids: they are kept as long as a retry may come, no longer."""
    with database.transaction() as connection:
        save(connection, account, "CreateUser", "old", input_digest=b"d", response={}, sealed_event=EVENT)
        connection.execute(
            "update idempotency set created_at = created_at - interval '2 days' where account_id = %s",
            (account,),
        )
        save(connection, account, "CreateUser", "young", input_digest=b"d", response={}, sealed_event=EVENT)
        assert forget_older_than(connection, timedelta(days=1)) >= 1
        assert find(connection, account, "CreateUser", "old") is None
        assert find(connection, account, "CreateUser", "young") is not None
