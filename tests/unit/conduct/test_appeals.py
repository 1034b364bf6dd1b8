from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from conduct_bench import at_once, suspicion
from countenance.accounts import Actor
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.store import UnitOfWork

DETECTOR = Actor("detector:video_like_stream")


@pytest.fixture
def account(bench):
    return bench.account()


@pytest.fixture
def finding_id(bench, account):
    """The account is suspended by a detector, and Olga has confirmed it."""
    found = bench.findings.open(account, suspicion(), actor=DETECTOR)
    bench.findings.decide(found, "confirm", officer="Olga", reason="frames", actor=Actor("Olga"))
    return found


@pytest.fixture
def appeal_id(bench, account, finding_id):
    return submit(bench, account)


def submit(bench, account):
    return bench.appeals.submit(account, "a contractor did it", actor=Actor("ada"))


def decide(bench, appeal_id, decision, officer="Otto"):
    bench.appeals.decide(appeal_id, decision, officer=officer, reason="it is so", actor=Actor(officer))


class TestSubmit:
    def test_an_appeal_is_against_the_newest_step(self, bench, account, finding_id):
        before = datetime.now(UTC) - timedelta(seconds=5)
        appeal = bench.appeals.require(submit(bench, account))
        newest = bench.governance.standings.history(account)[0]
        assert (appeal.account_id, appeal.change_id, appeal.status) == (account, newest.change_id, "open")
        assert (appeal.statement, appeal.submitted_by) == ("a contractor did it", "ada")
        assert appeal.submitted_at > before
        assert (appeal.decided_by, appeal.decided_at, appeal.reason) == (None, None, None)
        assert ("SubmitAppeal", str(appeal.appeal_id)) in bench.events(account)

    def test_one_is_open_at_a_time(self, bench, account, appeal_id, another_process):
        with pytest.raises(ConflictException, match="open already"):
            submit(another_process(), account)
        decide(bench, appeal_id, "dismiss")
        assert submit(bench, account) != appeal_id

    def test_of_two_at_once_one_is_submitted(self, bench, account, finding_id, another_process):
        raised = at_once(lambda: submit(bench, account), lambda: submit(another_process(), account))
        assert sorted(type(each) for each in raised if each) == [ConflictException]
        assert len(bench.appeals.list(account)) == 1

    def test_who_is_in_good_standing_has_nothing_to_appeal_against(self, bench, account, finding_id):
        with pytest.raises(ConflictException, match="nothing to appeal"):
            submit(bench, bench.account())
        bench.set_standing(account, "good")
        with pytest.raises(ConflictException, match="nothing to appeal"):
            submit(bench, account)

    @pytest.mark.parametrize("severity", ["restrict", "suspend"])
    def test_any_standing_of_its_own_that_is_not_good_may_be_appealed_against(self, bench, account, severity):
        bench.findings.open(account, suspicion(severity), actor=DETECTOR)
        assert submit(bench, account)

    @pytest.mark.parametrize("standing", ["restricted", "suspended", "terminated"])
    def test_a_persons_decision_as_well(self, bench, account, standing):
        bench.set_standing(account, standing, second="Otto")
        assert submit(bench, account)

    def test_a_suspension_from_upstream_is_not_its_own_to_appeal(self, bench, account, finding_id):
        """It is told whose standing it follows, and no reason of anybody else's."""
        agency, client = bench.account(), bench.account()
        bench.relate(account, agency)
        bench.relate(agency, client, kind="acts_for")
        for below in (agency, client):
            with pytest.raises(ConflictException) as told:
                submit(bench, below)
            assert f"`{account}`" in told.value.message
            assert "frames" not in told.value.message
            assert "photos" not in told.value.message
        assert f"`{agency}`" not in told.value.message

    def test_one_that_is_restricted_itself_may_appeal_while_upstream_is_suspended(
        self, bench, account, finding_id
    ):
        agency = bench.account()
        bench.relate(account, agency)
        bench.findings.open(agency, suspicion("restrict"), actor=DETECTOR)
        assert submit(bench, agency)

    @pytest.mark.parametrize("statement", ["", "  ", "x" * 8193])
    def test_a_statement_says_something_and_ends(self, bench, account, finding_id, statement):
        with pytest.raises(InvalidParameterException, match="8192"):
            bench.appeals.submit(account, statement, actor=Actor("ada"))

    def test_an_account_that_is_not_there_is_named(self, bench):
        with pytest.raises(ResourceNotFoundException, match="`000000000001`"):
            submit(bench, "0" * 11 + "1")

    def test_within_a_calls_transaction_the_call_tells_of_it(self, bench, account, finding_id):
        with UnitOfWork(bench.database) as work:
            actor = Actor("ada", work.connection, uuid.uuid4(), account)
            bench.appeals.submit(account, "s", actor=actor)
        assert bench.appeals.list(account) == []
        with UnitOfWork(bench.database) as work:
            actor = Actor("ada", work.connection, uuid.uuid4(), account)
            bench.appeals.submit(account, "s", actor=actor)
            with pytest.raises(ConflictException):
                bench.appeals.submit(account, "again", actor=actor)
            work.commit()
        assert len(bench.appeals.list(account)) == 1
        assert "SubmitAppeal" not in [operation for operation, _ in bench.events(account)]


class TestDecide:
    def test_a_granted_appeal_reinstates_the_account_and_whoever_is_downstream(
        self, bench, account, finding_id, appeal_id
    ):
        agency = bench.account()
        bench.relate(account, agency)
        assert bench.standing(agency) == ("good", "suspended")
        decide(bench, appeal_id, "grant")
        appeal, found = bench.appeals.require(appeal_id), bench.findings.require(finding_id)
        assert (appeal.status, appeal.decided_by, appeal.reason) == ("granted", "Otto", "it is so")
        assert (found.status, found.decided_by) == ("lifted", "Otto")
        assert bench.standing(account) == bench.standing(agency) == ("good", "good")
        change = bench.governance.standings.history(account)[0]
        assert (change.from_standing, change.to_standing, change.decided_by) == ("suspended", "good", "Otto")
        assert ("DecideAppeal", f"{appeal_id} grant by Otto") in bench.events(account)

    def test_a_dismissed_one_changes_nothing(self, bench, account, finding_id, appeal_id):
        decide(bench, appeal_id, "dismiss")
        assert bench.appeals.require(appeal_id).status == "dismissed"
        assert bench.findings.require(finding_id).status == "confirmed"
        assert bench.standing(account)[0] == "suspended"

    @pytest.mark.parametrize("decision", ["grant", "dismiss"])
    def test_nobody_judges_what_they_confirmed(self, bench, account, appeal_id, decision):
        """Somebody else than who suspended the account decides."""
        before = bench.events(account)
        with pytest.raises(AccessDeniedException, match="`Olga`"):
            decide(bench, appeal_id, decision, officer="Olga")
        assert bench.appeals.require(appeal_id).status == "open"
        assert bench.standing(account)[0] == "suspended"
        assert bench.events(account) == before

    def test_nor_what_they_decided_themselves(self, bench, account):
        bench.set_standing(account, "suspended", by="Otto")
        appeal_id = submit(bench, account)
        with pytest.raises(AccessDeniedException):
            decide(bench, appeal_id, "grant")
        decide(bench, appeal_id, "grant", officer="Olga")
        assert bench.standing(account)[0] == "good"

    @pytest.mark.parametrize("officer", ["Olga", "Otto"])
    def test_nor_either_of_the_two_who_terminated(self, bench, account, officer):
        bench.set_standing(account, "terminated", by="Olga", second="Otto")
        appeal_id = submit(bench, account)
        with pytest.raises(AccessDeniedException):
            decide(bench, appeal_id, "dismiss", officer=officer)
        decide(bench, appeal_id, "grant", officer="Ona")
        assert bench.standing(account)[0] == "good"

    def test_nor_what_they_found(self, bench, account):
        """Also if it changed nothing, because the account was down already."""
        bench.findings.open(account, suspicion("restrict"), actor=DETECTOR)
        bench.findings.open_by_hand(account, "restrict", "s", {}, officer="Otto", actor=Actor("Otto"))
        appeal_id = submit(bench, account)
        with pytest.raises(AccessDeniedException):
            decide(bench, appeal_id, "grant")
        decide(bench, appeal_id, "grant", officer="Ona")
        assert bench.standing(account)[0] == "good"

    def test_it_is_about_all_that_held_the_account_down_then(self, bench, account, finding_id):
        """An account need not appeal against each finding by itself."""
        second = bench.findings.open(account, suspicion("restrict", "second"), actor=DETECTOR)
        noticed = bench.findings.open(account, suspicion("notice", "third"), actor=DETECTOR)
        decide(bench, submit(bench, account), "grant")
        assert bench.standing(account)[0] == "good"
        assert [bench.findings.require(each).status for each in (finding_id, second, noticed)] == [
            "lifted", "lifted", "open",
        ]  # fmt: skip

    def test_what_was_found_since_goes_on_holding(self, bench, account, finding_id, appeal_id):
        """Whoever decides about an appeal has not judged what came after it."""
        later = bench.findings.open(account, suspicion("restrict", "later"), actor=DETECTOR)
        decide(bench, appeal_id, "grant")
        assert bench.standing(account)[0] == "restricted"
        assert bench.findings.require(later).status == "open"
        bench.findings.decide(later, "lift", officer="Olga", reason="r", actor=Actor("Olga"))
        assert bench.standing(account)[0] == "good"

    def test_what_it_was_before_by_a_persons_decision_is_forgiven_with_it(self, bench, account):
        bench.set_standing(account, "restricted")
        bench.findings.open(account, suspicion(), actor=DETECTOR)
        later = suspicion("suspend", "later")
        appeal_id = submit(bench, account)
        found = bench.findings.open(account, later, actor=DETECTOR)
        decide(bench, appeal_id, "grant")
        assert bench.standing(account)[0] == "suspended"
        bench.findings.decide(found, "lift", officer="Ona", reason="r", actor=Actor("Ona"))
        assert bench.standing(account)[0] == "good"

    def test_what_a_person_decided_since_stays(self, bench, account, finding_id, appeal_id):
        bench.set_standing(account, "terminated", by="Otto", second="Ona")
        decide(bench, appeal_id, "grant")
        assert bench.standing(account)[0] == "terminated"
        assert bench.findings.require(finding_id).status == "lifted"
        assert submit(bench, account)

    def test_one_whose_finding_lapsed_meanwhile_is_granted_all_the_same(self, bench, account):
        bench.findings.open(account, suspicion(), actor=DETECTOR)
        appeal_id = submit(bench, account)
        bench.findings.lapse(datetime.now(UTC) + timedelta(hours=73))
        decide(bench, appeal_id, "grant")
        assert bench.standing(account)[0] == "good"
        assert bench.appeals.require(appeal_id).status == "granted"

    @pytest.mark.parametrize("first", ["grant", "dismiss"])
    @pytest.mark.parametrize("second", ["grant", "dismiss"])
    def test_what_is_decided_is_decided(self, bench, account, appeal_id, first, second):
        decide(bench, appeal_id, first)
        before = bench.standing(account)
        with pytest.raises(ConflictException, match="`Otto`"):
            decide(bench, appeal_id, second, officer="Ona")
        assert bench.standing(account) == before

    def test_of_two_who_decide_at_once_one_does(self, bench, account, appeal_id, another_process):
        raised = at_once(
            lambda: decide(bench, appeal_id, "grant", "Otto"),
            lambda: decide(another_process(), appeal_id, "dismiss", "Ona"),
        )
        assert sorted(type(each) for each in raised if each) == [ConflictException]
        winner = "granted" if raised[0] is None else "dismissed"
        assert bench.appeals.require(appeal_id).status == winner
        assert bench.standing(account)[0] == ("good" if winner == "granted" else "suspended")

    def test_an_appeal_and_a_finding_decided_at_once_do_not_wait_for_each_other(
        self, bench, account, another_process
    ):
        finding_id = bench.findings.open(account, suspicion(), actor=DETECTOR)
        appeal_id = submit(bench, account)
        raised = at_once(
            lambda: decide(bench, appeal_id, "grant"),
            lambda: another_process().findings.decide(
                finding_id, "confirm", officer="Olga", reason="r", actor=Actor("Olga")
            ),
        )
        assert raised[0] is None
        assert bench.standing(account)[0] == "good"
        assert bench.findings.require(finding_id).status == "lifted"

    def test_a_restart_in_between_changes_nothing(self, bench, account, appeal_id, another_process):
        decide(another_process(), appeal_id, "grant")
        assert bench.standing(account)[0] == "good"

    def test_only_an_officer_decides_with_a_reason_about_an_appeal_that_is_there(self, bench, appeal_id):
        with pytest.raises(ResourceNotFoundException, match="`Nobody`"):
            decide(bench, appeal_id, "grant", officer="Nobody")
        with pytest.raises(InvalidParameterException, match="Reason"):
            bench.appeals.decide(appeal_id, "grant", officer="Otto", reason="", actor=Actor("Otto"))
        with pytest.raises(ResourceNotFoundException):
            decide(bench, uuid.uuid4(), "grant")
        assert bench.appeals.require(appeal_id).status == "open"


def test_appeals_are_listed_newest_first_by_account_and_status(bench, account, appeal_id):
    decide(bench, appeal_id, "dismiss")
    second = submit(bench, account)
    assert [each.appeal_id for each in bench.appeals.list(account)] == [second, appeal_id]
    assert [each.appeal_id for each in bench.appeals.list(account, status="dismissed")] == [appeal_id]
    assert bench.appeals.list(status="open")[0].appeal_id == second
