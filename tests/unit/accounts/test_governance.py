from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from account_server import CLI, Server, a_call, a_document, opened_with
from countenance.accounts import FIRST_PURPOSE
from countenance.errors import SetupError
from countenance.policy import load_purposes
from countenance.store import UnitOfWork


def begin(server: Server, account: str, actor=CLI) -> None:
    server.governance.begin(account, officer="Marian", role="mayor", actor=actor)


def purposes(server: Server, account: str) -> frozenset[str]:
    with server.database.read() as connection:
        read = server.governance.facts.read(
            connection, account, operator="guy", beneficiary=None, now=datetime.now(UTC)
        )
    return read.account.purposes


def test_to_open_it_notes_the_terms_and_since_when(server: Server):
    """The grace of a version counts from when this server first had it: all processes read the same."""
    document = a_document()
    first = opened_with(server, document)
    second = opened_with(server, document)
    key = (document.name, "1.0")
    assert first.facts.first_seen[key] == second.facts.first_seen[key]
    assert first.terms.documents == (document,)
    with pytest.raises(SetupError, match="another text"):
        opened_with(server, a_document(document.name))


def test_whoever_accepts_for_the_house_first_is_its_first_officer_and_has_the_first_purpose(
    empty_server: Server,
):
    """Somebody has to be able to decide; and a newcomer must be able to try the server out."""
    house = empty_server.account()
    begin(empty_server, house)
    assert [(each.name, each.role) for each in empty_server.governance.officers.list()] == [
        ("Marian", "mayor")
    ]
    assert purposes(empty_server, house) == {FIRST_PURPOSE}
    (request,) = empty_server.governance.grants.list(house)
    assert (request.requested_by, request.approved_by) == ("Marian", ("Marian",))
    assert empty_server.operations(house)[1:] == ["AddOfficer", "RequestPurpose", "DecidePurposeRequest"]


def test_the_first_purpose_is_of_low_risk_and_takes_one_officer():
    """Anything else could not be given by the one person there is."""
    purpose = load_purposes()[FIRST_PURPOSE]
    assert (purpose.risk, purpose.approvals) == ("low", 1)


def test_within_a_call_all_of_it_is_part_of_the_call(empty_server: Server):
    """AcceptTerms by the house's own key: rolled back with it, committed with it, told by its one event."""
    house = empty_server.account()
    for end in ("rollback", "commit"):
        with UnitOfWork(empty_server.database) as work:
            begin(empty_server, house, a_call(house, work.connection))
            assert empty_server.governance.officers.list() == []
            getattr(work, end)()
    assert [each.name for each in empty_server.governance.officers.list()] == ["Marian"]
    assert purposes(empty_server, house) == {FIRST_PURPOSE}
    assert empty_server.operations(house) == ["CreateAccount"]


def test_nothing_follows_from_an_acceptance_for_any_other_account(empty_server: Server):
    """Or a customer's officer would decide about everybody."""
    house, other = empty_server.account(), empty_server.account()
    begin(empty_server, other)
    assert empty_server.governance.officers.list() == []
    assert purposes(empty_server, other) == frozenset()
    assert empty_server.operations(house) == empty_server.operations(other) == ["CreateAccount"]


def test_a_house_that_has_an_officer_gets_no_other_by_accepting(empty_server: Server):
    """Later officers are added by those who are."""
    house = empty_server.account()
    empty_server.governance.officers.add(house, "Otto", "owner", actor=CLI)
    begin(empty_server, house)
    assert [each.name for each in empty_server.governance.officers.list()] == ["Otto"]
    assert purposes(empty_server, house) == frozenset()


def test_of_several_who_accept_at_once_one_is_the_first_officer(empty_server: Server):
    """A second one would decide without anybody having added them."""
    house, together = empty_server.account(), threading.Barrier(4)

    def accept(number: int) -> None:
        together.wait(10)
        empty_server.governance.begin(house, officer=f"number {number}", role="r", actor=CLI)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(accept, range(4)))
    (officer,) = empty_server.governance.officers.list()
    (request,) = empty_server.governance.grants.list(house)
    assert request.approved_by == (officer.name,)
    assert empty_server.operations(house).count("AddOfficer") == 1


def test_a_first_purpose_that_was_asked_for_before_is_left_as_it_is(empty_server: Server):
    """Nothing is asked for twice: the new officer decides about it like about any other."""
    house = empty_server.account()
    grants = empty_server.governance.grants
    request = grants.request(house, FIRST_PURPOSE, "why", actor=CLI)
    begin(empty_server, house)
    assert [each.name for each in empty_server.governance.officers.list()] == ["Marian"]
    assert [each.status for each in grants.list(house)] == ["pending"]
    decided = grants.decide(
        request, "approve", officer="Marian", reason="", approvals=1, risk="low", actor=CLI
    )
    assert decided == "approved"


@pytest.mark.parametrize("again", ["Marian", "Otto"])
def test_once_there_was_an_officer_nobody_becomes_one_by_accepting(empty_server: Server, again: str):
    """Who was removed does not come back by themselves: officers are named on the server's machine."""
    house = empty_server.account()
    officers = empty_server.governance.officers
    officers.add(house, again, "owner", actor=CLI)
    officers.remove(house, again, actor=CLI)
    before = empty_server.operations(house)
    begin(empty_server, house)
    assert officers.list() == []
    assert purposes(empty_server, house) == frozenset()
    assert empty_server.operations(house) == before
