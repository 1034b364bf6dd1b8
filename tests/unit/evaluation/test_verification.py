"""Error rates per comparison, against hand-computed tables and brute force."""

import numpy as np
import pytest

from countenance.errors import TooFewTrials
from countenance.evaluation.trials import (
    NEVER,
    Pairs,
    Samples,
    Trials,
    all_mated,
    all_non_mated,
    draw_pairs,
    score_pairs,
)
from countenance.evaluation.verification import (
    balanced_accuracy,
    fnmr_at_fmr,
    match_rate,
    match_rate_interval,
)


def mated_of(scores, people=None):
    people = np.arange(len(scores), dtype=np.int32) if people is None else np.asarray(people, np.int32)
    return Trials(np.asarray(scores, np.float32), people, people, np.full(len(scores), 1 / len(scores)))


def non_mated_of(scores, weights=None):
    count = len(scores)
    weights = np.full(count, 1 / count) if weights is None else np.asarray(weights, float)
    first = np.arange(count, dtype=np.int32)
    return Trials(np.asarray(scores, np.float32), first, (first + 1) % count, weights / weights.sum())


def people_with_faces(people, photos, *, spread, seed, dimensions=24):
    """Samples whose mated cosines lie well above their non-mated ones, with some overlap."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(people, dimensions))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    subjects = np.repeat(np.arange(people), photos)
    templates = centres[subjects] + spread * random.normal(size=(len(subjects), dimensions))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool))


def test_a_comparison_at_the_threshold_is_a_match():
    """The threshold is inclusive everywhere, as AWS documents it."""
    trials = non_mated_of([0.1, 0.2, 0.3, 0.4])
    assert match_rate(trials, 0.3) == pytest.approx(0.5)
    assert match_rate(trials, np.nextafter(np.float32(0.3), np.float32(1))) == pytest.approx(0.25)
    assert match_rate(trials, 0.9) == 0.0


def test_rates_by_hand():
    """Ten non-mated trials, five mated ones; FMR 0.2 allows two false matches."""
    non_mated = non_mated_of([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6])
    mated = mated_of([0.39, 0.45, 0.55, 0.7, 0.9])
    point = fnmr_at_fmr(mated, non_mated, max_fmr=0.2)
    assert point.threshold == pytest.approx(0.4, abs=1e-6)
    assert point.threshold > np.float32(0.4)
    assert point.fmr == pytest.approx(0.2)
    assert point.fnmr == pytest.approx(0.2)
    assert point.tar == pytest.approx(0.8)
    assert (point.mated_trials, point.non_mated_trials) == (5, 10)
    assert point.fnmr_interval.low <= point.fnmr <= point.fnmr_interval.high


def test_tied_scores_cannot_be_split_by_a_threshold():
    """Three trials at 0.5 match together or not at all, so FMR 0.2 is kept by rejecting all three."""
    non_mated = non_mated_of([0.1] * 7 + [0.5] * 3)
    point = fnmr_at_fmr(mated_of([0.5, 0.6]), non_mated, max_fmr=0.2)
    assert point.fmr == 0.0
    assert point.fnmr == pytest.approx(0.5)


def test_a_threshold_that_no_trial_reaches_is_no_surer():
    """Three of ten tie above it: the FNMR where FMR is 0.2 may be that of a threshold below them."""
    non_mated = non_mated_of([0.1] * 7 + [0.5] * 3)
    mated = mated_of(np.linspace(0.05, 0.99, 40))
    chosen = fnmr_at_fmr(mated, non_mated, max_fmr=0.2)
    given = match_rate_interval(mated, chosen.threshold)
    assert chosen.fmr == 0.0
    assert chosen.fnmr_interval.low < 1.0 - given.high
    assert chosen.fnmr_interval.high > 1.0 - given.low


def test_weights_decide_not_counts():
    """One heavy false match exceeds the rate that three light ones keep."""
    scores = [0.9, 0.8, 0.7, *[0.1] * 20]
    light = non_mated_of(scores, weights=[1, 1, 1] + [4] * 20)
    assert fnmr_at_fmr(mated_of([0.5]), light, max_fmr=0.06).fmr == pytest.approx(3 / 83)
    heavy = non_mated_of(scores, weights=[6, 1, 1] + [4] * 20)
    assert fnmr_at_fmr(mated_of([0.5]), heavy, max_fmr=0.06).fmr == 0.0


def test_a_rate_that_the_trials_cannot_carry_is_refused():
    """A rate of 1e-4 from 1,000 trials would be an invention; the message says what it takes."""
    non_mated = non_mated_of(np.linspace(0, 1, 1000))
    with pytest.raises(TooFewTrials, match="takes 10000 effective trials, there are 1000"):
        fnmr_at_fmr(mated_of([0.5]), non_mated, max_fmr=1e-4)
    assert fnmr_at_fmr(mated_of([0.5]), non_mated, max_fmr=1e-3).fmr <= 1e-3


def test_failures_to_enrol_are_false_non_matches_at_every_threshold():
    non_mated = non_mated_of(np.linspace(-1, 0.2, 100))
    assert fnmr_at_fmr(mated_of([0.9, NEVER]), non_mated, max_fmr=0.01).fnmr == 0.5


def test_operating_points_agree_with_brute_force_over_every_threshold():
    """FNMR at FMR on generated faces equals a search over all thresholds by the definitions."""
    samples = people_with_faces(40, 4, spread=0.22, seed=4)
    mated, non_mated = all_mated(samples), all_non_mated(samples)
    for max_fmr in (0.3, 0.05, 0.01, 0.002):
        point = fnmr_at_fmr(mated, non_mated, max_fmr=max_fmr)
        scores = np.unique(np.concatenate([mated.scores, non_mated.scores]))
        allowed = [t for t in scores if non_mated.weights[non_mated.scores >= t].sum() <= max_fmr]
        best = min(mated.weights[mated.scores < t].sum() for t in allowed)
        assert point.fnmr == pytest.approx(best, abs=1e-12)
        assert point.fmr <= max_fmr * (1 + 1e-9)


def test_intervals_cover_fnmr_at_fmr_as_often_as_they_say():
    """300 generated data sets: the threshold is chosen on the same trials, and that is in the interval."""
    truth = []
    for seed in range(9000, 9004):
        many = people_with_faces(1000, 2, spread=0.25, seed=seed)
        truth.append(fnmr_at_fmr(all_mated(many), all_non_mated(many), max_fmr=1e-2).fnmr)
    covered = 0
    for seed in range(300):
        few = people_with_faces(100, 2, spread=0.25, seed=seed)
        interval = fnmr_at_fmr(all_mated(few), all_non_mated(few), max_fmr=1e-2).fnmr_interval
        covered += interval.low <= np.mean(truth) <= interval.high
    assert 0.93 <= covered / 300 <= 0.98


def test_balanced_accuracy_by_hand():
    """Two folds: the threshold of one is chosen on the other, and costs there."""
    pairs = Pairs(
        first=np.arange(8),
        second=np.arange(8),
        mated=np.array([True, True, False, False] * 2),
        fold=np.repeat([0, 1], 4),
    )
    scores = np.array([0.8, 0.6, 0.5, 0.1, 0.9, 0.7, 0.65, 0.2], np.float32)
    result = balanced_accuracy(scores, pairs)
    # Fold 1's best thresholds are in (0.65, 0.7]: 0.675; fold 0 then misses 0.6: (1/2 + 1) / 2.
    # Fold 0's are in (0.5, 0.6]: 0.55; fold 1 then accepts 0.65 wrongly: (1 + 1/2) / 2.
    assert result.by_fold == pytest.approx((0.75, 0.75))
    assert result.mean == pytest.approx(0.75)
    assert result.threshold == pytest.approx(0.6125)
    assert result.pairs == 8


def test_balanced_accuracy_takes_its_threshold_from_other_folds_only():
    """Chance level on scores that say nothing; an accuracy tuned on its own fold would exceed it."""
    random = np.random.default_rng(3)
    pairs = draw_pairs(np.repeat(np.arange(400), 3), seed=2)
    result = balanced_accuracy(random.normal(size=len(pairs.first)).astype(np.float32), pairs)
    assert result.mean == pytest.approx(0.5, abs=0.03)
    assert result.interval.low <= 0.5 <= result.interval.high


def test_balanced_accuracy_of_separated_scores_is_one_and_failures_cost():
    samples = people_with_faces(60, 3, spread=0.02, seed=1, dimensions=64)
    pairs = draw_pairs(samples.subjects, seed=2)
    assert balanced_accuracy(score_pairs(samples, pairs), pairs).mean == 1.0
    half = Samples(samples.templates, samples.subjects, np.arange(180) % 3 != 0)
    assert balanced_accuracy(score_pairs(half, pairs), pairs).mean == pytest.approx(1 - 2 / 3 / 2)


def test_a_single_fold_is_refused():
    pairs = Pairs(np.arange(2), np.arange(2), np.array([True, False]), np.zeros(2, np.int64))
    with pytest.raises(ValueError, match="2 to 10"):
        balanced_accuracy(np.zeros(2, np.float32), pairs)
