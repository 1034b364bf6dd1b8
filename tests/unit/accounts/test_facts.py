from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from account_server import CLI, Server, a_document, opened_with
from countenance.accounts.facts import CallCounts
from countenance.facts import AccountFacts, Upstream
from countenance.policy.register import PackRegister
from governed import accept_all, grant

AGO, AHEAD = datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC) + timedelta(days=1)


def facts(server: Server, account: str, **given: Any) -> AccountFacts:
    told = {"operator": "guy", "beneficiary": None, "now": datetime.now(UTC)} | given
    governance = told.pop("governance", server.governance)
    with server.database.read() as connection:
        return governance.facts.read(connection, account, **told).account


def relate(server: Server, upstream: str, downstream: str, kind: str = "supplied_by") -> Any:
    """A relation that an officer has confirmed."""
    mine, other = (downstream, upstream) if kind == "supplied_by" else (upstream, downstream)
    relation = server.governance.relations.declare(mine, kind, other, actor=CLI)
    server.governance.relations.confirm(relation, account_id=None, actor=CLI)
    return relation


def suspend(server: Server, account: str, standing: Any = "suspended") -> None:
    server.governance.standings.change(
        account, standing, reason="why", decided_by="Olga", second_officer="Otto", actor=CLI
    )


def test_of_a_new_account_nothing_is_known_but_that_it_is_there(server: Server):
    """Nothing is granted by default: neither terms, nor purposes, nor training."""
    account = server.account()
    assert facts(server, account) == AccountFacts(
        account_id=account,
        standing="good",
        effective_standing="good",
        terms_wanted=str(server.governance.terms.judge([], now=datetime.now(UTC))),
    )


def test_of_an_account_that_is_not_there_there_are_no_facts(server: Server):
    with server.database.read() as connection:
        assert (
            server.governance.facts.read(
                connection, "0" * 12, operator="guy", beneficiary=None, now=datetime.now(UTC)
            )
            is None
        )


def test_every_fact_of_an_account_that_has_everything(server: Server):
    """One statement reads them all: each is what its own door wrote."""
    above, top = server.account(), server.account()
    account = server.account(profile="law_enforcement")
    relate(server, top, above)
    relate(server, above, account)
    accept_all(server.governance, account)
    for purpose in ("missing-persons", "disaster-victims"):
        grant(server.governance, account, purpose)
    on_file = server.governance.on_file
    for kind in ("notice", "notice", "use_policy"):
        on_file.put(account, kind, "somewhere", digest=None, valid_until=None, actor=CLI)
    on_file.train(account, "guy", valid_until=AHEAD, actor=CLI)
    suspend(server, account, "restricted")
    assert facts(server, account) == AccountFacts(
        account_id=account,
        standing="restricted",
        effective_standing="restricted",
        profile="law_enforcement",
        terms_accepted=True,
        terms_wanted="",
        purposes=frozenset({"missing-persons", "disaster-victims"}),
        records=frozenset({"notice", "use_policy"}),
        parents=(above,),
        upstream=tuple(sorted([Upstream(above, "good", (top,)), Upstream(top, "good")], key=by_id)),
        operator_trained=True,
    )


def by_id(above: Upstream) -> str:
    return above.account_id


def test_what_changes_is_seen_by_the_very_next_look(server: Server):
    """Nothing of an account is remembered between calls, by this process or another."""
    account = server.account()
    assert facts(server, account).standing == "good"
    suspend(server, account)
    assert (facts(server, account).standing, facts(server, account).effective_standing) == (
        "suspended",
        "suspended",
    )


# ---- Terms


def test_an_acceptance_counts_for_the_text_that_was_accepted(server: Server):
    """A row that names another digest, whoever wrote it, is an acceptance of something else."""
    account, document = server.account(), a_document()
    governance = opened_with(server, document)
    assert not facts(server, account, governance=governance).terms_accepted
    governance.acceptances.accept(account, document, officer="M", role="r", actor=CLI)
    found = facts(server, account, governance=governance)
    assert (found.terms_accepted, found.terms_wanted) == (True, "")
    server.execute(
        "update terms_acceptance set digest = %s where account_id = %s", secrets.token_hex(32), account
    )
    found = facts(server, account, governance=governance)
    assert (found.terms_accepted, found.terms_wanted) == (False, str(document))


def test_the_grace_of_a_new_version_counts_from_when_the_server_first_had_it(server: Server):
    """By the time of the call: then it is over, and what is wanted is named either way."""
    account, document = server.account(), a_document()
    opened_with(server, document).acceptances.accept(account, document, officer="M", role="r", actor=CLI)
    major = a_document(document.name, "2.0")
    governance = opened_with(server, document, major)
    ends = governance.facts.first_seen[document.name, "2.0"] + major.grace
    for moment, may_call in ((ends - timedelta(seconds=1), True), (ends, False)):
        found = facts(server, account, governance=governance, now=moment)
        assert found.terms_accepted is may_call
        assert found.terms_wanted.startswith(str(major))


# ---- What has ended counts no more


def test_a_purpose_that_waits_was_refused_withdrawn_or_has_ended_is_not_counted(server: Server):
    account, olga = server.account(), server.officer()
    grants = server.governance.grants
    for purpose, votes in {
        "photo-library": ["approve"],
        "accessibility": [],
        "event-photos": ["refuse"],
        "research": ["approve", "withdraw"],
        "development": ["approve"],
    }.items():
        request = grants.request(account, purpose, "why", actor=CLI)
        for vote in votes:
            grants.decide(request, vote, officer=olga, reason="", approvals=1, risk="low", actor=CLI)
    server.execute(
        "update purpose_request set expires_at = %s where account_id = %s and purpose = 'development'",
        AGO,
        account,
    )
    assert facts(server, account).purposes == {"photo-library"}
    server.execute("update purpose_request set expires_at = %s where account_id = %s", AHEAD, account)
    assert facts(server, account).purposes == {"photo-library", "development"}


def test_a_record_that_is_out_of_date_or_was_withdrawn_is_not_counted(server: Server):
    account, on_file = server.account(), server.governance.on_file

    def put(kind: str, valid_until: datetime | None) -> Any:
        return on_file.put(account, kind, "there", digest=None, valid_until=valid_until, actor=CLI)

    put("notice", AGO)
    put("use_policy", AHEAD)
    put("court_order", None)
    on_file.withdraw(account, put("written_release", AHEAD), actor=CLI)
    assert facts(server, account).records == {"use_policy", "court_order"}
    put("notice", AHEAD)
    assert facts(server, account).records == {"notice", "use_policy", "court_order"}


def test_training_is_of_one_operator_of_one_account_and_ends(server: Server):
    """A colleague's training, or the same name at another account, trains nobody."""
    account, other = server.account(), server.account()
    on_file = server.governance.on_file
    on_file.train(account, "guy", valid_until=AGO, actor=CLI)
    on_file.train(account, "marian", valid_until=AHEAD, actor=CLI)
    on_file.train(other, "guy", valid_until=AHEAD, actor=CLI)
    assert not facts(server, account).operator_trained
    assert facts(server, account, operator="marian").operator_trained
    assert not facts(server, account, operator="Marian").operator_trained
    on_file.train(account, "guy", valid_until=AHEAD, actor=CLI)
    assert facts(server, account).operator_trained


# ---- Upstream


def test_every_account_upstream_is_there_with_all_its_own_edges(server: Server):
    """A slice that names an account and lacks its row would be refused, or, worse, be open."""
    bottom, left, right, top = (server.account() for _ in range(4))
    relate(server, left, bottom)
    relate(server, right, bottom, "acts_for")
    relate(server, top, left)
    relate(server, top, right)
    found = facts(server, bottom)
    assert set(found.parents) == {left, right}
    assert {each.account_id: each.upstream for each in found.upstream} == {
        left: (top,),
        right: (top,),
        top: (),
    }
    named = {name for each in found.upstream for name in each.upstream} | set(found.parents)
    assert named == {each.account_id for each in found.upstream}
    assert facts(server, top).upstream == ()


def test_two_relations_to_one_account_are_one_edge(server: Server):
    """It may supply and act for the same one."""
    above, below = server.account(), server.account()
    relate(server, above, below)
    relate(server, above, below, "acts_for")
    found = facts(server, below)
    assert (found.parents, found.upstream) == ((above,), (Upstream(above, "good"),))


def test_of_an_account_upstream_its_own_standing_is_told(server: Server):
    bottom, above = server.account(), server.account()
    relation = relate(server, above, bottom)
    suspend(server, above)
    found = facts(server, bottom)
    assert found.upstream == (Upstream(above, "suspended"),)
    assert (found.standing, found.effective_standing) == ("good", "suspended")
    server.governance.relations.end(relation, account_id=None, actor=CLI)
    found = facts(server, bottom)
    assert (found.upstream, found.parents, found.effective_standing) == ((), (), "good")


def test_a_relation_that_only_one_side_declared_is_no_edge(server: Server):
    """Or anybody could hang themselves under a good name, or a stranger under a bad one."""
    bottom, above = server.account(), server.account()
    server.governance.relations.declare(bottom, "supplied_by", above, actor=CLI)
    suspend(server, above)
    found = facts(server, bottom)
    assert (found.parents, found.upstream, found.effective_standing) == ((), (), "good")


# ---- For whom a call is


@pytest.mark.parametrize(
    ("changes", "barred"),
    [
        ({}, False),
        ({"standing": "pending"}, True),
        ({"standing": "restricted"}, True),
        ({"standing": "suspended"}, True),
        ({"standing": "terminated"}, True),
        ({"upstream": "suspended"}, True),
        ({"upstream": "terminated"}, True),
        ({"profile": "immigration_enforcement"}, True),
        ({"profile": "law_enforcement"}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("said", [True, False], ids=["said", "unsaid"])
def test_a_call_for_an_account_that_may_have_none_is_barred_in_each_form(
    server: Server, changes: dict[str, Any], barred: bool, said: bool
):
    """Who is suspended must not go on through somebody who acts for them, named or not."""
    account = server.account()
    beneficiary = server.account(profile=changes.get("profile", "general"))
    if "upstream" in changes:
        above = server.account()
        relate(server, above, beneficiary)
        suspend(server, above, changes["upstream"])
    relate(server, account, beneficiary, "acts_for")
    if "standing" in changes:
        suspend(server, beneficiary, changes["standing"])
    found = facts(server, account, beneficiary=beneficiary if said else None)
    assert found.beneficiary_barred is barred


def test_who_acts_for_a_barred_account_says_that_a_call_is_not_for_it(server: Server):
    """For itself, or for another customer, it may go on."""
    account, barred, good = (server.account() for _ in range(3))
    for beneficiary in (barred, good):
        relate(server, account, beneficiary, "acts_for")
    suspend(server, barred)
    assert facts(server, account).beneficiary_barred
    assert facts(server, account, beneficiary=barred).beneficiary_barred
    assert not facts(server, account, beneficiary=good).beneficiary_barred
    assert not facts(server, account, beneficiary=account).beneficiary_barred


def test_it_is_enough_that_who_acts_says_so(server: Server):
    """A relation that is declared and not confirmed yet is the account's own statement against itself."""
    account, barred = server.account(), server.account()
    relation = server.governance.relations.declare(account, "acts_for", barred, actor=CLI)
    assert not facts(server, account).beneficiary_barred
    suspend(server, barred)
    assert facts(server, account).beneficiary_barred
    server.governance.relations.end(relation, account_id=None, actor=CLI)
    assert not facts(server, account).beneficiary_barred


def test_a_call_is_for_nobody_who_has_not_agreed_to_it(server: Server):
    """To name an account is no way to borrow its good name: it must have confirmed that one acts for it."""
    account, other = server.account(), server.account()
    assert facts(server, account, beneficiary=other).beneficiary_barred
    relation = server.governance.relations.declare(account, "acts_for", other, actor=CLI)
    assert facts(server, account, beneficiary=other).beneficiary_barred
    server.governance.relations.confirm(relation, account_id=other, actor=CLI)
    assert not facts(server, account, beneficiary=other).beneficiary_barred
    relate(server, server.account(), account)  # to be supplied is another relation
    server.governance.relations.end(relation, account_id=None, actor=CLI)
    assert facts(server, account, beneficiary=other).beneficiary_barred


def test_whom_a_call_is_for_may_be_further_down(server: Server):
    """Who acts for an agent acts for the agent's customers, also where only the agent said so."""
    account, agent, barred, good = (server.account() for _ in range(4))
    relate(server, account, agent, "acts_for")
    relate(server, account, good, "acts_for")
    server.governance.relations.declare(agent, "acts_for", barred, actor=CLI)
    suspend(server, barred)
    assert facts(server, account).beneficiary_barred
    assert facts(server, account, beneficiary=agent).beneficiary_barred
    assert not facts(server, account, beneficiary=good).beneficiary_barred


def test_what_kinds_of_organisations_are_served_is_told(server: Server):
    """Rules about the police hold for whoever acts for them; of a call that names one, for that one."""
    account = server.account()
    police, court = server.account(profile="law_enforcement"), server.account(profile="public_body")
    for customer in (police, court):
        relate(server, account, customer, "acts_for")
    relate(server, account, server.account(profile="research"))
    assert facts(server, account).serves == {"law_enforcement", "public_body"}
    assert facts(server, account).beneficiaries == {police, court}
    assert facts(server, account, beneficiary=court).serves == {"public_body"}
    assert facts(server, account, beneficiary=court).beneficiaries == {court}
    assert facts(server, account, beneficiary=account).beneficiaries == frozenset()
    assert facts(server, account, beneficiary=account).serves == frozenset()
    assert facts(server, police).serves == frozenset()


def test_a_call_for_an_account_that_is_not_there_is_barred(server: Server):
    assert facts(server, server.account(), beneficiary="0" * 12).beneficiary_barred


def test_who_supplies_a_barred_account_does_not_call_for_it(server: Server):
    """A suspension goes downstream and never up: whom it supplies calls with keys of its own."""
    supplier, barred = server.account(), server.account()
    relate(server, supplier, barred)
    suspend(server, barred)
    found = facts(server, supplier)
    assert (found.beneficiary_barred, found.effective_standing) == (False, "good")


# ---- The number of the set of packs


def test_the_epoch_is_that_of_the_same_moment(server: Server):
    """A change of packs is in force for the very next decision."""
    account = server.account()

    def epoch() -> int:
        with server.database.read() as connection:
            return server.governance.facts.read(
                connection, account, operator="guy", beneficiary=None, now=datetime.now(UTC)
            ).epoch

    before = epoch()
    assert before == PackRegister(server.database).epoch()
    vkey = secrets.token_hex(8)
    server.execute("insert into pack_issuer (vkey, trusted_by) values (%s, 'test')", vkey)
    try:
        assert epoch() > before
    finally:  # the database is everybody's, and no pack can be read beside a key that is none
        server.execute("delete from pack_issuer where vkey = %s", vkey)


# ---- How many calls within an hour


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def observe(server: Server, account: str, purpose: str, count: int, *, minutes_ago: float = 1) -> None:
    pseudonym = server.changing.audit.keys.account(account).pseudonym("account", account)
    server.execute(
        "insert into observation (event_id, account, purpose, kind, at, sealed)"
        " select gen_random_uuid(), %s, %s, 'search', clock_timestamp() - %s, ''"
        " from generate_series(1, %s)",
        pseudonym,
        purpose,
        timedelta(minutes=minutes_ago),
        count,
    )


def count(counts: CallCounts, server: Server, account: str, purpose: str = "development") -> int:
    with server.database.read() as connection:
        return counts.calls_last_hour(connection, account, purpose)


def test_calls_of_the_last_hour_are_counted_by_account_and_purpose(server: Server):
    account, other = server.account(), server.account()
    observe(server, account, "development", 3)
    observe(server, account, "development", 2, minutes_ago=59.5)
    observe(server, account, "development", 7, minutes_ago=60.5)
    observe(server, account, "research", 11)
    observe(server, other, "development", 13)
    counts = CallCounts(server.changing)
    assert count(counts, server, account) == 5
    assert count(counts, server, account, "research") == 11
    assert count(counts, server, other) == 13
    assert count(counts, server, server.account()) == 0


def test_a_count_is_kept_for_a_second_and_what_passes_meanwhile_is_added(server: Server):
    """A rate is kept to within what others let pass in that time, without counting before every call."""
    account, clock = server.account(), Clock()
    counts = CallCounts(server.changing, clock=clock)
    observe(server, account, "development", 3)
    assert [count(counts, server, account) for _ in range(3)] == [3, 4, 5]
    observe(server, account, "development", 20)  # by another process
    clock.now += 0.99
    assert count(counts, server, account) == 6
    clock.now += 0.02
    assert [count(counts, server, account) for _ in range(2)] == [23, 24]


def test_a_large_count_is_kept_for_longer(server: Server):
    """Counting is paid for by the rows: 200,000 of them are counted every two seconds, not every one."""
    account, clock = server.account(), Clock()
    counts = CallCounts(server.changing, clock=clock)
    observe(server, account, "development", 200_000)
    assert count(counts, server, account) == 200_000
    clock.now += 1.99
    assert count(counts, server, account) == 200_001
    observe(server, account, "development", 5)
    clock.now += 0.02
    assert count(counts, server, account) == 200_005
    pseudonym = server.changing.audit.keys.account(account).pseudonym("account", account)
    server.execute("delete from observation where account = %s", pseudonym)  # the next test need not wade


def test_what_is_remembered_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch):
    """A server with very many accounts forgets counts and counts again; nothing is lost by it."""
    monkeypatch.setattr("countenance.accounts.facts._MOST_COUNTS", 3)
    counts = CallCounts(server.changing, clock=Clock())
    accounts = [server.account() for _ in range(5)]
    for account in accounts:
        observe(server, account, "development", 2)
        assert count(counts, server, account) == 2
    assert len(counts._counted) <= 3
    assert count(counts, server, accounts[0]) == 2
    assert count(counts, server, accounts[-1]) == 3
