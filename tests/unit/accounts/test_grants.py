from __future__ import annotations

import random
import string
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from account_server import CLI, Server, a_call
from countenance.accounts import Actor
from countenance.accounts.grants import Status
from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import UnitOfWork

ELEVATED = {"approvals": 1, "risk": "elevated"}
HIGH = {"approvals": 2, "risk": "high"}


def ask(server: Server, account: str, purpose: str = "investigative-lead", **given: Any) -> uuid.UUID:
    told = {"justification": "a case", "actor": CLI} | given
    return server.governance.grants.request(account, purpose, told["justification"], actor=told["actor"])


def say(server: Server, request: uuid.UUID, vote: Any, officer: str, **given: Any) -> Status:
    told: dict[str, Any] = {"reason": "why", "actor": CLI} | HIGH | given
    return server.governance.grants.decide(request, vote, officer=officer, **told)


def purposes(server: Server, account: str) -> frozenset[str]:
    """What the account has, as policy reads it."""
    with server.database.read() as connection:
        read = server.governance.facts.read(
            connection, account, operator="guy", beneficiary=None, now=datetime.now(UTC)
        )
    return read.account.purposes


def test_what_is_asked_for_waits_and_is_not_had(server: Server):
    """A request says for what, by whom and when; nothing follows from it."""
    account = server.account()
    request = ask(server, account, justification=" a case ", actor=Actor("guy"))
    found = server.governance.grants.require(request)
    assert (found.account_id, found.purpose, found.status) == (account, "investigative-lead", "pending")
    assert (found.justification, found.requested_by) == ("a case", "guy")
    assert (found.approved_by, found.decided_at) == ((), None)
    assert server.governance.grants.list(account) == [found]
    assert purposes(server, account) == frozenset()


def test_two_officers_approve_what_takes_two(server: Server):
    """Only then the account has it, and it is on record who said so."""
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    request = ask(server, account)
    assert say(server, request, "approve", olga) == "pending"
    assert purposes(server, account) == frozenset()
    assert server.governance.grants.require(request).decided_at is None
    assert say(server, request, "approve", otto) == "approved"
    assert purposes(server, account) == {"investigative-lead"}
    found = server.governance.grants.require(request)
    assert found.approved_by == (olga, otto)
    assert found.decided_at is not None


def test_two_approvals_by_one_officer_count_once(server: Server):
    """Two pairs of eyes are asked for, not two clicks."""
    account, olga = server.account(), server.officer()
    request = ask(server, account)
    say(server, request, "approve", olga)
    with pytest.raises(ConflictException, match="has said so already"):
        say(server, request, "approve", olga)
    found = server.governance.grants.require(request)
    assert (found.status, found.approved_by) == ("pending", (olga,))
    assert purposes(server, account) == frozenset()


def test_the_approval_of_an_officer_who_has_gone_since_does_not_count(server: Server):
    """They may have been removed for it."""
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    request = ask(server, account)
    say(server, request, "approve", olga)
    server.governance.officers.remove(server.governance.officers.house(), olga, actor=CLI)
    assert say(server, request, "approve", otto) == "pending"
    assert say(server, request, "approve", server.officer("Ondine")) == "approved"


@pytest.mark.parametrize(("risk", "ends"), [("low", False), ("elevated", True), ("high", True)])
def test_what_is_of_more_than_low_risk_ends_by_itself_and_may_be_asked_for_again(
    server: Server, risk: str, ends: bool
):
    """Somebody has to look at it once more, and until then nobody has it."""
    account = server.account()
    request = ask(server, account)
    assert say(server, request, "approve", server.officer(), approvals=1, risk=risk) == "approved"
    ((expires_at,),) = server.select("select expires_at from purpose_request where request_id = %s", request)
    assert (expires_at is not None) is ends
    if not ends:
        return
    assert timedelta(days=729) < expires_at - datetime.now(UTC) < timedelta(days=731)
    with pytest.raises(ConflictException, match="or has it"):
        ask(server, account)
    server.execute("update purpose_request set expires_at = clock_timestamp() where request_id = %s", request)
    assert purposes(server, account) == frozenset()
    again = ask(server, account)
    assert server.governance.grants.require(request).status == "withdrawn"
    assert server.governance.grants.require(again).status == "pending"


def test_one_refusal_refuses_whoever_approved_before(server: Server):
    """A doubt that one officer has is enough; and what is refused is decided."""
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    request = ask(server, account)
    say(server, request, "approve", olga)
    assert say(server, request, "refuse", otto) == "refused"
    assert purposes(server, account) == frozenset()
    for vote in ("approve", "refuse", "withdraw"):
        with pytest.raises(ConflictException, match="refused"):
            say(server, request, vote, server.officer())


def test_an_officer_may_change_their_mind_while_it_waits(server: Server):
    account, olga = server.account(), server.officer()
    request = ask(server, account)
    say(server, request, "approve", olga)
    assert say(server, request, "refuse", olga) == "refused"


def test_what_was_approved_may_be_withdrawn_by_one_officer(server: Server):
    """Taking away is easier than giving, on purpose."""
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    request = ask(server, account)
    for officer in (olga, otto):
        say(server, request, "approve", officer)
    assert say(server, request, "withdraw", olga) == "withdrawn"
    assert purposes(server, account) == frozenset()
    with pytest.raises(ConflictException, match="withdrawn"):
        say(server, request, "withdraw", otto)


@pytest.mark.parametrize("approvals", [0, 1])
def test_what_waits_cannot_be_withdrawn_and_what_is_approved_cannot_be_refused(
    server: Server, approvals: int
):
    account = server.account()
    request = ask(server, account)
    if approvals:
        say(server, request, "approve", server.officer(), **ELEVATED)
        with pytest.raises(ConflictException, match="approved"):
            say(server, request, "refuse", server.officer())
        assert purposes(server, account) == {"investigative-lead"}
    else:
        with pytest.raises(ConflictException, match="pending"):
            say(server, request, "withdraw", server.officer())


def test_a_purpose_is_asked_for_once_until_it_is_decided_and_again_after_a_no(server: Server):
    """A second request beside an open one would be a second chance at other officers."""
    account = server.account()
    request = ask(server, account)
    with pytest.raises(ConflictException, match="already"):
        ask(server, account)
    ask(server, account, "missing-persons")
    ask(server, server.account())
    say(server, request, "refuse", server.officer())
    again = ask(server, account)
    say(server, again, "approve", server.officer(), **ELEVATED)
    with pytest.raises(ConflictException, match="or has it"):
        ask(server, account)
    say(server, again, "withdraw", server.officer())
    ask(server, account)
    states = [found.status for found in server.governance.grants.list(account)]
    assert states == ["pending", "withdrawn", "pending", "refused"]
    pending = server.governance.grants.list(account, status="pending")
    assert [found.purpose for found in pending] == ["investigative-lead", "missing-persons"]


def test_approvals_of_an_earlier_request_do_not_count_for_a_later_one(server: Server):
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    first = ask(server, account)
    say(server, first, "approve", olga)
    say(server, first, "refuse", otto)
    assert say(server, ask(server, account), "approve", otto) == "pending"


def test_a_request_says_what_for_and_of_an_account_that_is_there(server: Server):
    account = server.account()
    with pytest.raises(InvalidParameterException, match="what the purpose is needed for"):
        ask(server, account, justification=" \n")
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        ask(server, "0" * 12)
    assert server.operations(account) == ["CreateAccount"]


def test_a_request_that_is_not_there_is_not_found(server: Server):
    nobodys = uuid.uuid4()
    with pytest.raises(ResourceNotFoundException, match=str(nobodys)):
        server.governance.grants.require(nobodys)
    with pytest.raises(ResourceNotFoundException, match=str(nobodys)):
        say(server, nobodys, "approve", server.officer())


def test_the_accounts_log_has_the_request_and_each_word_about_it(server: Server):
    """An account must be able to show who decided what about it."""
    account, olga = server.account(), server.officer()
    request = ask(server, account, "missing-persons")
    say(server, request, "approve", olga, **ELEVATED)
    say(server, request, "withdraw", olga)
    assert [(entry.members["operation"], entry.opened("resource")) for entry in server.told(account)[1:]] == [
        ("RequestPurpose", "missing-persons"),
        ("DecidePurposeRequest", f"missing-persons approve by {olga}"),
        ("DecidePurposeRequest", f"missing-persons withdraw by {olga}"),
    ]


# ---- The house's own account


def a_purpose(begins: str) -> str:
    """A purpose that no test has asked for the house before."""
    return f"{begins}-{''.join(random.choices(string.ascii_lowercase, k=16))}"


@pytest.mark.parametrize("terms", [ELEVATED, HIGH], ids=["elevated", "high"])
def test_an_officer_alone_does_not_approve_what_they_asked_for(server: Server, terms: dict[str, Any]):
    """Whoever runs a server would otherwise be answerable to nobody: a second pair of eyes is asked for."""
    house, olga, otto = server.governance.officers.house(), server.officer("Olga"), server.officer("Otto")
    request = ask(server, house, a_purpose("research"), actor=Actor(olga))
    assert say(server, request, "approve", olga, **terms) == "pending"
    with pytest.raises(ConflictException, match="takes 2 officers"):
        say(server, request, "approve", olga, **terms)
    assert say(server, request, "approve", otto, **terms) == "approved"


def test_what_the_house_itself_may_do_two_officers_say(server: Server):
    """Also where one would do for anybody else: whoever asked may have used another name."""
    house, olga, otto = server.governance.officers.house(), server.officer("Olga"), server.officer("Otto")
    request = ask(server, house, a_purpose("research"), actor=Actor("somebody's laptop"))
    assert say(server, request, "approve", olga, **ELEVATED) == "pending"
    assert say(server, request, "approve", otto, **ELEVATED) == "approved"


def test_how_many_officers_it_takes_is_told_beforehand(server: Server):
    """To whoever asks and to whoever votes: what is told must be what counts."""
    house, account = server.governance.officers.house(), server.account()
    needed = server.governance.grants.approvals_needed
    assert needed(account, approvals=1, risk="elevated") == needed(house, approvals=1, risk="low") == 1
    assert needed(house, approvals=1, risk="elevated") == needed(account, approvals=2, risk="high") == 2


def test_they_may_refuse_it_and_approve_what_is_of_low_risk(server: Server):
    """Trying a server out takes one person; and a no needs nobody else's eyes."""
    house, olga = server.governance.officers.house(), server.officer()
    refused = ask(server, house, a_purpose("lead"), actor=Actor(olga))
    assert say(server, refused, "refuse", olga) == "refused"
    low = ask(server, house, a_purpose("play"), actor=Actor(olga))
    assert say(server, low, "approve", olga, approvals=1, risk="low") == "approved"


def test_of_other_accounts_an_officer_decides_whatever_name_the_asker_has(server: Server):
    """Names of people at other accounts are their own business."""
    account, olga = server.account(), server.officer()
    request = ask(server, account, actor=Actor(olga))
    assert say(server, request, "approve", olga, **ELEVATED) == "approved"


# ---- Calls, and several at once


def test_a_word_within_a_call_counts_once_the_call_is_committed(server: Server):
    """The house's call decides about another account: both logs have it, or neither."""
    house, account, olga = server.governance.officers.house(), server.account(), server.officer()
    request = ask(server, account)
    for end in ("rollback", "commit"):
        with UnitOfWork(server.database) as work:
            actor = a_call(house, work.connection, olga)
            assert say(server, request, "approve", olga, actor=actor, **ELEVATED) == "approved"
            assert purposes(server, account) == frozenset()
            getattr(work, end)()
    assert purposes(server, account) == {"investigative-lead"}
    entry = server.told(account)[-1]
    assert entry.members["previous"] == str(actor.event_id)
    assert entry.members["operator"] == server.operator(account, olga)
    assert server.operations(account).count("DecidePurposeRequest") == 1


def test_a_second_word_of_one_officer_leaves_the_calls_transaction_usable(server: Server):
    """The conflict is an answer, and the call's own event must still be written."""
    account, olga = server.account(), server.officer()
    request = ask(server, account)
    say(server, request, "approve", olga)
    with UnitOfWork(server.database) as work:
        with pytest.raises(ConflictException):
            say(server, request, "approve", olga, actor=a_call(account, work.connection))
        assert work.connection.execute("select 1").fetchone() == (1,)


def test_a_request_made_in_the_same_call_can_be_decided_in_it(server: Server):
    """The first acceptance for the house does both at once."""
    account, olga = server.account(), server.officer()
    with UnitOfWork(server.database) as work:
        actor = a_call(account, work.connection)
        request = ask(server, account, "development", actor=actor)
        assert say(server, request, "approve", olga, actor=actor, approvals=1, risk="low") == "approved"
        work.commit()
    assert purposes(server, account) == {"development"}


def test_officers_who_vote_at_once_are_each_counted(server: Server):
    """Two who see one approval each, and none sees the other's, would leave it pending for ever."""
    officers = [server.officer() for _ in range(4)]
    for _ in range(5):
        account, together = server.account(), threading.Barrier(4)
        request = ask(server, account)

        def vote(officer: str, request: uuid.UUID = request, together: Any = together) -> str:
            together.wait(10)
            try:
                return say(server, request, "approve", officer)
            except ConflictException:
                return "too late"

        with ThreadPoolExecutor(4) as pool:
            answers = sorted(pool.map(vote, officers))
        assert answers == ["approved", "pending", "too late", "too late"]
        assert len(server.governance.grants.require(request).approved_by) == 2
        assert purposes(server, account) == {"investigative-lead"}


def test_of_a_refusal_and_an_approval_at_once_one_is_first_and_the_other_is_told(server: Server):
    """Never both: an account that was refused must not have the purpose."""
    olga, otto = server.officer("Olga"), server.officer("Otto")
    for _ in range(10):
        account, together = server.account(), threading.Barrier(2)
        request = ask(server, account)

        def vote(given: tuple[str, str], request: uuid.UUID = request, together: Any = together) -> str:
            together.wait(10)
            try:
                return say(server, request, given[0], given[1], **ELEVATED)
            except ConflictException:
                return "too late"

        with ThreadPoolExecutor(2) as pool:
            answers = set(pool.map(vote, [("approve", olga), ("refuse", otto)]))
        status = server.governance.grants.require(request).status
        assert answers == {status, "too late"}
        assert purposes(server, account) == ({"investigative-lead"} if status == "approved" else set())


def test_a_purpose_asked_for_at_once_is_one_request(server: Server):
    account, together = server.account(), threading.Barrier(4)

    def request(_: int) -> bool:
        together.wait(10)
        try:
            ask(server, account)
        except ConflictException:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(request, range(4))) == [False, False, False, True]
    assert len(server.governance.grants.list(account)) == 1
