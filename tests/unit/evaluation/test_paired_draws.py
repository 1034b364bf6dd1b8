"""Thresholds and FNMR in replicates, against plain loops."""

import numpy as np
import pytest

from countenance.evaluation.bootstrap import draw_counts
from countenance.evaluation.paired_draws import (
    replicate_fmr,
    replicate_fnmr,
    replicate_thresholds,
    share_of_noise,
)
from countenance.evaluation.trials import Samples, all_mated, all_non_mated
from countenance.evaluation.verification import fnmr_at_fmr


def trials(seed, people=40):
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), 2)
    templates = random.normal(size=(people, 12))[subjects] + 0.5 * random.normal(size=(2 * people, 12))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    samples = Samples(templates.astype(np.float32), subjects, np.ones(2 * people, bool))
    return all_mated(samples), all_non_mated(samples)


COUNTS = draw_counts(40, replicates=30, seed=1)


def test_a_replicates_threshold_is_the_lowest_whose_fmr_in_it_is_low_enough():
    """Undrawn-in, by a plain loop: weight times both people's counts, over all that were drawn."""
    mated, non_mated = trials(1)
    pack = replicate_fmr(mated, non_mated, COUNTS, max_fmr=0.02)
    got = replicate_thresholds(pack, COUNTS, max_fmr=0.02, share=1.0)
    for drawn, threshold in zip(COUNTS, got, strict=True):
        weights = non_mated.weights * drawn[non_mated.first] * drawn[non_mated.second]
        weights /= weights.sum()
        assert weights[non_mated.scores >= np.float32(threshold)].sum() <= 0.02 + 1e-9
        below = non_mated.scores[non_mated.scores < np.float32(threshold)].max()
        assert weights[non_mated.scores >= below].sum() > 0.02 - 1e-9


def test_without_noise_every_replicate_has_the_packs_own_threshold():
    mated, non_mated = trials(2)
    pack = replicate_fmr(mated, non_mated, COUNTS, max_fmr=0.02)
    assert pack.threshold == fnmr_at_fmr(mated, non_mated, max_fmr=0.02).threshold
    assert (replicate_thresholds(pack, COUNTS, max_fmr=0.02, share=0.0) == pack.threshold).all()


def test_fnmr_of_a_replicate_by_a_plain_loop():
    mated, _ = trials(3)
    thresholds = np.linspace(0.2, 0.9, len(COUNTS))
    got = replicate_fnmr(mated, thresholds, COUNTS)
    for drawn, threshold, rate in zip(COUNTS, thresholds, got, strict=True):
        missed = mated.scores < np.float32(threshold)
        assert rate == pytest.approx(np.average(missed, weights=mated.weights * drawn[mated.first]))


def test_noise_of_pairs_of_people_is_drawn_in_by_about_the_root_of_three():
    """Independent packs, whose false matches have no people in common: all noise is of pairs."""
    counts = draw_counts(120, replicates=400, seed=2)
    one, other = (replicate_fmr(*trials(seed, people=120), counts, max_fmr=0.01) for seed in (4, 5))
    assert share_of_noise(one, other) == pytest.approx(3**-0.5, abs=0.12)


def test_packs_that_match_the_same_have_no_noise_between_them():
    pack = replicate_fmr(*trials(6), COUNTS, max_fmr=0.02)
    assert share_of_noise(pack, pack) == 1.0
