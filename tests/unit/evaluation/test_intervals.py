"""Intervals: against published values, plain loops and simulation."""

import numpy as np
import pytest

from countenance.evaluation.intervals import (
    effective_people,
    interval_of,
    variance_of_match_rate,
    wilson,
)
from countenance.evaluation.trials import Samples, Trials, all_mated, all_non_mated
from countenance.evaluation.verification import match_rate, match_rate_interval


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
