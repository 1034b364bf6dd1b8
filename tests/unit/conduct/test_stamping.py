"""Reviews that are none: found by account and by examiner, from times and counts."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from conduct_bench import about
from countenance.accounts import Actor
from countenance.conduct import Patrol
from countenance.conduct.examined import read_examined
from countenance.conduct.stamping import (
    EXAMINATIONS,
    LOOKED_BACK,
    REVIEWS,
    TRIAL_PAIRS,
    rubber_stamped_reviews,
)
from countenance.conduct.suspicion import Examined, Review
from countenance.policy import load_purposes

CAREFUL = Examined(examiner="Erin", seconds=60.0, least_s=10.0, candidates=2, supported=1)


def reviews(count=REVIEWS, *, seconds=5.0, agreed=None, pairs=3):
    return [
        Review(
            frozenset({f"a{number % pairs}", f"b{number % pairs}"}),
            seconds,
            number < (count if agreed is None else agreed),
        )
        for number in range(count)
    ]


def found(*examined, **changes):
    given = about(examined=examined, reference=lambda name: f"<{name}>", **changes)
    return rubber_stamped_reviews([], given)


class TestOfAnAccount:
    def test_too_quick_and_always_agreed_is_found(self):
        (seen,) = rubber_stamped_reviews([], about(reviews=reviews()))
        assert (seen.detector, seen.severity) == ("rubber_stamped_reviews", "notice")
        assert (seen.evidence["median_seconds"], seen.evidence["agreement"]) == (5.0, 1.0)

    def test_always_the_same_pair_is_found(self):
        (seen,) = rubber_stamped_reviews([], about(reviews=reviews(seconds=90.0, agreed=30, pairs=1)))
        assert seen.evidence["pairs"] == 1

    @pytest.mark.parametrize(
        ("why", "given_reviews"),
        [
            ("none yet", []),
            ("forty-nine", reviews(49, pairs=1)),
            ("ten seconds", reviews(seconds=10.0)),
            ("one in a hundred is not agreed", reviews(100, agreed=99)),
        ],
    )
    def test_innocent(self, why, given_reviews):
        assert rubber_stamped_reviews([], about(reviews=given_reviews)) == [], why


class TestOfAnExaminer:
    def test_whoever_waits_for_the_clock_is_found(self):
        """They decide as soon as a verdict is taken, nine times in ten."""
        hurried = replace(CAREFUL, seconds=12.0)
        (seen,) = found(*[hurried] * 18, *[CAREFUL] * 2)
        assert seen.evidence == {"examiner": "<Erin>", "examinations": 20, "at_the_least_time": 18}
        assert "18 of 20" in seen.summary
        assert found(*[hurried] * 17, *[CAREFUL] * 3) == []

    def test_whoever_supports_everybody_is_found(self):
        """A list of two has as a rule one right face, or none."""
        always = replace(CAREFUL, supported=2)
        (seen,) = found(*[always] * EXAMINATIONS)
        assert seen.evidence == {"examiner": "<Erin>", "lists": 20, "candidates": 40, "supported": 40}
        assert found(*[always] * 19, CAREFUL) == []

    def test_whoever_fails_trials_is_found(self):
        """Who guesses is wrong in half of them; a third is what is looked into."""
        trial = replace(CAREFUL, known=2)
        (seen,) = found(*[replace(trial, wrong=1)] * 4, trial)
        assert seen.evidence == {"examiner": "<Erin>", "known_pairs": TRIAL_PAIRS, "wrong": 4}
        assert found(*[replace(trial, wrong=1)] * 3, *[trial] * 2) == []

    @pytest.mark.parametrize(
        ("why", "examined"),
        [
            ("nineteen", [replace(CAREFUL, seconds=10.0, supported=2)] * 19),
            ("no least time", [replace(CAREFUL, seconds=0.1, least_s=0.0)] * 40),
            ("lists of one", [replace(CAREFUL, candidates=1)] * 40),
            ("nine known pairs", [replace(CAREFUL, known=3, wrong=3)] * 3),
            ("none", []),
        ],
    )
    def test_innocent(self, why, examined):
        assert found(*examined) == [], why

    def test_of_several_the_one_is_found_and_nobody_is_named(self):
        """What is kept has a reference in the place of a name."""
        stamping = replace(CAREFUL, examiner="Emil", seconds=10.0, supported=2, known=1, wrong=1)
        seen = rubber_stamped_reviews([], about(examined=[stamping, CAREFUL] * EXAMINATIONS))
        assert len({each.evidence["examiner"] for each in seen}) == 1
        assert len(seen) == 3
        assert len({each.fingerprint for each in seen}) == 3
        assert "Emil" not in str(seen)

    def test_more_of_it_is_found_again_and_the_same_is_not(self):
        hurried = replace(CAREFUL, seconds=10.0)
        once, more, twice = (found(*[hurried] * count)[0].fingerprint for count in (20, 39, 40))
        assert once == more != twice


class Examinations:
    """Rows as SubmitExamination writes them, of an account with two examiners."""

    def __init__(self, bench):
        self.bench, self.account = bench, bench.account()
        for name in ("Erin", "Emil"):
            bench.governance.operators.put(self.account, name, ["examiner"], actor=Actor("test"))

    def examined(self, count, *, seconds, supported=1, known=None, ago=timedelta(0), agreed=2):
        for _ in range(count):
            review = uuid.uuid4()
            self.execute(
                "insert into review (review_id, account_id, purpose, operation, requested_by, is_planted,"
                " status, expires_at, candidates, request_digest, probe_digest, event_id)"
                " values (%s, %s, 'development', 'SearchFaces', 'x', %s, 'purged', now(), 2, %s, %s, %s)",
                (review, self.account, known is not None, b"r" * 32, review.bytes * 2, uuid.uuid4()),
            )
            for name in ("Erin", "Emil"):
                self.execute(
                    "insert into examination (review_id, operator_id, began_at, submitted_at, presented,"
                    " supported, least_s, agreed, hits, misses, false_alarms, correct_rejections)"
                    " select %s, operator_id, now() - %s - make_interval(secs => %s), now() - %s, '{0,1}',"
                    " %s, 10, %s, %s, %s, %s, %s from operator where account_id = %s and name = %s",
                    (
                        *(review, ago, seconds, ago, supported, agreed),
                        *((1, 0, known, 1 - known) if known is not None else (None,) * 4),
                        *(self.account, name),
                    ),
                )

    def execute(self, statement, values):
        with self.bench.database.transaction() as connection:
            connection.execute(statement, values)

    def read(self):
        with self.bench.database.read() as connection:
            return read_examined(connection, self.account, datetime.now(UTC) - LOOKED_BACK)


def test_what_was_examined_is_read_as_it_was_written(bench):
    """Times, counts and who; a trial is no review of a search, and what was long ago is left out."""
    rows = Examinations(bench)
    rows.examined(2, seconds=30.0)
    rows.examined(1, seconds=12.0, known=1)
    rows.examined(1, seconds=12.0, ago=timedelta(days=31))
    pairs, examined = rows.read()
    assert pairs == [Review(frozenset({"Erin", "Emil"}), pytest.approx(30.0), True)] * 2
    assert len(examined) == 6
    assert {(each.examiner, each.known, each.wrong) for each in examined} == {
        *(("Erin", 0, 0), ("Emil", 0, 0)),
        *(("Erin", 2, 1), ("Emil", 2, 1)),
    }
    assert {(each.candidates, each.supported, each.least_s) for each in examined} == {(2, 1, 10.0)}


def test_the_patrol_finds_stamping_in_an_account_that_searches_nothing(bench):
    """Trials are examined on quiet days as well: the examinations themselves make the account due."""
    rows, bystander = Examinations(bench), Examinations(bench)
    rows.examined(EXAMINATIONS, seconds=10.5, supported=2)
    bystander.examined(EXAMINATIONS, seconds=45.0)
    patrol = Patrol(bench.database, bench.keys, bench.governance, bench.findings, load_purposes())
    opened = [each for each in patrol.run() if each[0] in {rows.account, bystander.account}]
    assert {account for account, _, _ in opened} == {rows.account}
    assert len(opened) == 4  # two examiners: each hurries, and supports everybody
    finding = bench.findings.require(opened[0][1])
    assert (finding.detector, finding.severity, finding.status) == (
        "rubber_stamped_reviews",
        "notice",
        "open",
    )
    assert "Erin" not in str(finding)
    assert bench.standing(rows.account)[0] == "good"
    assert [each for each in patrol.run() if each[0] == rows.account] == []
