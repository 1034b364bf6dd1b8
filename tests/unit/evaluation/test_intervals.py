"""Intervals: against published values, plain loops and simulation."""

import numpy as np
import pytest

from countenance.evaluation.intervals import (
    effective_people,
    interval_of,
    rate_of,
    variance_of_match_rate,
    wilson,
)
from countenance.evaluation.trials import Samples, Trials, all_mated, all_non_mated
from countenance.evaluation.verification import match_rate, match_rate_interval, match_rate_of


@pytest.mark.parametrize(
    ("errors", "trials", "low", "high"),
    [  # Newcombe (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_the_published_table(errors, trials, low, high):
    interval = wilson(errors / trials, trials)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_covers_what_it_promises():
    """The exact coverage, summed over every outcome, stays near 95 %."""
    trials, rate = 400, 0.03
    chances = np.ones(trials + 1)
    for k in range(trials):  # binomial probabilities by their recurrence
        chances[k + 1] = chances[k] * (trials - k) / (k + 1) * rate / (1 - rate)
    chances /= chances.sum()
    intervals = [wilson(k / trials, trials) for k in range(trials + 1)]
    covered = [interval.low <= rate <= interval.high for interval in intervals]
    assert 0.93 <= chances @ covered <= 0.97


def test_what_is_no_proportion_is_refused():
    for rate, trials in ((0.5, 0), (1.5, 2), (-0.1, 5)):
        with pytest.raises(ValueError, match="no proportion"):
            wilson(rate, trials)


def test_a_variance_stands_for_so_many_independent_trials():
    """A proportion of 0.2 with variance 0.2 * 0.8 / 50 is as sure as 50 trials, never surer than all."""
    assert interval_of(0.2, variance=0.2 * 0.8 / 50, most_trials=1000) == wilson(0.2, 50)
    assert interval_of(0.2, variance=0.0, most_trials=1000) == wilson(0.2, 1000)
    assert interval_of(0.0, variance=0.0, most_trials=30) == wilson(0.0, 30)


def test_the_variance_is_the_sum_over_trials_that_share_a_person():
    """Compared with the definition, a double loop: covariance counts where two trials share anybody."""
    random = np.random.default_rng(7)
    subjects = np.array([0, 0, 0, 1, 1, 2, 3, 3])
    templates = random.normal(size=(8, 4)).astype(np.float32)
    samples = Samples(templates, subjects, np.ones(8, bool))
    for trials in (all_mated(samples), all_non_mated(samples)):
        matches = trials.scores >= 0.3
        residuals = trials.weights * (matches - trials.weights[matches].sum())
        sides = list(zip(trials.first, trials.second, strict=True))
        by_hand = sum(
            residuals[i] * residuals[j]
            for i in range(len(trials))
            for j in range(len(trials))
            if {*sides[i]} & {*sides[j]}
        )
        same_pair = sum(
            residuals[i] * residuals[j]
            for i in range(len(trials))
            for j in range(len(trials))
            if {*sides[i]} == {*sides[j]}
        )
        assert variance_of_match_rate(trials, matches) == pytest.approx(max(by_hand, same_pair))


def test_effective_people_discount_those_who_weigh_more():
    people = np.array([0, 0, 1, 2], np.int32)
    trials = Trials(np.zeros(4, np.float32), people, people, np.full(4, 0.25))
    assert effective_people(trials) == pytest.approx(1 / (0.5**2 + 2 * 0.25**2))


def faces(people, photos, seed):
    """Generated faces; some are nearer to everybody than others, so that trials are dependent."""
    random = np.random.default_rng(seed)
    common = random.normal(size=24) * 0 + np.eye(24)[0]
    centres = random.normal(size=(people, 24)) + 1.5 * random.random((people, 1)) * common
    subjects = np.repeat(np.arange(people), photos)
    templates = centres[subjects] + 0.9 * random.normal(size=(len(subjects), 24))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool))


@pytest.mark.parametrize("kind", [all_mated, all_non_mated])
def test_intervals_cover_the_true_rate_as_often_as_they_say(kind):
    """400 generated data sets; a 95 % interval covers 93 to 97 %, although trials share people."""
    threshold = 0.35
    truth = np.mean([match_rate(kind(faces(1000, 2, seed)), threshold) for seed in range(9000, 9004)])
    covered = 0
    for seed in range(400):
        interval = match_rate_interval(kind(faces(80, 2, seed)), threshold)
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / 400 <= 0.97


@pytest.mark.parametrize("kind", [all_mated, all_non_mated])
def test_many_photos_of_a_person_are_more_than_one_and_less_than_so_many(kind):
    """50 people or 1,225 pairs of them; 500 mated and 30,625 non-mated comparisons."""
    trials = kind(faces(50, 5, seed=1))
    rate = match_rate_of(trials, 0.5)
    people = 50 if trials.is_mated else 0
    assert people < rate.effective < trials.effective


EQUAL = np.full(40, 1 / 40)


def test_a_rate_without_an_error_is_as_sure_as_there_are_people():
    """However many photos: ten people without an error in 40 trials are ten."""
    rate = rate_of(np.zeros(40, bool), EQUAL, np.arange(40) % 10)
    assert (rate.rate, rate.trials, rate.effective) == (0.0, 40, pytest.approx(10))
    assert rate.interval == wilson(0.0, rate.effective)
    assert rate.interval.high > 0.25
    always = rate_of(np.ones(40, bool), EQUAL, np.arange(40) % 10)
    assert always.rate == pytest.approx(1.0)
    assert always.effective == pytest.approx(10)
    assert 0.7 < always.interval.low < always.interval.high == 1.0


def test_errors_of_one_person_are_less_sure_than_errors_of_many():
    """Five errors in 40 trials of 20 people: of five people, of three, of one in a row of five."""
    apart, together = np.arange(40) % 20, np.arange(40) // 5
    errors = np.arange(40) < 5
    scattered, clustered = rate_of(errors, EQUAL, apart), rate_of(errors, EQUAL, together)
    assert scattered.rate == clustered.rate == pytest.approx(5 / 40)
    assert clustered.effective < 10
    assert 20 < scattered.effective <= 40
    assert clustered.interval.high > scattered.interval.high


def test_an_added_variance_widens():
    errors = np.arange(40) < 5
    alone = rate_of(errors, EQUAL, np.arange(40))
    with_more = rate_of(errors, EQUAL, np.arange(40), added_variance=0.01)
    assert alone.effective == pytest.approx(40)
    assert with_more.effective < 20
    assert with_more.interval.low < alone.interval.low < alone.interval.high < with_more.interval.high
