"""What looks for misuse by itself, beside the supervisor's other work."""

from __future__ import annotations

import threading
import uuid

import pytest

from countenance.accounts import Accounts, Actor
from countenance.cli.patrolling import EVERY_S, Patrolling
from countenance.conduct import Suspicion
from countenance.conduct.findings import DECIDED_WITHIN
from countenance.store import Database, StoreUnavailable, migrate
from governed import OFFICERS, open_conduct, open_governance

SECRET_WORDS = "what nobody may read in a log"
SUSPICION = Suspicion(
    detector="shared_case", severity="restrict", summary="a test", evidence={}, fingerprint="test/1"
)


class Patrol:
    """Stands in for how a round can come out; what rounds find is tested where they are."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.rounds = 0

    def run(self):
        self.rounds += 1
        outcome = self.outcomes.pop(0) if self.outcomes else []
        if isinstance(outcome, Exception):
            raise outcome
        return outcome() if callable(outcome) else outcome


class Beat:
    """Calls a patrolling at times that the test says."""

    def __init__(self, patrol):
        self.now = 0.0
        self.patrolling = Patrolling(patrol, clock=lambda: self.now)

    def at(self, now, *, wait=True):
        self.now = now
        self.patrolling()
        for thread in threading.enumerate():
            if wait and thread.name == "patrol":
                thread.join()


def test_a_round_a_minute_and_none_at_the_start():
    """A server that starts has other things to do; and it is called every second."""
    patrol = Patrol()
    beat = Beat(patrol)
    rounds = []
    for now in (0.0, EVERY_S - 1, EVERY_S, EVERY_S + 1, 2 * EVERY_S - 1, 2 * EVERY_S, 10 * EVERY_S):
        beat.at(now)
        rounds.append(patrol.rounds)
    assert rounds == [0, 0, 1, 1, 1, 2, 3]


def test_a_round_that_takes_long_is_waited_for_by_nobody_and_not_doubled():
    """Processes that die meanwhile are to be replaced; of two rounds at once each would find the same."""
    begun, goes_on = threading.Event(), threading.Event()

    def long():
        begun.set()
        goes_on.wait(30)
        return []

    patrol = Patrol(long)
    beat = Beat(patrol)
    try:
        beat.at(EVERY_S, wait=False)
        assert begun.wait(30)
        beat.at(3 * EVERY_S, wait=False)
        assert patrol.rounds == 1
    finally:
        goes_on.set()
    for thread in threading.enumerate():
        if thread.name == "patrol":
            thread.join()
    beat.at(3 * EVERY_S + 1)
    assert patrol.rounds == 2


def test_what_is_found_is_told_in_a_line_without_what_it_is_about(capsys):
    """The log of a server may be read by many: the finding itself is for officers and the account."""
    Beat(Patrol([("111122223333", uuid.uuid4(), SUSPICION)])).at(EVERY_S)
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        "finding against account 111122223333: shared_case (restrict); see `countenance findings list`"
    )


def test_a_database_that_is_away_is_tried_again(capsys):
    patrol = Patrol(StoreUnavailable("no answer"))
    beat = Beat(patrol)
    beat.at(EVERY_S)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("the patrol was put off: ")
    beat.at(2 * EVERY_S)
    assert (patrol.rounds, capsys.readouterr().err) == (2, "")


def test_a_round_that_fails_is_told_by_its_kind_alone_and_ends_nothing(capsys):
    """What an exception says may be of somebody's face."""
    patrol = Patrol(RuntimeError(SECRET_WORDS))
    beat = Beat(patrol)
    beat.at(EVERY_S)
    assert capsys.readouterr().err == "the patrol failed: RuntimeError\n"
    beat.at(2 * EVERY_S)
    assert patrol.rounds == 2


@pytest.fixture
def conduct(empty_database_url, key_store):
    """The real thing, with an account that somebody found something against."""
    with Database(empty_database_url, max_connections=4) as database:
        migrate(database)
        governance = open_governance(database, key_store)
        house, account = (Accounts(database, key_store).create_account(name).account_id for name in "ab")
        governance.officers.add(house, OFFICERS[0], "officer", actor=Actor("test"))
        conduct = open_conduct(database, key_store, governance)
        conduct.findings.open_by_hand(account, "suspend", "a test", {}, OFFICERS[0], actor=Actor(OFFICERS[0]))
        yield conduct, database, account


def test_what_nobody_confirmed_in_time_lapses_without_a_call(conduct, key_store):
    """Nobody is held down for long by what no person looked at, even on a server that nobody uses."""
    real, database, account = conduct
    beat = Beat(real.patrol)
    beat.at(EVERY_S)
    accounts = Accounts(database, key_store)
    assert accounts.require_account(account).standing == "suspended"
    with database.transaction() as connection:
        connection.execute(
            "update finding set found_at = found_at - %(past)s, decide_by = decide_by - %(past)s",
            {"past": DECIDED_WITHIN},
        )
    beat.at(2 * EVERY_S)
    assert accounts.require_account(account).standing == "good"
    [finding] = real.findings.list(account)
    assert (finding.status, finding.decided_by) == ("lifted", "rule")
