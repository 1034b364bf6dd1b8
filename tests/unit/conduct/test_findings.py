from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from conduct_bench import at_once, suspicion
from countenance.accounts import Actor
from countenance.audit import AuditLog
from countenance.conduct.findings import DECIDED_WITHIN
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
def opened(bench, account):
    return bench.findings.open(account, suspicion(), actor=DETECTOR)


def decide(bench, finding_id, decision, officer="Olga"):
    bench.findings.decide(finding_id, decision, officer=officer, reason="because", actor=Actor(officer))


def history(bench, account):
    changes = bench.governance.standings.history(account)
    return [
        (each.from_standing, each.to_standing, each.decided_by, each.finding_id) for each in reversed(changes)
    ]


def while_open(bench, first, second):
    """Do `first` in a transaction that is committed only when `second` has had time to meet it."""
    with UnitOfWork(bench.database) as work:
        first(Actor("detector:d", work.connection))
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        work.commit()
    thread.join(30)
    assert not thread.is_alive()


class TestOpen:
    def test_a_finding_suspends_at_once_and_is_to_be_decided_within_72_hours(self, bench, account, opened):
        """A violation that waits for office hours has happened."""
        found = bench.findings.require(opened)
        assert bench.standing(account) == ("suspended", "suspended")
        assert (found.account_id, found.detector, found.severity, found.status) == (
            account, "video_like_stream", "suspend", "open",
        )  # fmt: skip
        assert found.evidence["photos"] == 48
        assert found.decide_by - found.found_at == pytest.approx(DECIDED_WITHIN, abs=timedelta(seconds=1))
        assert (found.decided_by, found.decided_at, found.reason) == (None, None, None)
        assert history(bench, account) == [("good", "suspended", "detector:video_like_stream", opened)]

    def test_it_restricts_where_it_says_so(self, bench, account):
        bench.findings.open(account, suspicion("restrict"), actor=DETECTOR)
        assert bench.standing(account)[0] == "restricted"

    def test_a_notice_changes_nothing_and_does_not_lapse(self, bench, account):
        """It is for people to read."""
        finding_id = bench.findings.open(account, suspicion("notice"), actor=DETECTOR)
        assert bench.standing(account)[0] == "good"
        assert bench.findings.require(finding_id).decide_by is None
        bench.findings.lapse(datetime.now(UTC) + timedelta(days=365))
        assert bench.findings.require(finding_id).status == "open"

    def test_the_same_thing_is_found_once(self, bench, account, opened, another_process):
        assert bench.findings.open(account, suspicion(), actor=DETECTOR) is None
        assert another_process().findings.open(account, suspicion("restrict"), actor=DETECTOR) is None
        assert bench.findings.open(account, suspicion(fingerprint="g"), actor=DETECTOR) is not None
        assert bench.findings.open(bench.account(), suspicion(), actor=DETECTOR) is not None

    def test_what_was_lifted_is_not_opened_again(self, bench, account, opened):
        """A person has said that it is nothing; the detector sees it for another day."""
        decide(bench, opened, "lift")
        assert bench.findings.open(account, suspicion(), actor=DETECTOR) is None
        assert bench.standing(account)[0] == "good"

    def test_two_processes_that_find_the_same_at_once_open_it_once(self, bench, account, another_process):
        benches = [bench, another_process(), another_process(), another_process()]
        opened = []
        assert (
            at_once(
                *(
                    lambda one=one: opened.append(one.findings.open(account, suspicion(), actor=DETECTOR))
                    for one in benches
                )
            )
            == [None] * 4
        )
        assert len([each for each in opened if each]) == 1
        assert len(bench.findings.list(account)) == len(history(bench, account)) == 1

    def test_two_findings_at_once_bring_the_account_to_the_worse(self, bench, account, another_process):
        at_once(
            lambda: bench.findings.open(account, suspicion("restrict", "a"), actor=DETECTOR),
            lambda: another_process().findings.open(account, suspicion("suspend", "b"), actor=DETECTOR),
        )
        assert bench.standing(account)[0] == "suspended"
        assert len(bench.findings.list(account)) == 2

    def test_a_finding_waits_for_what_is_being_decided_and_does_not_undo_it(self, bench, account):
        """A restriction that saw the account in good standing must not replace a suspension."""
        while_open(
            bench,
            lambda actor: bench.findings.open(account, suspicion("suspend", "a"), actor=actor),
            lambda: bench.findings.open(account, suspicion("restrict", "b"), actor=DETECTOR),
        )
        assert bench.standing(account)[0] == "suspended"
        assert [change[:2] for change in history(bench, account)] == [("good", "suspended")]

    def test_a_suspension_reaches_everybody_downstream_and_lifting_gives_it_back(self, bench, account):
        """Whoever is supplied by a violator is not supplied."""
        agency, client, supplier = bench.account(), bench.account(), bench.account()
        bench.relate(account, agency)
        bench.relate(agency, client, kind="acts_for")
        bench.relate(supplier, account)
        finding_id = bench.findings.open(account, suspicion(), actor=DETECTOR)
        assert [bench.standing(each) for each in (agency, client)] == [("good", "suspended")] * 2
        assert bench.standing(supplier) == ("good", "good")
        assert ("CarryStanding", f"carried by {account}") in bench.events(client)
        decide(bench, finding_id, "lift")
        assert [bench.standing(each) for each in (account, agency, client)] == [("good", "good")] * 3

    def test_the_house_is_told_and_goes_on(self, bench):
        """Its officers decide about the others: nobody could lift its own suspension."""
        house = bench.governance.officers.house()
        finding_id = bench.findings.open(house, suspicion(fingerprint=str(uuid.uuid4())), actor=DETECTOR)
        assert bench.standing(house) == ("good", "good")
        decide(bench, finding_id, "lift")
        assert bench.standing(house) == ("good", "good")

    def test_a_restriction_stays_with_the_account(self, bench, account):
        agency = bench.account()
        bench.relate(account, agency)
        bench.findings.open(account, suspicion("restrict"), actor=DETECTOR)
        assert bench.standing(agency) == ("good", "good")

    def test_the_finding_and_what_followed_stand_in_the_accounts_log(self, bench, account, opened):
        told = bench.events(account)
        assert ("OpenFinding", "video_like_stream suspend") in told
        assert ("ChangeStanding", "48 photos of nearly the same scene in 12 s") in told
        with bench.database.read() as connection:
            entries = AuditLog(bench.keys).list_latest(connection, account)
        by_operation = {each.members["operation"]: each for each in entries}
        assert by_operation["OpenFinding"].members["finding"] == str(opened)
        assert by_operation["ChangeStanding"].members["finding"] == str(opened)
        who = AuditLog(bench.keys).keys.account(account).pseudonym("operator", DETECTOR.name).hex()
        assert {each.members["operator"] for each in entries[:2]} == {who}

    def test_nothing_is_recorded_of_what_was_known(self, bench, account, opened):
        before = bench.events(account)
        bench.findings.open(account, suspicion(), actor=DETECTOR)
        assert bench.events(account) == before

    def test_within_a_calls_transaction_it_comes_and_goes_with_the_call(self, bench, account):
        with UnitOfWork(bench.database) as work:
            actor = Actor("detector:d", work.connection)
            assert bench.findings.open(account, suspicion(), actor=actor) is not None
            assert bench.findings.open(account, suspicion(), actor=actor) is None
        assert bench.findings.list(account) == []
        assert bench.standing(account)[0] == "good"
        with UnitOfWork(bench.database) as work:
            bench.findings.open(account, suspicion(), actor=Actor("detector:d", work.connection))
            work.commit()
        assert bench.standing(account)[0] == "suspended"

    def test_an_account_that_is_not_there_is_named(self, bench):
        with pytest.raises(ResourceNotFoundException, match="`000000000001`"):
            bench.findings.open("0" * 11 + "1", suspicion(), actor=DETECTOR)


class TestByHand:
    def test_an_officers_finding_acts_at_once_and_is_by_name(self, bench, account):
        finding_id = bench.findings.open_by_hand(
            account, "restrict", "a complaint", {"events": ["e"]}, officer="Olga", actor=Actor("Olga")
        )
        found = bench.findings.require(finding_id)
        assert (found.detector, found.summary, found.evidence) == (
            "officer:Olga",
            "a complaint",
            {"events": ["e"]},
        )
        assert history(bench, account) == [("good", "restricted", "Olga", finding_id)]
        assert found.decide_by is not None

    def test_who_found_it_does_not_confirm_it_and_may_lift_it(self, bench, account):
        """Two people, or three days."""
        finding_id = bench.findings.open_by_hand(
            account, "restrict", "a complaint", {}, officer="Olga", actor=Actor("Olga")
        )
        with pytest.raises(AccessDeniedException, match="`Olga`"):
            decide(bench, finding_id, "confirm", "Olga")
        assert bench.findings.require(finding_id).status == "open"
        decide(bench, finding_id, "lift", "Olga")
        assert bench.standing(account)[0] == "good"

    def test_each_is_one_of_its_own(self, bench, account):
        for _ in range(2):
            assert bench.findings.open_by_hand(
                account, "notice", "a complaint", {}, officer="Olga", actor=Actor("Olga")
            )
        assert len(bench.findings.list(account)) == 2

    def test_it_says_what_was_found_and_of_whom(self, bench, account):
        with pytest.raises(InvalidParameterException, match="Summary"):
            bench.findings.open_by_hand(account, "notice", " ", {}, officer="Olga", actor=Actor("Olga"))
        with pytest.raises(ResourceNotFoundException, match="`000000000001`"):
            bench.findings.open_by_hand(
                "0" * 11 + "1", "notice", "x", {}, officer="Olga", actor=Actor("Olga")
            )


class TestDecide:
    def test_a_confirmed_finding_holds_for_good(self, bench, account, opened):
        decide(bench, opened, "confirm")
        found = bench.findings.require(opened)
        assert (found.status, found.decide_by, found.decided_by, found.reason) == (
            "confirmed", None, "Olga", "because",
        )  # fmt: skip
        bench.findings.lapse(datetime.now(UTC) + timedelta(days=9))
        assert bench.findings.require(opened).status == "confirmed"
        assert bench.standing(account)[0] == "suspended"
        assert len(history(bench, account)) == 1

    def test_lifting_gives_back_what_the_finding_took(self, bench, account, opened):
        decide(bench, opened, "lift")
        assert bench.standing(account) == ("good", "good")
        assert bench.findings.require(opened).status == "lifted"
        assert history(bench, account)[-1] == ("suspended", "good", "Olga", opened)
        assert ("DecideFinding", "video_like_stream lift by Olga") in bench.events(account)

    def test_it_gives_back_no_more_than_it_took(self, bench, account):
        """An account that was restricted before is restricted after."""
        bench.set_standing(account, "restricted")
        finding_id = bench.findings.open(account, suspicion(), actor=DETECTOR)
        decide(bench, finding_id, "lift")
        assert bench.standing(account)[0] == "restricted"

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    @pytest.mark.parametrize("confirmed", [True, False])
    def test_two_findings_hold_until_both_are_lifted(self, bench, account, order, confirmed):
        pair = [
            bench.findings.open(account, suspicion("restrict", "a"), actor=DETECTOR),
            bench.findings.open(account, suspicion("restrict", "b"), actor=DETECTOR),
        ]
        if confirmed:
            decide(bench, pair[order[1]], "confirm")
        decide(bench, pair[order[0]], "lift")
        assert bench.standing(account)[0] == "restricted"
        if not confirmed:
            decide(bench, pair[order[1]], "lift")
            assert bench.standing(account)[0] == "good"

    def test_the_worst_of_the_others_is_what_holds(self, bench, account):
        restricting = bench.findings.open(account, suspicion("restrict", "a"), actor=DETECTOR)
        suspending = bench.findings.open(account, suspicion("suspend", "b"), actor=DETECTOR)
        decide(bench, suspending, "lift")
        assert bench.standing(account)[0] == "restricted"
        decide(bench, restricting, "lift")
        assert bench.standing(account)[0] == "good"

    @pytest.mark.parametrize(
        ("standing", "second"), [("restricted", None), ("good", None), ("terminated", "Otto")]
    )
    def test_a_standing_that_a_person_set_since_is_not_touched(
        self, bench, account, opened, standing, second
    ):
        """Whoever decides later knew more."""
        bench.set_standing(account, standing, second=second)
        decide(bench, opened, "lift")
        assert bench.standing(account)[0] == standing
        assert len(history(bench, account)) == 2

    def test_what_is_found_after_a_person_decided_counts_again(self, bench, account, opened):
        bench.set_standing(account, "good")
        again = bench.findings.open(account, suspicion("restrict", "later"), actor=DETECTOR)
        assert bench.standing(account)[0] == "restricted"
        decide(bench, again, "lift")
        assert bench.standing(account)[0] == "good"

    @pytest.mark.parametrize("first", ["confirm", "lift"])
    @pytest.mark.parametrize("second", ["confirm", "lift"])
    def test_what_is_decided_is_decided(self, bench, account, opened, first, second):
        decide(bench, opened, first)
        before = bench.standing(account), bench.events(account)
        with pytest.raises(ConflictException, match="`Olga`"):
            decide(bench, opened, second, officer="Otto")
        assert (bench.standing(account), bench.events(account)) == before

    def test_of_two_who_decide_at_once_one_does(self, bench, account, opened, another_process):
        raised = at_once(
            lambda: decide(bench, opened, "confirm", "Olga"),
            lambda: decide(another_process(), opened, "lift", "Otto"),
        )
        found = bench.findings.require(opened)
        winner = "Olga" if raised[0] is None else "Otto"
        assert sorted(type(each) for each in raised if each) == [ConflictException]
        assert found.decided_by == winner
        assert bench.standing(account)[0] == ("suspended" if winner == "Olga" else "good")

    def test_two_findings_that_are_lifted_at_once_hold_nobody(self, bench, account):
        """Each saw the other one still open, and left the account to it."""
        first, second = (
            bench.findings.open(account, suspicion("restrict", name), actor=DETECTOR) for name in "ab"
        )
        while_open(
            bench,
            lambda actor: bench.findings.decide(first, "lift", officer="Olga", reason="r", actor=actor),
            lambda: decide(bench, second, "lift", "Otto"),
        )
        assert bench.standing(account)[0] == "good"

    def test_a_restart_in_between_changes_nothing(self, bench, account, opened, another_process):
        decide(another_process(), opened, "lift")
        assert bench.standing(account)[0] == "good"

    def test_within_a_calls_transaction_it_comes_and_goes_with_the_call(self, bench, account, opened):
        house = bench.governance.officers.house()
        with UnitOfWork(bench.database) as work:
            actor = Actor("Olga", work.connection, uuid.uuid4(), house)
            bench.findings.decide(opened, "lift", officer="Olga", reason="r", actor=actor)
        assert bench.standing(account)[0] == "suspended"
        with UnitOfWork(bench.database) as work:
            actor = Actor("Olga", work.connection, uuid.uuid4(), house)
            bench.findings.decide(opened, "lift", officer="Olga", reason="r", actor=actor)
            work.commit()
        assert bench.standing(account)[0] == "good"
        assert ("DecideFinding", "video_like_stream lift by Olga") in bench.events(account)

    def test_a_reason_and_a_finding_are_needed(self, bench, opened):
        with pytest.raises(InvalidParameterException, match="Reason"):
            bench.findings.decide(opened, "lift", officer="Olga", reason=" ", actor=Actor("Olga"))
        with pytest.raises(ResourceNotFoundException):
            decide(bench, uuid.uuid4(), "lift")


class TestLapse:
    def test_what_nobody_confirmed_in_time_ends_by_itself(self, bench, account, opened):
        """Nobody is suspended by a program for good."""
        due = bench.findings.require(opened).decide_by
        bench.findings.lapse(due - timedelta(seconds=1))
        assert bench.standing(account)[0] == "suspended"
        assert bench.findings.lapse(due + timedelta(seconds=1)) >= 1
        found = bench.findings.require(opened)
        assert bench.standing(account)[0] == "good"
        assert (found.status, found.decided_by, found.reason) == (
            "lifted",
            "rule",
            "not confirmed within 72 h",
        )
        assert history(bench, account)[-1] == ("suspended", "good", "rule", opened)
        assert ("LapseFinding", "video_like_stream not confirmed within 72 h") in bench.events(account)

    def test_another_finding_goes_on_holding(self, bench, account, opened):
        other = bench.findings.open(account, suspicion("restrict", "other"), actor=DETECTOR)
        decide(bench, other, "confirm")
        bench.findings.lapse(datetime.now(UTC) + timedelta(hours=73))
        assert bench.standing(account)[0] == "restricted"

    def test_it_happens_once_however_many_processes_look(self, bench, account, opened, another_process):
        later = datetime.now(UTC) + timedelta(hours=73)
        at_once(
            *(
                lambda one=one: one.findings.lapse(later)
                for one in (bench, another_process(), another_process())
            )
        )
        assert [change[:2] for change in history(bench, account)] == [
            ("good", "suspended"),
            ("suspended", "good"),
        ]
        assert [told for told, _ in bench.events(account)].count("LapseFinding") == 1

    def test_an_officer_who_decides_at_that_moment_or_the_rule_wins_and_not_both(
        self, bench, account, opened, another_process
    ):
        later = datetime.now(UTC) + timedelta(hours=73)
        raised = at_once(
            lambda: bench.findings.lapse(later), lambda: decide(another_process(), opened, "confirm")
        )
        found = bench.findings.require(opened)
        assert raised[0] is None
        if raised[1] is None:
            assert (found.decided_by, bench.standing(account)[0]) == ("Olga", "suspended")
        else:
            assert (found.decided_by, bench.standing(account)[0]) == ("rule", "good")

    def test_what_is_being_confirmed_does_not_lapse(self, bench, account, opened):
        later = datetime.now(UTC) + timedelta(hours=73)
        while_open(
            bench,
            lambda actor: bench.findings.decide(opened, "confirm", officer="Olga", reason="r", actor=actor),
            lambda: bench.findings.lapse(later),
        )
        assert bench.findings.require(opened).status == "confirmed"
        assert bench.standing(account)[0] == "suspended"


def test_findings_are_listed_newest_first_by_account_and_status(bench, account, opened):
    second = bench.findings.open(account, suspicion("notice", "g"), actor=DETECTOR)
    decide(bench, opened, "lift")
    assert [each.finding_id for each in bench.findings.list(account)] == [second, opened]
    assert [each.finding_id for each in bench.findings.list(account, status="lifted")] == [opened]
    assert bench.findings.list(status="open")[0].finding_id == second
    assert bench.findings.list(bench.account()) == []
    with pytest.raises(ResourceNotFoundException):
        bench.findings.require(uuid.uuid4())
