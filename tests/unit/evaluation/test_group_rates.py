"""Rates of groups and their variances, against the definitions of trials and dyadic clusters."""

import numpy as np
import pytest

from countenance.evaluation.group_rates import (
    NO_GROUP,
    Moments,
    between_groups,
    complement,
    over_people,
    to_rate,
    within_groups,
)
from countenance.evaluation.intervals import variance_of_match_rate, wilson
from countenance.evaluation.match_shares import mated_by_person, non_mated_by_pair
from countenance.evaluation.trials import Samples, all_mated, all_non_mated, to_trials
from countenance.evaluation.verification import match_rate, match_rate_of


def faces(people, seed):
    random = np.random.default_rng(seed)
    subjects = np.concatenate([np.arange(people), random.integers(0, people, people)])
    templates = random.normal(size=(len(subjects), 5)) + np.eye(5)[0] * random.random((people, 1))[subjects]
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, random.random(len(subjects)) > 0.05)


def only(samples, people):
    """The samples of some people, numbered anew."""
    rows = np.flatnonzero(np.isin(samples.subjects, people))
    return Samples(
        samples.templates[rows], np.searchsorted(people, samples.subjects[rows]), samples.enrolled[rows]
    )


@pytest.mark.parametrize("group", [0, 1])
def test_rates_within_a_group_are_those_of_its_people_alone(group):
    """As if the data set held nobody else: rate, variance, trials and effective trials."""
    samples = faces(40, seed=3)
    groups = np.arange(40) % 3
    groups[groups == 2] = NO_GROUP
    (pairs,) = non_mated_by_pair(samples, (0.4,))
    moments = within_groups(pairs, groups, 2)
    alone = all_non_mated(only(samples, np.flatnonzero(groups == group)))
    matches = alone.scores >= np.float32(0.4)
    assert moments.rate[group] == pytest.approx(match_rate(alone, 0.4))
    assert moments.variance[group] == pytest.approx(variance_of_match_rate(alone, matches))
    assert moments.trials[group] == len(alone)
    assert moments.most_trials[group] == pytest.approx(alone.effective)


@pytest.mark.parametrize("group", [0, 1])
def test_rates_over_people_are_those_of_its_people_alone(group):
    samples = faces(40, seed=4)
    groups = np.arange(40) % 2
    (shares,) = mated_by_person(samples, (0.4,))
    moments = over_people(shares, groups, 2)
    alone = all_mated(only(samples, np.flatnonzero(groups == group)))
    assert moments.rate[group] == pytest.approx(match_rate(alone, 0.4))
    assert moments.variance[group] == pytest.approx(
        variance_of_match_rate(alone, alone.scores >= np.float32(0.4))
    )
    assert moments.trials[group] == len(alone)
    assert moments.most_trials[group] == len(np.unique(alone.first))


def test_rates_between_groups_are_those_of_the_pairs_across():
    samples = faces(30, seed=5)
    one, other = np.arange(30) < 12, np.arange(30) >= 20
    (pairs,) = non_mated_by_pair(samples, (0.4,))
    moments = between_groups(pairs, one, other)
    rows = np.arange(len(samples.subjects))
    first, second = np.meshgrid(rows[one[samples.subjects]], rows[other[samples.subjects]])
    across = to_trials(samples, first.ravel(), second.ravel())
    assert moments.rate[0] == pytest.approx(match_rate(across, 0.4))
    assert moments.variance[0] == pytest.approx(
        variance_of_match_rate(across, across.scores >= np.float32(0.4))
    )
    assert moments.trials[0] == len(across)
    assert moments.most_trials[0] == pytest.approx(across.effective)
    swapped = between_groups(pairs, other, one)
    assert (swapped.rate[0], swapped.variance[0]) == pytest.approx((moments.rate[0], moments.variance[0]))


def moments_of(rate, variance, most, trials):
    """Of as many people as independent trials, each with one."""
    return Moments(
        np.array([rate]),
        np.array([variance]),
        np.array([most]),
        np.array([trials]),
        np.array([most]),
        np.array([rate * most]),
    )


def test_a_rate_states_interval_bound_and_trials_of_the_same_certainty():
    """0.2 with the variance of 50 trials is as sure as 50, whatever was counted."""
    rate = to_rate(moments_of(0.2, 0.2 * 0.8 / 50, 400.0, 1000), 0, alpha=0.05, bad_side="upper")
    assert rate.effective == pytest.approx(50)
    assert rate.trials == 1000
    assert (rate.interval.low, rate.interval.high) == pytest.approx(
        (wilson(0.2, 50).low, wilson(0.2, 50).high)
    )
    assert rate.bound == pytest.approx(0.3154, abs=2e-3)  # 10 of 50, upper 95 % (Clopper and Pearson)
    low = to_rate(moments_of(0.2, 0.2 * 0.8 / 50, 400.0, 1000), 0, alpha=0.05, bad_side="lower")
    assert low.bound == pytest.approx(0.1127, abs=2e-3)


def test_no_error_in_so_many_trials_has_the_bound_of_so_many():
    """0 of n: 1 - alpha^(1/n), the rule of three."""
    rate = to_rate(moments_of(0.0, 0.0, 298.0, 298), 0, alpha=0.05, bad_side="upper")
    assert rate.bound == pytest.approx(1 - 0.05 ** (1 / 298))
    right = to_rate(complement(moments_of(0.0, 0.0, 149.0, 149)), 0, alpha=0.05, bad_side="lower")
    assert right.bound == pytest.approx(0.05 ** (1 / 149))


@pytest.mark.parametrize("cosine", [0.4, 0.8, 0.95, 2.0])
def test_false_matches_of_a_group_are_as_sure_as_those_of_a_data_set_of_its_people(cosine):
    """Many photos of few people are few people: with no or few errors too, where bounds are asked for."""
    samples = faces(40, seed=7)
    groups = np.arange(40) % 2
    (pairs,) = non_mated_by_pair(samples, (cosine,))
    alone = all_non_mated(only(samples, np.flatnonzero(groups == 0)))
    rate = to_rate(within_groups(pairs, groups, 2), 0, alpha=0.05, bad_side="upper")
    assert rate.effective == pytest.approx(match_rate_of(alone, cosine).effective, rel=1e-6)
    if cosine == 2.0:
        assert rate.effective == 20 * 19 / 2 < alone.effective
        assert rate.bound == pytest.approx(1 - 0.05 ** (1 / 190))
        across = between_groups(pairs, groups == 0, groups == 1)
        assert across.effective[0] == 20 * 20


def test_the_opposite_outcome_is_as_sure():
    moments = moments_of(0.2, 0.003, 50.0, 70)
    assert complement(moments).rate[0] == pytest.approx(0.8)
    assert complement(moments).effective_errors[0] == pytest.approx(moments.effective_errors[0])


def test_a_group_without_trials_has_no_rate():
    samples = faces(10, seed=6)
    (pairs,) = non_mated_by_pair(samples, (0.4,))
    groups = np.zeros(10, np.int64)
    groups[0] = 1
    assert np.isnan(within_groups(pairs, groups, 2).rate[1])
