from __future__ import annotations

import os

import pytest

from account_server import CLI, Server, a_call
from countenance.accounts.changing import no_account
from countenance.store import UnitOfWork

RENAME = "update account set name = 'renamed' where account_id = %s"


def name_of(server: Server, account_id: str) -> str:
    return server.accounts.require_account(account_id).name


def test_a_change_on_the_machine_is_committed_with_an_event_of_its_own(server: Server):
    """Whoever is at the machine is on the record by their user's number."""
    account = server.account()
    with server.changing("Rename", account, CLI, resource="renamed") as connection:
        connection.execute(RENAME, (account,))
    assert name_of(server, account) == "renamed"
    entry = server.told(account)[-1]
    assert (entry.members["operation"], entry.members["decision"]) == ("Rename", "none")
    assert entry.opened("resource") == "renamed"
    assert entry.members["operator"] == server.operator(account, f"uid:{os.getuid()}")


def test_a_change_that_fails_leaves_neither_itself_nor_an_event(server: Server):
    """An entry of what did not happen would be a lie for good."""
    account = server.account()
    with pytest.raises(ZeroDivisionError), server.changing("Rename", account, CLI) as connection:
        connection.execute(RENAME, (account,))
        raise ZeroDivisionError
    assert name_of(server, account) == "Test"
    assert server.operations(account) == ["CreateAccount"]


def test_a_change_to_the_callers_own_account_is_told_by_the_call_alone(server: Server):
    """One call is one event."""
    account = server.account()
    with UnitOfWork(server.database) as work:
        with server.changing("Rename", account, a_call(account, work.connection)) as connection:
            assert connection is work.connection
            connection.execute(RENAME, (account,))
        assert name_of(server, account) == "Test"
        work.commit()
    assert name_of(server, account) == "renamed"
    assert server.operations(account) == ["CreateAccount"]


def test_a_change_to_another_account_is_an_event_of_that_account_too(server: Server):
    """An account must find in its own log who did what to it, and by which call."""
    account, house = server.account(), server.account()
    with UnitOfWork(server.database) as work:
        actor = a_call(house, work.connection, "Olga Officer")
        with server.changing("Rename", account, actor, resource="renamed") as connection:
            connection.execute(RENAME, (account,))
        work.commit()
    entry = server.told(account)[-1]
    assert entry.members["operation"] == "Rename"
    assert entry.members["previous"] == str(actor.event_id)
    assert entry.members["operator"] == server.operator(account, "Olga Officer")
    assert server.operations(house) == ["CreateAccount"]


def test_a_call_that_is_rolled_back_leaves_no_event_of_the_other_account_either(server: Server):
    account, house = server.account(), server.account()
    with UnitOfWork(server.database) as work:
        with server.changing("Rename", account, a_call(house, work.connection)) as connection:
            connection.execute(RENAME, (account,))
        work.rollback()
    assert name_of(server, account) == "Test"
    assert server.operations(account) == ["CreateAccount"]


def test_what_is_told_of_a_change_stands_in_its_event(server: Server):
    """Of a change of standing: from what to what, and by whom, also on the machine (`named`)."""
    account = server.account()
    with server.database.transaction() as connection:
        event_id = server.changing.record(
            connection, "ChangeStanding", account, CLI, standing=("good", "restricted"), named=True
        )
    entry = server.told(account)[-1]
    assert entry.event_id == event_id
    assert entry.members["standing"] == {"from": "good", "to": "restricted"}
    assert entry.members["operator"] == server.operator(account, "test")


def test_an_account_that_is_not_there_is_named():
    assert "`000000000000`" in no_account("0" * 12).message
