"""Pairs of people, which share people: against plain loops."""

import numpy as np
import pytest

from countenance.evaluation.bootstrap import draw_counts, replicate_match_rates
from countenance.evaluation.dyads import Dyads
from countenance.evaluation.intervals import variance_of_match_rate
from countenance.evaluation.trials import Samples, Trials, all_non_mated


def faces(people, photos, seed):
    random = np.random.default_rng(seed)
    subjects = random.permutation(np.repeat(np.arange(people), photos))
    templates = random.normal(size=(people, 4))[subjects] + 0.6 * random.normal(size=(len(subjects), 4))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool))


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 0.5, 0.95, 2.0])
def test_a_rate_and_its_variance_are_those_of_all_trials(threshold):
    """Nothing but the matching trials is looked at, and the answer is that of the whole sum."""
    trials = all_non_mated(faces(12, 3, seed=4))
    matches = trials.scores >= threshold
    dyads, rows = Dyads.of(trials), np.flatnonzero(matches)
    assert dyads.rate_of(rows).rate == pytest.approx(trials.weights[matches].sum())
    assert dyads.variance(rows) == pytest.approx(variance_of_match_rate(trials, matches), abs=1e-15)


def test_the_variance_is_the_sum_over_trials_that_share_a_person():
    """By definition, a double loop, of people in either order within a trial."""
    trials = all_non_mated(faces(6, 2, seed=1))
    matches = trials.scores >= 0.2
    residuals = trials.weights * (matches - trials.weights[matches].sum())
    sides = [{a, b} for a, b in zip(trials.first, trials.second, strict=True)]
    assert any(a > b for a, b in zip(trials.first, trials.second, strict=True))
    everyone = range(len(trials))
    shared = sum(residuals[i] * residuals[j] for i in everyone for j in everyone if sides[i] & sides[j])
    same = sum(residuals[i] * residuals[j] for i in everyone for j in everyone if sides[i] == sides[j])
    assert Dyads.of(trials).variance(np.flatnonzero(matches)) == pytest.approx(max(shared, same))


def test_trials_without_a_match_are_as_sure_as_there_are_pairs_of_people():
    """Six people with two photos each make 60 comparisons and 15 pairs of people."""
    trials = all_non_mated(faces(6, 2, seed=1))
    rate = Dyads.of(trials).rate_of(np.array([], np.intp))
    assert rate.rate == 0.0
    assert rate.trials == 60
    assert rate.effective == pytest.approx(15)
    assert rate.interval.high > 0.1


def test_one_person_who_resembles_everybody_makes_a_rate_less_sure():
    """19 false matches of one person, or of as many different pairs: the same rate."""
    people = 20
    first, second = np.triu_indices(people, k=1)
    count = len(first)
    trials = Trials(
        np.zeros(count, np.float32),
        first.astype(np.int32),
        second.astype(np.int32),
        np.full(count, 1 / count),
    )
    dyads = Dyads.of(trials)
    of_one = dyads.rate_of(np.flatnonzero(first == 0))
    scattered = dyads.rate_of(np.flatnonzero(second - first == 1))
    assert of_one.trials == scattered.trials == 190
    assert of_one.rate == scattered.rate == pytest.approx(0.1)
    assert of_one.effective < 12
    assert scattered.effective > 60
    assert of_one.interval.high > scattered.interval.high * 1.5


def test_people_drawn_again_are_noisier_than_people_and_by_so_much():
    """The variance of a bootstrap over that of the sampling: 1 where a person decides, 3 where pairs do."""
    people = 100
    first, second = np.triu_indices(people, k=1)
    count = len(first)
    weights = np.full(count, 1 / count)
    trials = Trials(np.zeros(count, np.float32), first.astype(np.int32), second.astype(np.int32), weights)
    dyads = Dyads.of(trials)
    apart = np.flatnonzero((first % 20 == 0) & (second == first + 1))  # 5 pairs, nobody in two
    of_one = np.flatnonzero(first == 0)
    assert dyads.noise_of_people_drawn_again(apart) == pytest.approx(np.sqrt(3), abs=0.1)
    assert dyads.noise_of_people_drawn_again(of_one) == pytest.approx(1.0, abs=0.1)
    counts = draw_counts(people, replicates=4000, seed=1)
    for rows in (apart, of_one):
        scores = np.zeros(count, np.float32)
        scores[rows] = 1.0
        again = Trials(scores, trials.first, trials.second, weights)
        varied = replicate_match_rates(again, np.array([0.5]), counts).std()
        expected = dyads.noise_of_people_drawn_again(rows) * np.sqrt(dyads.variance(rows))
        assert varied == pytest.approx(expected, rel=0.15)
