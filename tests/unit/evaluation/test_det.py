"""The trade-off of both errors, against scikit-learn's curves and plain loops."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import det_curve as sklearn_det_curve
from sklearn.metrics import roc_curve

from countenance.errors import TooFewTrials
from countenance.evaluation.det import det_curve, histogram_of
from countenance.evaluation.trials import NEVER, Samples, Trials, all_mated, all_non_mated
from countenance.evaluation.verification import fnmr_at_fmr, match_rate, match_rate_of


def faces(seed, people=60):
    """People with one to four photos each; scores rounded, so that many are tied."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), random.integers(1, 5, people))
    templates = random.normal(size=(people, 6))[subjects] + 0.7 * random.normal(size=(len(subjects), 6))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, random.random(len(subjects)) > 0.03)


def trials_of(seed):
    found = []
    for trials in (all_mated(faces(seed)), all_non_mated(faces(seed))):
        rounded = np.where(np.isfinite(trials.scores), np.round(trials.scores, 2), NEVER)
        found.append(Trials(rounded.astype(np.float32), trials.first, trials.second, trials.weights))
    return found


def to_sklearn(mated, non_mated):
    """Labels, finite scores and weights; scikit-learn takes no infinities."""
    scores = np.concatenate([mated.scores, non_mated.scores]).astype(np.float64)
    labels = np.repeat([1, 0], [len(mated), len(non_mated)])
    weights = np.concatenate([mated.weights, non_mated.weights])
    return labels, np.where(np.isfinite(scores), scores, -2.0), weights


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rates_at_every_threshold_are_scikit_learns(seed):
    """FMR and FNMR with weights and ties at all thresholds of roc_curve and det_curve."""
    mated, non_mated = trials_of(seed)
    labels, scores, weights = to_sklearn(mated, non_mated)
    fmr, tpr, thresholds = roc_curve(labels, scores, sample_weight=weights, drop_intermediate=False)
    assert len(thresholds) > 100
    for false, true, threshold in zip(fmr[1:-1], tpr[1:-1], thresholds[1:-1], strict=True):
        assert match_rate(non_mated, threshold) == pytest.approx(false, abs=1e-12)
        assert match_rate_of(non_mated, threshold).rate == pytest.approx(false, abs=1e-12)
        assert match_rate_of(mated, threshold).rate == pytest.approx(true, abs=1e-12)
    fmr, fnmr, thresholds = sklearn_det_curve(labels, scores, sample_weight=weights)
    for false, missed, threshold in zip(fmr[1:-1], fnmr[1:-1], thresholds[1:-1], strict=True):
        assert match_rate(non_mated, threshold) == pytest.approx(false, abs=1e-12)
        assert 1.0 - match_rate(mated, threshold) == pytest.approx(missed, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_curve_runs_along_scikit_learns(seed):
    """Each point is that of det_curve with the highest FMR that is still allowed."""
    mated, non_mated = trials_of(seed)
    labels, scores, weights = to_sklearn(mated, non_mated)
    fmr, fnmr, _ = sklearn_det_curve(labels, scores, sample_weight=weights)
    curve = det_curve(mated, non_mated)
    assert len(curve) > 10
    for point in curve:
        place = np.flatnonzero(np.isclose(fmr, point.fmr, atol=1e-12))
        assert len(place)
        assert np.any(np.isclose(fnmr[place], point.fnmr, atol=1e-12))
        assert point.fnmr_low <= point.fnmr <= point.fnmr_high


def test_points_ascend_in_fmr_and_fall_in_cosine_and_are_the_operating_points():
    mated, non_mated = trials_of(1)
    curve = det_curve(mated, non_mated, points_a_decade=3)
    assert all(a.fmr < b.fmr and a.cosine > b.cosine and a.fnmr >= b.fnmr for a, b in pairwise(curve))
    lowest = 10.0 ** (-np.floor(np.log10(non_mated.effective) * 3) / 3)
    alone = fnmr_at_fmr(mated, non_mated, max_fmr=lowest)
    assert (curve[0].cosine, curve[0].fnmr) == (alone.threshold, alone.fnmr)
    assert (curve[0].fnmr_low, curve[0].fnmr_high) == (alone.fnmr_interval.low, alone.fnmr_interval.high)


def test_a_curve_of_hardly_any_trial_is_refused():
    one = np.array([0], np.int32)
    mated = Trials(np.float32([0.5]), one, one, np.ones(1))
    with pytest.raises(TooFewTrials, match="two effective non-mated trials") as refusal:
        det_curve(mated, Trials(np.float32([0.5]), one, one + 1, np.ones(1)))
    assert refusal.value.trials_needed == 2


def test_a_histogram_holds_the_weight_of_every_comparison_that_was_made():
    """Bins by a plain loop; what failed to enrol is missing from the sum."""
    mated, non_mated = trials_of(2)
    histogram = histogram_of(mated, non_mated, bins=20)
    edges = np.array(histogram.edges)
    assert len(edges) == 21
    for trials, shares in ((mated, histogram.mated), (non_mated, histogram.non_mated)):
        assert sum(shares) == pytest.approx(trials.weights[np.isfinite(trials.scores)].sum())
        assert sum(shares) < 1.0
        for place in range(20):
            last = place == 19
            below = trials.scores <= edges[-1] if last else trials.scores < edges[place + 1]
            inside = (trials.scores >= edges[place]) & below
            assert shares[place] == pytest.approx(trials.weights[inside].sum())


def test_a_histogram_of_nothing_but_failures_is_refused():
    one = np.array([0], np.int32)
    failed = Trials(np.array([NEVER]), one, one, np.ones(1))
    with pytest.raises(TooFewTrials, match="failed to enrol"):
        histogram_of(failed, failed)
