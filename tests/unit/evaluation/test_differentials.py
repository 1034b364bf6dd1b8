"""How far rates lie apart: by definition, by hand, and by simulation with planted differences."""

import numpy as np
import pytest

from countenance.evaluation.differentials import (
    LEAST_ERRORS,
    Refused,
    deviations_of,
    differentials_of,
    gini,
    refuse_thin,
)
from countenance.evaluation.group_rates import Moments


def moments_of(rates, trials):
    """Of independent trials."""
    rates, trials = np.asarray(rates, float), np.asarray(trials)
    people = trials.astype(float)
    return Moments(rates, rates * (1 - rates) / trials, people, trials, people, rates * people)


def replicated(random, rates, trials, count=1000):
    return random.binomial(trials, rates, size=(count, len(rates))) / np.asarray(trials)


def by_definition(rates):
    """Howard et al. (2022), written out."""
    n = len(rates)
    return n / (n - 1) * sum(abs(a - b) for a in rates for b in rates) / (2 * n**2 * np.mean(rates))


@pytest.mark.parametrize(
    "rates", [[0.01, 0.03], [0.2, 0.2, 0.2], [0.001, 0.002, 0.004, 0.01], [0.0, 0.0, 0.5]]
)
def test_gini_is_its_definition(rates):
    assert gini(np.array(rates)) == pytest.approx(by_definition(rates), abs=1e-15)


def test_gini_ends_at_one_where_one_group_has_all_errors():
    assert gini(np.array([0.0, 0.0, 0.0, 0.3])) == pytest.approx(1.0)
    assert gini(np.array([[0.1, 0.3], [0.2, 0.2]])).tolist() == pytest.approx([0.5, 0.0])


@pytest.mark.parametrize("rates", [[0.1], [0.0, 0.0]])
def test_gini_of_nothing_is_refused(rates):
    with pytest.raises(ValueError, match="two or more rates"):
        gini(np.array(rates))


def test_measures_by_hand():
    """FMR 1e-3, 2e-3 and 8e-3: max/min 8; geometric mean (16e-9)^(1/3) = 2.52e-3, so 3.17."""
    random = np.random.default_rng(1)
    rates, trials = [1e-3, 2e-3, 8e-3], [10**6] * 3
    found = differentials_of(moments_of(rates, trials), replicated(random, rates, trials), better="low")
    values = {item.measure: item.value for item in found}
    assert values == pytest.approx(
        {"max/min": 8.0, "max/geomean": 8 / 16 ** (1 / 3), "gini": by_definition(rates)}
    )
    assert all(item.interval.low < item.value < item.interval.high for item in found)


def test_of_right_answers_the_least_share_of_the_highest_is_stated():
    random = np.random.default_rng(1)
    rates, trials = [0.98, 0.90], [2000, 2000]
    (found,) = differentials_of(moments_of(rates, trials), replicated(random, rates, trials), better="high")
    assert found.measure == "min/max"
    assert found.value == pytest.approx(0.90 / 0.98)
    assert found.interval.low < found.value < found.interval.high < 1.0


def test_a_rate_of_zero_is_not_divided_by():
    """No infinity and no epsilon: what it takes is said, reckoned at the groups' mean rate."""
    refused = refuse_thin(moments_of([0.02, 0.0], [1000, 400]))
    assert isinstance(refused, Refused)
    assert "0 effective errors in 400 trials" in refused.reason
    assert refused.trials_needed == LEAST_ERRORS / 0.01


def test_few_errors_are_not_divided_by_either():
    refused = refuse_thin(moments_of([0.02, 0.0075], [1000, 400]))
    assert "3 effective errors in 400 trials" in refused.reason
    assert refused.trials_needed == 1334
    assert refuse_thin(moments_of([0.02, 0.0075], [1000, 1334])) is None


def test_no_error_in_any_group_tells_nothing_of_what_it_takes():
    assert refuse_thin(moments_of([0.0, 0.0], [100, 100])).trials_needed is None


def test_one_group_is_compared_with_nothing():
    found = differentials_of(moments_of([0.1], [1000]), np.full((10, 1), 0.1), better="low")
    assert isinstance(found, Refused)


def test_replicates_are_drawn_in_to_the_variance_that_is_stated():
    """Three times the variance, as a bootstrap of pairs of people has it, is taken back."""
    random = np.random.default_rng(2)
    moments = moments_of([0.1, 0.2], [2000, 2000])
    wide = moments.rate + np.sqrt(3 * moments.variance) * random.normal(size=(4000, 2))
    deviations = deviations_of(moments, wide)
    assert deviations.std(axis=0) == pytest.approx(np.sqrt(moments.variance) / moments.rate, rel=0.05)


def test_a_replicate_without_an_error_is_as_far_off_as_can_be():
    """Its logarithm is minus infinity, which widens the interval and is no warning."""
    moments = moments_of([0.1, 0.2], [9, 9])
    found = deviations_of(moments, np.array([[0.0, 0.2], [0.2, 0.2], [np.nan, 0.2]]))
    assert np.isneginf(found[[0, 2], 0]).all()
    assert np.isfinite(found[:, 1]).all()


@pytest.mark.parametrize("planted", [1.0, 3.0])
def test_intervals_cover_the_planted_differential(planted):
    """1,000 data sets of two groups: 95 % intervals hold the truth in 93 to 97 %, also at equality."""
    random = np.random.default_rng(3)
    truth, trials = np.array([0.02, 0.02 * planted]), np.array([3000, 4000])
    right = {"max/min": planted, "max/geomean": planted**0.5, "gini": by_definition(truth)}
    covered = dict.fromkeys(right, 0)
    for _ in range(1000):
        seen = random.binomial(trials, truth) / trials
        found = differentials_of(
            moments_of(seen, trials), replicated(random, seen, trials, 300), better="low"
        )
        for item in found:
            covered[item.measure] += (
                item.interval.low <= right[item.measure] + 1e-12 <= item.interval.high + 1e-11
            )
    assert all(930 <= count <= 970 for count in covered.values()), covered


def test_with_more_groups_intervals_are_wider_than_they_need_be_and_never_too_narrow():
    random = np.random.default_rng(4)
    truth, trials = np.array([0.02, 0.03, 0.05]), np.array([3000, 3000, 3000])
    covered = 0
    for _ in range(300):
        seen = random.binomial(trials, truth) / trials
        found = differentials_of(
            moments_of(seen, trials), replicated(random, seen, trials, 300), better="low"
        )
        covered += found[0].interval.low <= 2.5 <= found[0].interval.high
    assert covered >= 0.93 * 300
