"""Two packs on the same people: against hand-computed tables, and by simulation of packs that are alike."""

import numpy as np
import pytest

from countenance.errors import TooFewTrials
from countenance.evaluation.identification import ClosedSet, rank_one
from countenance.evaluation.paired import compare_errors, compare_fnmr, compare_rank_one, mcnemar
from countenance.evaluation.trials import Samples, Trials, all_mated, all_non_mated
from countenance.evaluation.verification import fnmr_at_fmr


def two_packs(people, *, seed, photos=2, worse=0.0):
    """Templates of the same photographs by two packs, of which the second is noisier by `worse`."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), photos)
    centres = random.normal(size=(people, 30)) + random.random((people, 1)) * np.eye(30)[0]
    hard = 0.5 + random.random((people, 1))
    seen = centres[subjects] + 0.75 * hard[subjects] * random.normal(size=(len(subjects), 30))
    packs = []
    for noise in (0.3, 0.3 + worse):
        templates = seen + noise * random.normal(size=seen.shape)
        templates /= np.linalg.norm(templates, axis=1, keepdims=True)
        packs.append(Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool)))
    return packs


def trials_of(samples):
    return all_mated(samples), all_non_mated(samples)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 2 / 64), (1, 9, 22 / 1024), (10, 2, 2 * 79 / 4096)],
)
def test_mcnemar_by_the_binomial_table(only_first, only_second, p_value):
    first = np.array([True] * only_first + [False] * only_second + [True, False])
    second = np.array([False] * only_first + [True] * only_second + [True, False])
    found = mcnemar(first, second)
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.p_value == pytest.approx(p_value)


def test_differences_of_people_by_hand():
    """Errors of 4 people: 1, 1, 0, 0 and 0, 1, 0, 0. Difference -1/4, its error sqrt(3)/4 / sqrt(4)."""
    found = compare_errors(
        "fnmr", np.array([1.0, 1.0, 0, 0, np.nan]), np.array([0.0, 1.0, 0, 0, np.nan]), replicates=20000
    )
    assert (found.first, found.second, found.difference, found.subjects) == (0.5, 0.25, -0.25, 4)
    error = np.sqrt(3) / 8
    assert found.interval.high - found.interval.low == pytest.approx(2 * 1.96 * error, rel=0.02)
    assert found.detectable == pytest.approx((1.96 + 0.8416) * error, rel=0.02)
    assert found.mcnemar is None


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_zero_exactly_where_no_difference_is_claimed(seed):
    random = np.random.default_rng(seed)
    first = (random.random(100) < 0.2).astype(float)
    second = (random.random(100) < 0.3).astype(float)
    found = compare_errors("fnmr", first, second, one_each=True, seed=seed)
    assert found.differ == (not found.interval.low <= 0.0 <= found.interval.high)
    assert found.mcnemar.only_first == np.count_nonzero((first == 0) & (second == 1))


def test_packs_that_never_decide_differently_are_not_distinguishable():
    """And tell nothing of what could have been seen: no error bar of zero width is made of that."""
    errors = np.array([0.0, 1.0, 0.0])
    found = compare_errors("fnmr", errors, errors)
    assert (found.difference, found.p_value, found.detectable) == (0.0, 1.0, None)


def test_like_packs_are_called_different_in_five_of_a_hundred():
    """1,000 data sets of 200 people whose errors are half shared and half the pack's own."""
    random = np.random.default_rng(1)
    differ = exact = 0
    for seed in range(1000):
        hard = random.random(200) < 0.1
        first, second = ((hard | (random.random(200) < 0.1)).astype(float) for _ in range(2))
        found = compare_errors("fnmr", first, second, one_each=True, replicates=200, seed=seed)
        differ += found.differ
        exact += found.mcnemar.p_value <= 0.05
    assert 0.03 <= differ / 1000 <= 0.07
    assert exact / 1000 <= 0.06


def test_the_difference_that_could_have_been_seen_is_seen_in_eighty_of_a_hundred():
    random = np.random.default_rng(2)
    detectable = np.mean(
        [
            compare_errors(
                "fnmr", *(random.random((2, 300)) < 0.2).astype(float), replicates=200, seed=seed
            ).detectable
            for seed in range(50)
        ]
    )
    seen = 0
    for seed in range(400):
        first = (random.random(300) < 0.2 - detectable / 2).astype(float)
        second = (random.random(300) < 0.2 + detectable / 2).astype(float)
        seen += compare_errors("fnmr", first, second, replicates=200, seed=seed).differ
    assert 0.74 <= seen / 400 <= 0.86


def test_each_pack_has_its_own_threshold():
    """A pack whose cosines are all 0.2 higher makes the same decisions, and is not different."""
    samples, _ = two_packs(60, seed=1)
    mated, non_mated = trials_of(samples)

    def higher(trials):
        return Trials(trials.scores * 0.5 + 0.5, trials.first, trials.second, trials.weights)

    found = compare_fnmr((mated, non_mated), (higher(mated), higher(non_mated)), max_fmr=0.01, replicates=50)
    assert found.first == found.second
    assert found.first == pytest.approx(fnmr_at_fmr(mated, non_mated, max_fmr=0.01).fnmr)
    assert found.p_value == 1.0
    assert found.mcnemar.p_value == 1.0


def test_a_worse_pack_is_seen_to_be_worse():
    first, second = two_packs(120, seed=2, photos=3, worse=0.6)
    found = compare_fnmr(trials_of(first), trials_of(second), max_fmr=0.01, replicates=200)
    assert found.differ
    assert found.interval.low > 0.0
    assert found.interval.low <= found.difference <= found.interval.high
    assert found.of == "fnmr at fmr 0.01"
    assert found.mcnemar is None  # three mated trials a person are not one decision


def test_like_packs_differ_rarely_where_thresholds_are_chosen_anew():
    """60 data sets; how sure the difference is agrees with how it scatters over them."""
    found = [
        compare_fnmr(*(trials_of(pack) for pack in two_packs(60, seed=seed)), max_fmr=0.02, replicates=100)
        for seed in range(60)
    ]
    assert np.mean([one.differ for one in found]) <= 0.13
    scatter = np.std([one.difference for one in found])
    stated = np.sqrt(np.mean([(one.detectable / 2.8016) ** 2 for one in found]))
    assert 0.75 <= stated / scatter <= 1.35


def test_replicates_of_both_packs_draw_the_same_people():
    """Otherwise the errors of hard people would not cancel, and intervals would be of two data sets."""
    first, second = two_packs(100, seed=3)
    paired = compare_fnmr(trials_of(first), trials_of(second), max_fmr=0.02, replicates=200)
    other, _ = two_packs(100, seed=4)
    unpaired = compare_fnmr(trials_of(first), trials_of(other), max_fmr=0.02, replicates=200)
    assert paired.detectable < 0.85 * unpaired.detectable


def test_ranks_are_compared_in_the_same_searches():
    first, second = two_packs(80, seed=5, photos=3, worse=1.0)
    gallery, probes = np.arange(0, 240, 3), np.setdiff1d(np.arange(240), np.arange(0, 240, 3))
    closed = ClosedSet(gallery, probes)
    found = compare_rank_one(first, second, closed)
    assert found.first == pytest.approx(1 - rank_one(first, closed).rank_one_by_person)
    assert found.second == pytest.approx(1 - rank_one(second, closed).rank_one_by_person)
    assert found.differ
    assert found.of == "rank-1 misses in a gallery of 80"
    assert found.mcnemar is None
    one_each = compare_rank_one(first, second, ClosedSet(gallery, gallery + 1))
    assert one_each.mcnemar is not None


def test_other_trials_are_not_compared():
    first, _ = two_packs(40, seed=6)
    fewer, _ = two_packs(39, seed=6)
    with pytest.raises(ValueError, match="same trials"):
        compare_fnmr(trials_of(first), trials_of(fewer), max_fmr=0.1)
    with pytest.raises(ValueError, match="same samples"):
        compare_rank_one(first, fewer, ClosedSet(np.arange(2), np.arange(2)))
    with pytest.raises(ValueError, match="same people"):
        compare_errors("fnmr", np.array([0.0, np.nan]), np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="compared with"):
        mcnemar(np.array([True]), np.array([True, False]))


def test_a_false_match_rate_that_trials_cannot_show_is_refused():
    first, second = two_packs(20, seed=7)
    with pytest.raises(TooFewTrials):
        compare_fnmr(trials_of(first), trials_of(second), max_fmr=1e-6)
