"""Findings by group on synthetic people with planted differences, whose true rates are known exactly."""

import numpy as np
import pytest
from scipy.special import betainc

from countenance.evaluation.cohort_labels import cohorts_of
from countenance.evaluation.cohort_rates import Plan
from countenance.evaluation.demographics import demographics_of
from countenance.evaluation.differentials import Refused
from countenance.evaluation.trials import Samples

COSINE = 0.4


def exact_fmr(dimensions):
    """Of people drawn uniformly on a sphere in so many dimensions: the share of its cap, half an I."""
    return float(betainc((dimensions - 1) / 2, 0.5, 1.0 - COSINE**2) / 2)


def people(groups, *, photos=1, seed=1, noise=0.0):
    """(samples, labels) of {name: (people, dimensions)}: fewer dimensions are more alike."""
    random = np.random.default_rng(seed)
    rows, labels = [], []
    for name, (count, dimensions) in groups.items():
        centres = np.zeros((count, 40))
        centres[:, :dimensions] = random.normal(size=(count, dimensions))
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        rows.append(np.repeat(centres, photos, axis=0))
        labels += [name] * (count * photos)
    templates = np.concatenate(rows)
    templates += noise * random.normal(size=templates.shape)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    subjects = np.repeat(np.arange(len(labels) // photos), photos)
    return Samples(templates.astype(np.float32), subjects, np.ones(len(labels), bool)), labels


def findings(groups, *, seed=1, labels=None, replicates=300, **options):
    samples, own = people(groups, seed=seed, **options)
    plan = Plan((COSINE,), replicates=replicates, seed=seed)
    return demographics_of(samples, cohorts_of(samples.subjects, labels or own), plan)


PLANTED = {"a": (200, 40), "b": (200, 30)}


def test_planted_rates_and_their_differential_are_recovered():
    """FMR of `b` is 2.4 times that of `a`: rates, bounds and all measures hold it."""
    truth = {"a": exact_fmr(40), "b": exact_fmr(30)}
    found = findings(PLANTED)
    for row in found.rates:
        fmr = row.at[0].fmr
        assert fmr.interval.low <= truth[row.group] <= fmr.interval.high
        assert fmr.bound >= truth[row.group]
    comparison = found.comparisons[0]
    ratio = truth["b"] / truth["a"]
    want = {"max/min": ratio, "max/geomean": ratio**0.5, "gini": (ratio - 1) / (ratio + 1)}
    assert {item.measure for item in comparison.differentials} == set(want)
    for item in comparison.differentials:
        assert item.interval.low <= want[item.measure] <= item.interval.high
        assert item.interval.low > (0.0 if item.measure == "gini" else 1.0)
    assert comparison.equality.differ


def test_shuffled_labels_kill_the_difference():
    random = np.random.default_rng(2)
    labels = list(random.permutation(["a"] * 200 + ["b"] * 200))
    comparison = findings(PLANTED, labels=labels).comparisons[0]
    assert not comparison.equality.differ
    assert comparison.differentials[0].interval.low == 1.0


def test_intervals_cover_and_tests_err_as_often_as_they_say():
    """100 data sets without a difference, 80 people a group; a longer run is bench/coverage_cohorts.py."""
    truth, covered, differ, bounds = exact_fmr(20), 0, 0, 0
    for seed in range(100):
        found = findings({"a": (80, 20), "b": (60, 20)}, seed=seed, replicates=99)
        fmrs = [row.at[0].fmr for row in found.rates]
        covered += sum(fmr.interval.low <= truth <= fmr.interval.high for fmr in fmrs)
        bounds += all(fmr.bound >= truth for fmr in fmrs)
        differ += found.comparisons[0].equality.p_value / found.comparisons[0].equality.tests <= 0.05
    assert 0.92 <= covered / 200 <= 0.98
    assert bounds / 100 >= 0.95
    assert 0.01 <= differ / 100 <= 0.11


def test_a_threshold_that_nobody_reaches_is_refused_with_what_it_takes_or_that_nobody_knows():
    samples, labels = people({"a": (60, 40), "b": (60, 10)})
    plan = Plan((0.75,), replicates=200)
    comparison = demographics_of(samples, cohorts_of(samples.subjects, labels), plan).comparisons[0]
    assert isinstance(comparison.differentials, Refused)
    assert "0 effective errors in 1770 trials" in comparison.differentials.reason
    assert comparison.differentials.trials_needed > 1770


def test_mated_rates_are_compared_by_fnmr_and_tpr_with_one_test():
    found = findings({"a": (100, 40), "b": (100, 40)}, photos=2, noise=0.17)
    assert [comparison.of for comparison in found.comparisons] == ["fmr", "fnmr", "tpr"]
    _, fnmr, tpr = found.comparisons
    assert fnmr.equality == tpr.equality
    rates = [row.at[0].fnmr.rate for row in found.rates]
    assert min(rates) > 0.05
    assert fnmr.differentials[0].value == pytest.approx(max(rates) / min(rates))
    assert tpr.differentials[0].value == pytest.approx((1 - max(rates)) / (1 - min(rates)))
    assert fnmr.equality.tests == 2


def test_subjects_without_a_label_have_rates_and_are_compared_with_nobody():
    labels = ["a"] * 100 + ["b"] * 100 + [None] * 100
    found = findings({"a": (100, 40), "b": (100, 40), "c": (100, 10)}, labels=labels)
    assert [row.group for row in found.rates] == ["a", "b", "(unlabelled)"]
    assert found.comparisons[0].groups == ("a", "b")
    assert not found.comparisons[0].equality.differ
    assert found.bonferroni == 3 * 3


def test_one_named_group_is_compared_with_nothing():
    found = findings({"a": (100, 40)}, photos=2, noise=0.1)
    for comparison in found.comparisons:
        assert comparison.equality is None
        assert comparison.differentials.reason == "1 named groups have the rate, a comparison takes two"


def test_the_same_seed_finds_the_same():
    assert findings(PLANTED, seed=3) == findings(PLANTED, seed=3)
