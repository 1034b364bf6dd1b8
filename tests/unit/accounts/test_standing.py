from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from account_server import CLI, Server, a_call
from countenance.accounts import Actor
from countenance.audit import AuditLog, Event
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.store import Connection, Database, UnitOfWork

STANDINGS = ("pending", "good", "restricted", "suspended", "terminated")


def change(server: Server, account: str, standing: Any, **given: Any) -> int:
    told = {"reason": "why", "decided_by": "Olga", "second_officer": "Otto", "actor": CLI} | given
    return server.governance.standings.change(account, standing, **told)


def appeal(server: Server, account: str) -> uuid.UUID:
    """An appeal against the newest step: what a terminated account is reinstated by."""
    step = server.governance.standings.history(account)[0]
    (made,) = server.select(
        "insert into appeal (account_id, change_id, statement, submitted_by, status)"
        " values (%s, %s, 'we are sorry', 'guy', 'granted') returning appeal_id",
        account,
        step.change_id,
    )
    return made[0]


def reinstate(server: Server, account: str) -> int:
    return change(server, account, "good", appeal_id=appeal(server, account))


def supply(server: Server, upstream: str, downstream: str) -> uuid.UUID:
    """A relation in force."""
    relations = server.governance.relations
    relation = relations.declare(downstream, "supplied_by", upstream, actor=CLI)
    relations.confirm(relation, account_id=None, actor=CLI)
    return relation


def chain(server: Server, length: int) -> list[str]:
    """Accounts of which each supplies the next."""
    accounts = [server.account() for _ in range(length)]
    for upstream, downstream in pairwise(accounts):
        supply(server, upstream, downstream)
    return accounts


def effective(server: Server, *accounts: str) -> list[str]:
    return [server.accounts.require_account(account).effective_standing for account in accounts]


def own(server: Server, account: str) -> str:
    return server.accounts.require_account(account).standing


# ---- Steps


@pytest.mark.parametrize("standing", [each for each in STANDINGS if each != "good"])
def test_a_change_is_in_force_at_once_and_a_step_of_the_history(server: Server, standing: str):
    """The account reads from what to what, why, by whom, and where its log tells of it."""
    account = server.account()
    number = change(server, account, standing, reason=" they searched for passers-by ")
    assert own(server, account) == standing
    assert effective(server, account) == [standing]
    (step,) = server.governance.standings.history(account)
    assert step.change_id == number
    assert (step.from_standing, step.to_standing) == ("good", standing)
    assert (step.reason, step.decided_by) == ("they searched for passers-by", "Olga")
    entry = server.told(account)[-1]
    assert (entry.event_id, entry.members["operation"]) == (step.event_id, "ChangeStanding")
    assert entry.members["standing"] == {"from": "good", "to": standing}
    assert entry.opened("resource") == "they searched for passers-by"
    assert b"passers" not in entry.entry


def test_the_history_is_of_the_account_alone_and_the_newest_step_is_first(server: Server):
    account, other = server.account(), server.account()
    for standing in ("restricted", "suspended", "good"):
        change(server, account, standing)
    change(server, other, "restricted")
    steps = server.governance.standings.history(account)
    assert [(step.from_standing, step.to_standing) for step in steps] == [
        ("suspended", "good"),
        ("restricted", "suspended"),
        ("good", "restricted"),
    ]


def test_a_change_names_the_finding_that_it_follows_from(server: Server):
    """So that whoever reads the log finds the evidence."""
    account, finding = server.account(), uuid.uuid4()
    server.execute(
        "insert into finding (finding_id, account_id, detector, severity, summary, evidence, fingerprint)"
        " values (%s, %s, 'test', 'suspend', 's', '[]', 'f')",
        finding,
        account,
    )
    change(server, account, "suspended", finding_id=finding)
    assert server.governance.standings.history(account)[0].finding_id == finding
    assert server.told(account)[-1].members["finding"] == str(finding)


@pytest.mark.parametrize("reason", ["", " \n\t"])
def test_nobody_is_suspended_without_a_reason(server: Server, reason: str):
    """Who is not told why cannot appeal."""
    account = server.account()
    with pytest.raises(InvalidParameterException, match="say why"):
        change(server, account, "suspended", reason=reason)
    assert own(server, account) == "good"


def test_a_standing_that_is_there_already_is_no_step(server: Server):
    account = server.account()
    with pytest.raises(ConflictException, match="is good already"):
        change(server, account, "good")
    change(server, account, "suspended")
    with pytest.raises(ConflictException, match="is suspended already"):
        change(server, account, "suspended")
    assert len(server.governance.standings.history(account)) == 1
    assert server.operations(account) == ["CreateAccount", "ChangeStanding"]


def test_an_account_that_is_not_there_has_no_standing(server: Server):
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        change(server, "0" * 12, "suspended")
    assert server.governance.standings.history("0" * 12) == []


def test_a_change_within_a_call_holds_once_the_call_is_committed(server: Server):
    """An officer's call is refused, or has suspended: the account's log names the call and the officer."""
    house, (account, below) = server.governance.officers.house(), chain(server, 2)
    for end in ("rollback", "commit"):
        with UnitOfWork(server.database) as work:
            actor = a_call(house, work.connection, "Olga")
            change(server, account, "suspended", actor=actor)
            assert effective(server, account, below) == ["good", "good"]
            getattr(work, end)()
    assert effective(server, account, below) == ["suspended", "suspended"]
    for reached in (account, below):
        entry = server.told(reached)[-1]
        assert entry.members["previous"] == str(actor.event_id)
        assert entry.members["operator"] == server.operator(reached, "Olga")


def test_the_name_of_who_decided_on_the_machine_stands_in_the_log_as_a_pseudonym(server: Server):
    """A detector, or an officer at the machine: not just whoever is logged in."""
    account = server.account()
    change(server, account, "restricted", actor=Actor("detector: harvesting"))
    entry = server.told(account)[-1]
    assert entry.members["operator"] == server.operator(account, "detector: harvesting")


# ---- Downstream, and never up


@pytest.mark.parametrize("standing", ["suspended", "terminated"])
def test_a_suspension_reaches_two_levels_down_and_never_up(server: Server, standing: str):
    """Each account that it reaches has it in its own log; those above and beside are as they were."""
    top, account, below, bottom = chain(server, 4)
    sibling = server.account()
    supply(server, top, sibling)
    change(server, account, standing)
    assert effective(server, account, below, bottom) == [standing] * 3
    assert effective(server, top, sibling) == ["good", "good"]
    assert [own(server, each) for each in (below, bottom)] == ["good", "good"]
    for reached in (below, bottom):
        entry = server.told(reached)[-1]
        assert entry.members["operation"] == "CarryStanding"
        assert entry.members["standing"] == {"from": "good", "to": standing}
        assert entry.opened("resource") == f"carried by {account}"
        assert server.governance.standings.history(reached) == []
    assert "CarryStanding" not in [
        name for each in (top, account, sibling) for name in server.operations(each)
    ]
    reinstate(server, account)
    assert effective(server, account, below, bottom) == ["good"] * 3
    assert server.told(bottom)[-1].members["standing"] == {"from": standing, "to": "good"}


@pytest.mark.parametrize("standing", ["restricted", "pending"])
def test_what_is_less_than_a_suspension_stays_with_its_account(server: Server, standing: str):
    """Whoever is supplied by a restricted account may be a good customer of it."""
    account, below = chain(server, 2)
    change(server, account, standing)
    assert effective(server, account, below) == [standing, "good"]
    assert "CarryStanding" not in server.operations(below)


def test_of_two_upstreams_one_that_is_lifted_lifts_nothing(server: Server):
    """Both must be good again."""
    left, right, below, bottom = (server.account() for _ in range(4))
    supply(server, left, below)
    supply(server, right, below)
    supply(server, below, bottom)
    change(server, left, "suspended")
    change(server, right, "terminated")
    assert effective(server, below, bottom) == ["terminated", "terminated"]
    reinstate(server, right)
    assert effective(server, below, bottom) == ["suspended", "suspended"]
    change(server, left, "good")
    assert effective(server, below, bottom) == ["good", "good"]
    carried = [entry.members["standing"]["to"] for entry in server.told(bottom)[1:] if is_carried(entry)]
    assert carried == ["suspended", "terminated", "suspended", "good"]


def is_carried(entry: Any) -> bool:
    return entry.members["operation"] == "CarryStanding"


def test_what_an_account_brought_on_itself_is_there_when_the_suspension_above_is_over(server: Server):
    """One suspension must neither hide nor lift another."""
    account, below = chain(server, 2)
    change(server, below, "restricted")
    change(server, account, "suspended")
    assert (own(server, below), effective(server, below)) == ("restricted", ["suspended"])
    change(server, below, "suspended")
    change(server, account, "good")
    assert effective(server, below) == ["suspended"]
    change(server, below, "good")
    assert effective(server, below) == ["good"]


def test_a_good_standing_of_its_own_lifts_nothing_that_comes_from_above(server: Server):
    account, below = chain(server, 2)
    change(server, below, "suspended")
    change(server, account, "terminated")
    change(server, below, "good")
    assert (own(server, below), effective(server, below)) == ("good", ["terminated"])


def test_a_diamond_is_reached_once(server: Server):
    """Two ways to one account are one entry in its log."""
    top, left, right, bottom = (server.account() for _ in range(4))
    for upstream, downstream in ((top, left), (top, right), (left, bottom), (right, bottom)):
        supply(server, upstream, downstream)
    change(server, top, "suspended")
    assert effective(server, left, right, bottom) == ["suspended"] * 3
    assert server.operations(bottom).count("CarryStanding") == 1


# ---- Termination


@pytest.mark.parametrize("second", [None, "Olga"])
def test_a_termination_needs_two_officers(server: Server, second: str | None):
    """It has no way back but by appeal: one person's word is not enough, nor the same one's twice."""
    account = server.account()
    with pytest.raises(InvalidParameterException, match="two officers"):
        change(server, account, "terminated", second_officer=second)
    assert own(server, account) == "good"
    change(server, account, "terminated")
    step = server.governance.standings.history(account)[0]
    assert (step.decided_by, step.second_officer) == ("Olga", "Otto")


def test_a_terminated_account_is_reinstated_by_appeal_only(server: Server):
    """Not by an officer who means well, and to nothing in between."""
    account = server.account()
    change(server, account, "terminated")
    for standing in ("good", "restricted", "suspended", "terminated"):
        with pytest.raises(ConflictException, match="by appeal only"):
            change(server, account, standing)
    reinstate(server, account)
    assert effective(server, account) == ["good"]


def test_the_house_keeps_its_standing(server: Server):
    """Its officers would otherwise end the server, or one officer the others."""
    house = server.governance.officers.house()
    for standing in ("restricted", "suspended", "terminated"):
        with pytest.raises(InvalidParameterException, match="the house"):
            change(server, house, standing)
    assert effective(server, house) == ["good"]


def propose(server: Server, account: str, officer: str, actor: Actor = CLI) -> str | None:
    return server.governance.standings.propose_termination(
        account, officer=officer, reason="why", actor=actor
    )


def test_a_first_word_waits_for_another_officers(server: Server):
    """It changes nothing, stands in the account's log, and the same officer's second word is none."""
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    assert propose(server, account, olga) is None
    assert own(server, account) == "good"
    entry = server.told(account)[-1]
    assert (entry.members["operation"], entry.opened("resource")) == ("ProposeTermination", "why")
    with pytest.raises(ConflictException, match="another officer's word"):
        propose(server, account, olga)
    assert propose(server, account, otto) == olga
    assert server.operations(account).count("ProposeTermination") == 1


def test_any_other_step_makes_the_first_word_forgotten(server: Server):
    """A word from before a suspension, an appeal and its end must not count years later."""
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    propose(server, account, olga)
    change(server, account, "restricted")
    assert propose(server, account, otto) is None
    assert propose(server, account, olga) == otto


def test_the_word_of_an_officer_who_has_gone_or_of_a_month_ago_is_none(server: Server):
    """Two officers agree now: not one with what another said under other circumstances."""
    account, olga, otto = server.account(), server.officer("Olga"), server.officer("Otto")
    propose(server, account, olga)
    server.governance.officers.remove(server.governance.officers.house(), olga, actor=CLI)
    assert propose(server, account, otto) is None
    server.execute(
        "update termination_proposal set at = at - interval '31 days' where account_id = %s", account
    )
    ondine = server.officer("Ondine")
    assert propose(server, account, ondine) is None
    assert propose(server, account, otto) == ondine


def test_what_is_terminated_is_not_proposed_again(server: Server):
    account = server.account()
    change(server, account, "terminated")
    with pytest.raises(ConflictException, match="terminated already"):
        propose(server, account, server.officer())


def test_two_first_words_at_once_are_a_first_and_a_second(server: Server):
    """Neither is lost, and neither officer is told of a fault of ours."""
    olga, otto = server.officer("Olga"), server.officer("Otto")
    for _ in range(5):
        account, together = server.account(), threading.Barrier(2)

        def word(officer: str, account: str = account, together: Any = together) -> str | None:
            together.wait(10)
            return propose(server, account, officer)

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(word, (olga, otto)))
        assert answers in ([None, olga], [otto, None])


def test_an_account_that_is_not_there_is_not_proposed_for_termination(server: Server):
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        propose(server, "0" * 12, server.officer())


# ---- Against what is being recorded


@pytest.fixture
def busy(server: Server, database_url: str) -> Iterator[Database]:
    """Connections enough for a crowd: each thread's are real ones."""
    with Database(database_url, max_connections=14) as database:
        yield database


def a_search(account: str, key: str) -> Event:
    now = datetime.now(UTC)
    return Event(
        event_id=uuid.uuid4(),
        at=now,
        service="rekognition",
        operation="SearchFaces",
        decision="allow",
        outcome="answered",
        account_id=account,
        access_key_id=key,
    )


class Traffic:
    """Threads that record calls of accounts in good standing, as the gateway does, until told to stop."""

    def __init__(self, server: Server, database: Database, accounts: list[str], threads: int) -> None:
        self._audit, self._database = AuditLog(server.keys), database
        self._callers = [
            (account, server.accounts.create_access_key(account, operator="guy").access_key_id)
            for account in accounts
        ]
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(threads)
        self.attempts: list[tuple[str, float, bool]] = []
        self._running = [self._pool.submit(self._call, number) for number in range(threads)]

    def _call(self, number: int) -> None:
        while not self._over.is_set():
            account, key = self._callers[number % len(self._callers)]
            began = time.monotonic()
            # Half of the calls change something as well, and record in their own transaction.
            whole = self._database.transaction() if number % 4 < 2 else self._database.read()
            with whole as connection:
                is_recorded = record(self._audit, connection, account, key)
            self.attempts.append((account, began, is_recorded))
            number += len(self._callers) + 1

    def stop(self) -> None:
        self._over.set()
        for running in self._running:
            running.result(30)
        self._pool.shutdown()

    def recorded(self) -> int:
        return sum(is_recorded for _, _, is_recorded in self.attempts)


def record(audit: AuditLog, connection: Connection, account: str, key: str) -> bool:
    draft = audit.record_in_force(
        connection, a_search(account, key), standing="good", effective_standing="good"
    )
    return draft is not None


def wait_for(condition: Any, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "nothing came of it"
        time.sleep(0.005)


def ordered(server: Server, account: str) -> list[str]:
    """The account's entries as the log will have them: what they tell of, by the time they were recorded."""
    pseudonym = server.changing.audit.keys.account(account).pseudonym("account", account)
    rows = server.select(
        "select convert_from(entry, 'UTF8')::jsonb->>'operation' from audit_event"
        " where account = %s order by recorded_at, event_id",
        pseudonym,
    )
    return [operation for (operation,) in rows]


@pytest.mark.parametrize("round_", range(3))
def test_no_call_is_recorded_behind_a_suspension(server: Server, busy: Database, round_: int):
    """Neither of the account nor of one downstream: the order of the log shows that it stopped at once."""
    account, below = chain(server, 2)
    other = server.account()
    traffic = Traffic(server, busy, [account, below, other], threads=9)
    try:
        wait_for(lambda: traffic.recorded() > 60)
        change(server, account, "suspended")
        returned = time.monotonic()
        before = len(traffic.attempts)
        wait_for(lambda: len(traffic.attempts) > before + 60)
    finally:
        traffic.stop()
    late = [each for each in traffic.attempts if each[1] >= returned]
    assert {each[0] for each in late} == {account, below, other}
    assert not any(is_recorded for who, _, is_recorded in late if who != other)
    assert all(is_recorded for who, _, is_recorded in traffic.attempts if who == other)
    for stopped, event in ((account, "ChangeStanding"), (below, "CarryStanding")):
        told = ordered(server, stopped)
        assert told[-1] == event
        assert told.count("SearchFaces") == sum(
            is_recorded for who, _, is_recorded in traffic.attempts if who == stopped
        )
        assert told.count("SearchFaces") > 5


@pytest.mark.parametrize(("place", "event"), [(0, "ChangeStanding"), (1, "CarryStanding")])
def test_a_change_waits_for_a_call_that_is_recorded_and_not_committed_yet(
    server: Server, busy: Database, place: int, event: str
):
    """Of the account or of one downstream: its entry must not come to stand behind the suspension's."""
    accounts = chain(server, 2)
    called = accounts[place]
    key = server.accounts.create_access_key(called, operator="guy").access_key_id
    with ThreadPoolExecutor(1) as pool:
        with busy.transaction() as connection:
            assert record(AuditLog(server.keys), connection, called, key)
            waiting = pool.submit(change, server, accounts[0], "suspended")
            time.sleep(0.2)
            assert not waiting.done()
        waiting.result(10)
    assert ordered(server, called)[-2:] == ["SearchFaces", event]


@pytest.mark.parametrize("end", ["commit", "rollback"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_call_that_comes_to_be_recorded_during_a_change_waits_for_it(
    server: Server, busy: Database, end: str, place: int
):
    """And is refused; or is recorded after all, if the change did not happen."""
    accounts = chain(server, 2)
    called = accounts[place]
    key = server.accounts.create_access_key(called, operator="guy").access_key_id

    def call() -> bool:
        with busy.read() as connection:
            return record(AuditLog(server.keys), connection, called, key)

    with UnitOfWork(busy) as work, ThreadPoolExecutor(1) as pool:
        change(server, accounts[0], "suspended", actor=a_call("9" * 12, work.connection))
        waiting = pool.submit(call)
        time.sleep(0.2)
        assert not waiting.done()
        getattr(work, end)()
        assert waiting.result(10) is (end == "rollback")


def test_calls_of_one_account_do_not_wait_for_each_other(server: Server, busy: Database):
    """Many recordings at once: only a change of standing keeps them waiting."""
    account = server.account()
    key = server.accounts.create_access_key(account, operator="guy").access_key_id
    audit = AuditLog(server.keys)
    with busy.transaction() as first, busy.transaction() as second:
        assert record(audit, first, account, key)
        assert record(audit, second, account, key)


def test_suspensions_that_cross_do_not_wait_for_each_other_for_ever(server: Server, busy: Database):
    """Two suppliers of the same customers, while the customers call and relations come and go."""
    left, right, one, other = (server.account() for _ in range(4))
    for upstream in (left, right):
        for downstream in (one, other):
            supply(server, upstream, downstream)
    traffic = Traffic(server, busy, [one, other, left], threads=4)
    together = threading.Barrier(3)

    def swing(account: str) -> None:
        for _ in range(10):
            together.wait(30)
            change(server, account, "suspended")
            change(server, account, "good")

    def come_and_go() -> None:
        for _ in range(10):
            together.wait(30)
            relations = server.governance.relations
            relations.end(supply(server, one, other), account_id=None, actor=CLI)

    try:
        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(swing, left), pool.submit(swing, right), pool.submit(come_and_go)]
            for each in running:
                each.result(60)
    finally:
        traffic.stop()
    assert effective(server, left, right, one, other) == ["good"] * 4
    assert record_now(server, busy, one)


def record_now(server: Server, database: Database, account: str) -> bool:
    key = server.accounts.create_access_key(account, operator="guy").access_key_id
    with database.read() as connection:
        return record(AuditLog(server.keys), connection, account, key)


def test_of_changes_of_one_account_at_once_each_is_a_step_from_the_one_before(server: Server):
    """None goes from a standing that it did not have."""
    account, together = server.account(), threading.Barrier(4)

    def step(standing: str) -> bool:
        together.wait(10)
        try:
            change(server, account, standing)
        except ConflictException:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(step, ("restricted", "suspended", "restricted", "pending")))
    steps = server.governance.standings.history(account)[::-1]
    assert len(steps) == sum(made) >= 3
    assert [step.from_standing for step in steps] == ["good", *(step.to_standing for step in steps[:-1])]
    assert own(server, account) == steps[-1].to_standing
