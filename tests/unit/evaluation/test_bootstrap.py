"""People drawn again: against plain loops over the copies."""

import numpy as np
import pytest

from countenance.evaluation.bootstrap import (
    draw_counts,
    percentile_interval,
    rate_interval,
    replicate_match_rates,
)
from countenance.evaluation.intervals import Interval, wilson
from countenance.evaluation.trials import Samples, Trials, all_mated, all_non_mated


def faces(people, photos, seed):
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), random.integers(1, photos + 1, people))
    templates = random.normal(size=(people, 5))[subjects] + 0.5 * random.normal(size=(len(subjects), 5))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, random.random(len(subjects)) > 0.05)


def by_hand(trials, threshold, counts):
    """Every trial as often as its people were drawn, one after another."""
    matched = total = 0.0
    for score, a, b, weight in zip(trials.scores, trials.first, trials.second, trials.weights, strict=True):
        times = counts[a] if a == b else counts[a] * counts[b]
        total += times * weight
        matched += times * weight * (score >= np.float32(threshold))
    return matched / total


@pytest.mark.parametrize("kind", [all_mated, all_non_mated])
@pytest.mark.parametrize("people", [6, 30])
def test_a_replicate_counts_trials_as_often_as_their_people(kind, people):
    """Thresholds in no order, one that all and one that no trial reaches among them."""
    trials = kind(faces(people, 4, seed=people))
    counts = draw_counts(people, replicates=5, seed=1)
    thresholds = np.array([0.2, -1.1, 0.9, 1.5, 0.5])
    rates = replicate_match_rates(trials, thresholds, counts)
    for replicate in range(5):
        for place, threshold in enumerate(thresholds):
            expected = by_hand(trials, threshold, counts[replicate])
            assert rates[replicate, place] == pytest.approx(expected)


def test_few_and_many_matches_take_different_ways_to_one_answer():
    """The full matrix and the sparse one: 40 of 1,770 pairs of people, or all."""
    trials = all_non_mated(faces(60, 3, seed=3))
    counts = draw_counts(60, replicates=20, seed=2)
    high = float(np.sort(trials.scores)[-40])
    together = replicate_match_rates(trials, np.array([high, -1.0]), counts)
    alone = replicate_match_rates(trials, np.array([high]), counts)
    assert np.array_equal(together[:, :1], alone)
    assert together[0, 0] == pytest.approx(by_hand(trials, high, counts[0]))
    assert together[0, 1] == pytest.approx(by_hand(trials, -1.0, counts[0]))


def test_a_comparison_at_the_threshold_is_a_match():
    trials = Trials(
        np.array([0.3, 0.4], np.float32), np.array([0, 1]), np.array([0, 1]), np.array([0.5, 0.5])
    )
    rates = replicate_match_rates(trials, np.array([0.4]), np.array([[1.0, 1.0]]))
    assert rates[0, 0] == pytest.approx(0.5)


def test_a_replicate_without_a_trial_has_no_rate():
    """Two copies of one person make no non-mated pair."""
    trials = Trials(np.array([0.3], np.float32), np.array([0]), np.array([1]), np.array([1.0]))
    rates = replicate_match_rates(trials, np.array([0.1]), np.array([[2.0, 0.0], [1.0, 1.0]]))
    assert np.isnan(rates[0, 0])
    assert rates[1, 0] == 1.0


def test_people_are_drawn_with_replacement_and_by_seed():
    """As many as there are; mean 1 and variance 1 - 1/n each, as a multinomial has."""
    counts = draw_counts(50, replicates=4000, seed=9)
    assert counts.shape == (4000, 50)
    assert np.all(counts.sum(axis=1) == 50)
    assert counts.mean(axis=0) == pytest.approx(np.ones(50), abs=0.1)
    assert counts.var() == pytest.approx(1 - 1 / 50, rel=0.03)
    assert np.array_equal(counts, draw_counts(50, replicates=4000, seed=9))
    assert not np.array_equal(counts, draw_counts(50, replicates=4000, seed=10))


def test_no_draw_of_nobody():
    for people, replicates in ((1, 10), (5, 0)):
        with pytest.raises(ValueError, match="are the least"):
            draw_counts(people, replicates=replicates, seed=1)


def test_percentiles_leave_out_what_is_unknown():
    values = np.append(np.linspace(0, 1, 1001), np.nan)
    interval = percentile_interval(values)
    assert (interval.low, interval.high) == pytest.approx((0.025, 0.975))
    narrower = percentile_interval(values, 0.5)
    assert (narrower.low, narrower.high) == pytest.approx((0.25, 0.75))
    with pytest.raises(ValueError, match="no replicate has this figure"):
        percentile_interval(np.array([np.nan]))


def test_no_error_seen_is_no_certainty():
    """All replicates of 0 errors are 0; the interval is that of so many independent trials."""
    assert rate_interval(0.0, np.zeros(100), most_trials=40) == wilson(0.0, 40)
    assert rate_interval(1.0, np.ones(100), most_trials=40) == wilson(1.0, 40)
    assert wilson(0.0, 40).high > 0.05


def test_the_replicates_variance_stands_for_so_many_trials():
    """0.2 with the variance of 50 trials; NaN replicates have no say."""
    values = np.array([-1.0, 1.0, np.nan]) * np.sqrt(0.2 * 0.8 / 50 / 2) + 0.2
    interval = rate_interval(0.2, values, most_trials=1000)
    expected = wilson(0.2, 50)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert isinstance(interval, Interval)
