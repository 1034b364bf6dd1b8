from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from account_server import CLI, Server, a_call
from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.facts import RECORD_KINDS
from countenance.store import UnitOfWork

DIGEST = "ab" * 32


def put(server: Server, account: str, kind: str = "notice", **changes):
    told = {"digest": None, "valid_until": None, "actor": CLI, "reference": "https://example/notice"}
    return server.governance.on_file.put(account, kind, **told | changes)


def test_what_is_put_on_file_is_listed_the_newest_first(server: Server):
    """Whether or not it is in date: the account must see what it has to renew."""
    account, ended = server.account(), datetime.now(UTC) - timedelta(days=1)
    first = put(server, account, reference=" https://example/old ", valid_until=ended)
    second = put(server, account, "use_policy", digest=DIGEST)
    newest, oldest = server.governance.on_file.list(account)
    assert (newest.record_id, oldest.record_id) == (second, first)
    assert (newest.kind, newest.digest, newest.valid_until) == ("use_policy", DIGEST, None)
    assert (oldest.reference, oldest.valid_until) == ("https://example/old", ended)
    assert oldest.recorded_by == "test"


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_every_kind_that_a_rule_may_ask_for_can_be_put_on_file(server: Server, kind: str):
    """A list in the code and a check in the database: they must not differ."""
    account = server.account()
    put(server, account, kind)
    assert [record.kind for record in server.governance.on_file.list(account)] == [kind]


def test_a_kind_that_no_rule_knows_or_a_place_that_is_none_is_refused(server: Server):
    """What is on file under a misspelt kind would be taken for what is missing."""
    account = server.account()
    with pytest.raises(InvalidParameterException, match="`notise` is no kind"):
        put(server, account, "notise")
    with pytest.raises(InvalidParameterException, match="where"):
        put(server, account, reference=" \n")
    assert server.governance.on_file.list(account) == []
    assert server.operations(account) == ["CreateAccount"]


def test_what_is_withdrawn_is_off_file_and_withdrawn_once(server: Server):
    account = server.account()
    record = put(server, account)
    server.governance.on_file.withdraw(account, record, actor=CLI)
    assert server.governance.on_file.list(account) == []
    with pytest.raises(ResourceNotFoundException, match=str(record)):
        server.governance.on_file.withdraw(account, record, actor=CLI)


def test_another_accounts_record_behaves_as_if_it_were_not_there(server: Server):
    account, stranger = server.account(), server.account()
    record = put(server, account)
    for record_id in (record, uuid4()):
        with pytest.raises(ResourceNotFoundException, match=str(record_id)):
            server.governance.on_file.withdraw(stranger, record_id, actor=CLI)
    assert server.governance.on_file.list(stranger) == []
    assert len(server.governance.on_file.list(account)) == 1
    assert server.operations(stranger) == ["CreateAccount"]


def test_the_log_has_each_statement_with_its_reference_and_digest(server: Server):
    """A statement of the account: what it said, and of which text, cannot be changed later."""
    account = server.account()
    record = put(server, account, digest=DIGEST)
    server.governance.on_file.withdraw(account, record, actor=CLI)
    server.governance.on_file.train(
        account, "guy", valid_until=datetime.now(UTC) + timedelta(days=1), actor=CLI
    )
    assert [(entry.members["operation"], entry.opened("resource")) for entry in server.told(account)[1:]] == [
        ("PutRecord", f"notice https://example/notice {DIGEST}"),
        ("WithdrawRecord", str(record)),
        ("RecordTraining", "guy"),
    ]


def test_an_account_that_is_not_there_has_nothing_on_file(server: Server):
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        put(server, "0" * 12)
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        server.governance.on_file.train("0" * 12, "guy", valid_until=datetime.now(UTC), actor=CLI)


def test_what_a_call_puts_on_file_is_part_of_the_call(server: Server):
    """Its own account's event tells of it; a refused call leaves nothing."""
    account = server.account()
    with UnitOfWork(server.database) as work:
        put(server, account, actor=a_call(account, work.connection))
        work.rollback()
    assert server.governance.on_file.list(account) == []
    with UnitOfWork(server.database) as work:
        put(server, account, actor=a_call(account, work.connection))
        work.commit()
    (record,) = server.governance.on_file.list(account)
    assert record.recorded_by == "guy"
    assert server.operations(account) == ["CreateAccount"]
