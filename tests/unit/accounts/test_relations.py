from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from account_server import CLI, Server, a_call
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.store import UnitOfWork


def declare(server: Server, account: str, kind: Any, other: str) -> uuid.UUID:
    return server.governance.relations.declare(account, kind, other, actor=CLI)


def confirm(server: Server, relation: uuid.UUID, account: str | None = None) -> bool:
    return server.governance.relations.confirm(relation, account_id=account, actor=CLI)


def end(server: Server, relation: uuid.UUID, account: str | None = None) -> None:
    server.governance.relations.end(relation, account_id=account, actor=CLI)


def supply(server: Server, upstream: str, downstream: str) -> uuid.UUID:
    """In force by an officer's word."""
    relation = declare(server, downstream, "supplied_by", upstream)
    confirm(server, relation)
    return relation


def suspend(server: Server, account: str, standing: Any = "suspended") -> None:
    server.governance.standings.change(
        account, standing, reason="why", decided_by="Olga", second_officer="Otto", actor=CLI
    )


def effective(server: Server, account: str) -> str:
    return server.accounts.require_account(account).effective_standing


def in_force(server: Server, account: str) -> list[bool]:
    return [relation.in_force for relation in server.governance.relations.list(account)]


# ---- Saying so, and both sides


@pytest.mark.parametrize("kind", ["supplied_by", "acts_for"])
def test_a_relation_says_which_way_service_flows(server: Server, kind: str):
    """`supplied_by`: from the other; `acts_for`: to the other. A suspension flows the same way."""
    account, other = server.account(), server.account()
    relation = declare(server, account, kind, other)
    (found,) = server.governance.relations.list(account)
    assert server.governance.relations.list(other) == [found]
    assert found.relation_id == relation
    assert (found.kind, found.declared_by, found.in_force) == (kind, account, False)
    ends = (other, account) if kind == "supplied_by" else (account, other)
    assert (found.upstream, found.downstream) == ends


@pytest.mark.parametrize("kind", ["supplied_by", "acts_for"])
def test_it_is_in_force_once_the_other_side_confirms(server: Server, kind: str):
    account, other = server.account(), server.account()
    relation = declare(server, account, kind, other)
    assert not confirm(server, relation, account)  # once more by the same side
    assert in_force(server, account) == [False]
    assert confirm(server, relation, other)
    assert in_force(server, account) == in_force(server, other) == [True]
    assert confirm(server, relation, other)


def test_an_officer_confirms_in_place_of_the_other_side(server: Server):
    """Whoever hides behind another account will not confirm it."""
    account, other = server.account(), server.account()
    assert confirm(server, declare(server, account, "supplied_by", other))
    assert in_force(server, account) == [True]


def test_declared_alone_it_has_no_effect_either_way(server: Server):
    """Or a suspended account could pull down whom it never knew, by saying so."""
    innocent, bad = server.account(), server.account()
    suspend(server, bad)
    declare(server, bad, "acts_for", innocent)
    assert effective(server, innocent) == "good"
    other = server.account()
    declare(server, other, "supplied_by", bad)
    assert effective(server, other) == "good"


def test_a_suspension_reaches_downstream_the_moment_it_is_confirmed(server: Server):
    """And all that is further down; each has it in its own log."""
    top, middle, bottom = (server.account() for _ in range(3))
    supply(server, middle, bottom)
    suspend(server, top)
    relation = declare(server, middle, "supplied_by", top)
    assert effective(server, bottom) == "good"
    assert confirm(server, relation, top)
    assert [effective(server, account) for account in (top, middle, bottom)] == ["suspended"] * 3
    for account in (middle, bottom):
        entry = server.told(account)[-1 if account == bottom else -2]
        assert entry.members["operation"] == "CarryStanding"
        assert entry.members["standing"] == {"from": "good", "to": "suspended"}
        assert entry.opened("resource") == f"carried by {top}"


def test_strangers_confirm_and_end_nothing(server: Server):
    """A relation of others behaves as if it were not there."""
    account, other, stranger = (server.account() for _ in range(3))
    relation = declare(server, account, "supplied_by", other)
    for change in (confirm, end):
        with pytest.raises(ResourceNotFoundException, match=str(relation)):
            change(server, relation, stranger)
        with pytest.raises(ResourceNotFoundException):
            change(server, uuid.uuid4())
    assert in_force(server, account) == [False]
    assert server.governance.relations.list(stranger) == []
    assert server.operations(stranger) == ["CreateAccount"]


def test_a_relation_is_declared_once_until_it_ends(server: Server):
    account, other = server.account(), server.account()
    relation = declare(server, account, "supplied_by", other)
    with pytest.raises(ConflictException, match="declared already"):
        declare(server, account, "supplied_by", other)
    declare(server, other, "acts_for", account)  # of another kind, the same way
    end(server, relation, account)
    assert declare(server, account, "supplied_by", other) != relation


def test_the_other_account_must_be_there_and_another(server: Server):
    account = server.account()
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        declare(server, account, "supplied_by", "0" * 12)
    with pytest.raises(InvalidParameterException, match="itself"):
        declare(server, account, "acts_for", account)
    assert server.operations(account) == ["CreateAccount"]


# ---- Circles


@pytest.mark.parametrize("length", [2, 3, 4])
def test_no_relation_in_force_is_closed_to_a_circle(server: Server, length: int):
    """A suspension would come back to where it came from, and never end."""
    accounts = [server.account() for _ in range(length)]
    for upstream, downstream in pairwise(accounts):
        supply(server, upstream, downstream)
    with pytest.raises(ConflictException, match="circle"):
        declare(server, accounts[0], "supplied_by", accounts[-1])
    with pytest.raises(ConflictException, match="circle"):
        declare(server, accounts[-1], "acts_for", accounts[0])
    declare(server, accounts[-1], "supplied_by", server.account())


@pytest.mark.parametrize("length", [2, 3, 4])
@pytest.mark.parametrize("by", ["officer", "other side"])
def test_of_a_declared_circle_the_last_relation_is_not_confirmed(server: Server, length: int, by: str):
    """Anybody may declare what they like; a stranger's word must not keep others from theirs."""
    accounts = [server.account() for _ in range(length)]
    relations = [
        declare(server, accounts[place], "supplied_by", accounts[place - 1]) for place in range(length)
    ]
    sides = [None if by == "officer" else accounts[place - 1] for place in range(length)]
    for relation, side in zip(relations[:-1], sides, strict=False):
        assert confirm(server, relation, side)
    with pytest.raises(ConflictException, match="circle"):
        confirm(server, relations[-1], sides[-1])
    assert [relation.in_force for relation in server.governance.relations.list(accounts[-1])].count(False)
    end(server, relations[0])
    assert confirm(server, relations[-1], sides[-1])


def test_a_relation_that_has_ended_is_part_of_no_circle(server: Server):
    account, other = server.account(), server.account()
    end(server, supply(server, account, other))
    declare(server, account, "supplied_by", other)


def test_relations_that_close_a_circle_together_are_not_all_confirmed_at_once(server: Server):
    """Each alone makes none: they must take turns, whichever processes they come from."""
    for _ in range(8):
        accounts, together = [server.account() for _ in range(3)], threading.Barrier(3)
        relations = [
            declare(server, accounts[place], "supplied_by", accounts[place - 1]) for place in range(3)
        ]

        def say(relation: uuid.UUID, together: Any = together) -> bool:
            together.wait(10)
            try:
                return confirm(server, relation)
            except ConflictException:
                return False

        with ThreadPoolExecutor(3) as pool:
            assert sorted(pool.map(say, relations)) == [False, True, True]


def test_a_call_that_has_not_committed_yet_keeps_the_others_waiting(server: Server):
    """The turn lasts until the call's event is written, or the call is refused."""
    one, other = server.account(), server.account()
    there, back = declare(server, one, "supplied_by", other), declare(server, other, "supplied_by", one)
    with UnitOfWork(server.database) as work:
        actor = a_call(other, work.connection)
        server.governance.relations.confirm(there, account_id=other, actor=actor)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(confirm, server, back, one)
            threading.Event().wait(0.1)
            assert not waiting.done()
            work.commit()
            with pytest.raises(ConflictException, match="circle"):
                waiting.result(10)


# ---- Ending


@pytest.mark.parametrize("side", ["upstream", "downstream", "officer"])
def test_either_side_or_an_officer_ends_it(server: Server, side: str):
    upstream, downstream = server.account(), server.account()
    relation = supply(server, upstream, downstream)
    end(server, relation, {"upstream": upstream, "downstream": downstream, "officer": None}[side])
    assert server.governance.relations.list(downstream) == []
    with pytest.raises(ResourceNotFoundException):
        end(server, relation, None)


@pytest.mark.parametrize("how", ["suspended", "terminated"])
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("side", ["upstream", "downstream"])
def test_while_a_suspension_comes_down_neither_side_ends_it(server: Server, how: str, levels: int, side: str):
    """Or a suspension would be over as soon as a customer signs up anew elsewhere."""
    chain = [server.account() for _ in range(levels + 1)]
    relations = [supply(server, above, below) for above, below in pairwise(chain)]
    suspend(server, chain[0], how)
    by = chain[-2] if side == "upstream" else chain[-1]
    with pytest.raises(ConflictException, match="an officer of this server must end the relation"):
        end(server, relations[-1], by)
    assert in_force(server, chain[-1]) == [True]
    assert effective(server, chain[-1]) == how
    end(server, relations[-1])
    assert effective(server, chain[-1]) == "good"


@pytest.mark.parametrize("standing", ["restricted", "pending"])
def test_nor_while_one_may_be_about_to_come(server: Server, standing: str):
    """Or whoever sees it coming would be gone in time: a restriction, or a finding that is open."""
    upstream, downstream = server.account(), server.account()
    relation = supply(server, upstream, downstream)
    suspend(server, upstream, standing)
    with pytest.raises(ConflictException, match="something was found against it"):
        end(server, relation, downstream)
    suspend(server, upstream, "good")
    find(server, upstream, "open")
    with pytest.raises(ConflictException, match="something was found against it"):
        end(server, relation, downstream)
    server.execute("update finding set status = 'lifted' where account_id = %s", upstream)
    end(server, relation, downstream)


def find(server: Server, account: str, status: str) -> None:
    server.execute(
        "insert into finding (account_id, detector, severity, summary, evidence, fingerprint, status)"
        " values (%s, 'test', 'notice', 's', '[]', gen_random_uuid()::text, %s)",
        account,
        status,
    )


def test_a_supply_that_was_only_declared_may_end_whatever_comes(server: Server):
    """Nobody is bound by what the other side never confirmed."""
    upstream, downstream = server.account(), server.account()
    relation = declare(server, downstream, "supplied_by", upstream)
    suspend(server, upstream)
    end(server, relation, upstream)
    assert server.governance.relations.list(downstream) == []


@pytest.mark.parametrize("bad", ["upstream", "downstream", "profile"])
@pytest.mark.parametrize("is_confirmed", [True, False])
def test_who_said_that_they_act_for_somebody_barred_cannot_unsay_it(
    server: Server, bad: str, is_confirmed: bool
):
    """Said is enough: it bars their calls, and is not taken back when that begins to matter."""
    upstream = server.account()
    downstream = server.account(profile="immigration_enforcement" if bad == "profile" else "general")
    relation = declare(server, upstream, "acts_for", downstream)
    if is_confirmed:
        confirm(server, relation)
    if bad != "profile":
        suspend(server, {"upstream": upstream, "downstream": downstream}[bad])
    with pytest.raises(ConflictException, match="an officer"):
        end(server, relation, upstream)
    end(server, relation)


def test_a_suspension_below_does_not_bind_the_relation(server: Server):
    """It goes down only: whoever is upstream may leave a suspended customer."""
    upstream, downstream = server.account(), server.account()
    relation = supply(server, upstream, downstream)
    suspend(server, downstream)
    end(server, relation, upstream)
    assert effective(server, downstream) == "suspended"


def test_the_end_that_an_officer_makes_is_told_with_what_it_changes(server: Server):
    """Each account has in its own log that a suspension reaches it no more."""
    top, middle, bottom = (server.account() for _ in range(3))
    relation = supply(server, top, middle)
    supply(server, middle, bottom)
    suspend(server, top)
    end(server, relation)
    for account in (middle, bottom):
        assert effective(server, account) == "good"
        carried = [
            entry.members["standing"]
            for entry in server.told(account)
            if entry.members["operation"] == "CarryStanding"
        ]
        assert carried == [{"from": "good", "to": "suspended"}, {"from": "suspended", "to": "good"}]
    assert "EndRelation" in server.operations(middle)


def test_what_comes_by_another_way_stays(server: Server):
    """The end of one relation lifts only what came down that one."""
    upstream, other, downstream = (server.account() for _ in range(3))
    relation = supply(server, upstream, downstream)
    supply(server, other, downstream)
    for account in (upstream, other):
        suspend(server, account)
    end(server, relation)
    assert effective(server, downstream) == "suspended"


def test_an_end_and_a_suspension_at_once_come_one_after_the_other(server: Server):
    """Either it ended before, and the account stays good; or the suspension was first, and it stays."""
    for _ in range(8):
        upstream, downstream = server.account(), server.account()
        relation, together = supply(server, upstream, downstream), threading.Barrier(2)

        def leave(
            relation: uuid.UUID = relation, account: str = downstream, together: Any = together
        ) -> bool:
            together.wait(10)
            try:
                end(server, relation, account)
            except ConflictException:
                return False
            return True

        def stop(account: str = upstream, together: Any = together) -> bool:
            together.wait(10)
            suspend(server, account)
            return True

        changes: list[Callable[[], bool]] = [leave, stop]
        with ThreadPoolExecutor(2) as pool:
            left, _ = pool.map(lambda change: change(), changes)
        assert effective(server, downstream) == ("good" if left else "suspended")


def test_a_confirmation_that_comes_first_binds_an_end_that_looked_before_it(server: Server):
    """What an end goes by is what holds when its turn comes, not what was so when it was asked for."""
    upstream, downstream = server.account(), server.account()
    relation = declare(server, downstream, "supplied_by", upstream)
    suspend(server, upstream)
    with UnitOfWork(server.database) as work:
        actor = a_call(upstream, work.connection)
        server.governance.relations.confirm(relation, account_id=upstream, actor=actor)
        with ThreadPoolExecutor(1) as pool:
            leaving = pool.submit(end, server, relation, downstream)
            threading.Event().wait(0.2)
            assert not leaving.done()
            work.commit()
            with pytest.raises(ConflictException, match="an officer"):
                leaving.result(10)
    assert effective(server, downstream) == "suspended"
