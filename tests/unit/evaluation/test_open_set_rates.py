"""FPIR and FNIR: hand-computed tables, plain loops, and how often the intervals are right."""

import numpy as np
import pytest

from countenance.errors import TooFewTrials
from countenance.evaluation.intervals import wilson
from countenance.evaluation.open_set import (
    MatedSearches,
    NonMatedSearches,
    Searches,
    draw_open_set,
    search,
)
from countenance.evaluation.open_set_rates import fnir_at_fpir, rates_at
from countenance.evaluation.trials import NEVER, Samples


def searches_of(mated, non_mated, *, size=10):
    """Mated (score, rank) and non-mated (score, second) searches, each of another person."""
    scores, ranks = zip(*mated, strict=True)
    best, seconds = zip(*non_mated, strict=True)
    m, n = len(mated), len(non_mated)
    enrolled = np.arange(100, 100 + size)
    return Searches(
        galleries=enrolled[None, :],
        mated=MatedSearches(
            enrolled[np.arange(m) % size], np.float32(scores), np.array(ranks), np.full(m, 1 / m)
        ),
        non_mated=NonMatedSearches(
            np.arange(n),
            np.float32(best),
            np.float32(seconds),
            enrolled[np.arange(n) % size],
            np.zeros(n, int),
            np.full(n, 1 / n),
        ),
    )


BY_HAND = searches_of(
    mated=[(0.9, 1), (0.8, 1), (0.7, 2), (0.6, 1), (0.5, 1), (0.5, 12), (0.4, 1), (NEVER, 11)],
    non_mated=[(0.75, 0.2), (0.6, 0.55), (0.45, 0.1), (0.3, 0.1), (NEVER, NEVER)],
)


@pytest.mark.parametrize(
    ("threshold", "list_length", "fpir", "fnir"),
    [
        (0.5, 1, 2 / 5, 4 / 8),  # missed: 0.7 is second, 0.5 is twelfth, 0.4 is low, one failed
        (0.5, 10, 2 / 5, 3 / 8),  # 0.7 is on the list
        (0.5, 50, 2 / 5, 2 / 8),  # so is the twelfth
        (0.61, 10, 1 / 5, 5 / 8),
        (0.6, 10, 2 / 5, 4 / 8),  # inclusive, on both sides
        (0.95, 1, 0.0, 1.0),
        (-1.0, 50, 4 / 5, 1 / 8),  # whoever failed is missed, and is no false alarm, at any threshold
        (-1.0, 1, 4 / 5, 3 / 8),
    ],
)
def test_rates_by_hand(threshold, list_length, fpir, fnir):
    point = rates_at(BY_HAND, threshold, list_length=list_length)
    assert point.fpir.rate == pytest.approx(fpir)
    assert point.fnir.rate == pytest.approx(fnir)
    assert (point.size, point.list_length, point.threshold) == (10, list_length, threshold)
    assert (point.fpir.trials, point.fnir.trials) == (5, 8)
    for rate in (point.fpir, point.fnir):
        assert rate.interval.low <= rate.rate <= rate.interval.high
        assert rate.interval.high > rate.interval.low


@pytest.mark.parametrize(
    ("max_fpir", "above", "fpir"), [(0.2, 0.6, 1 / 5), (0.4, 0.45, 2 / 5), (0.59, 0.45, 2 / 5)]
)
def test_a_threshold_is_the_lowest_that_keeps_the_fpir(max_fpir, above, fpir):
    point = fnir_at_fpir(BY_HAND, max_fpir=max_fpir, list_length=10)
    assert point.threshold == np.nextafter(np.float32(above), np.float32(1))
    assert point.fpir.rate == pytest.approx(fpir)
    assert point.fnir.rate == rates_at(BY_HAND, point.threshold, list_length=10).fnir.rate


def test_a_threshold_that_no_search_reaches_is_no_surer():
    """Two of five tie above it: the FNIR where FPIR is 0.3 may be that of a threshold below them."""
    searches = searches_of(
        [(score, 1) for score in np.linspace(0.05, 0.99, 10)], [(0.5, 0)] * 2 + [(0.1, 0)] * 3
    )
    chosen = fnir_at_fpir(searches, max_fpir=0.3, list_length=1)
    given = rates_at(searches, chosen.threshold, list_length=1)
    assert chosen.fpir.rate == 0.0
    assert chosen.fnir.interval.low < given.fnir.interval.low
    assert chosen.fnir.interval.high > given.fnir.interval.high


def test_an_fpir_that_the_searches_cannot_carry_is_refused_with_their_number():
    """Of different people: ten photos of one are one."""
    with pytest.raises(
        TooFewTrials, match=r"FPIR 0\.1 takes 10 searches of different people, there are 5"
    ) as e:
        fnir_at_fpir(BY_HAND, max_fpir=0.1, list_length=1)
    assert e.value.trials_needed == 10
    with pytest.raises(ValueError, match="list of 0"):
        rates_at(BY_HAND, 0.5, list_length=0)


def test_no_false_alarm_is_no_certainty():
    """0 of 5 people: as sure as five independent searches are, and no surer."""
    point = rates_at(BY_HAND, 0.99, list_length=1)
    assert point.fpir.effective == pytest.approx(5)
    assert point.fpir.interval.high == pytest.approx(wilson(0.0, 5).high)
    assert point.fnir.interval.low == pytest.approx(wilson(1.0, 8).low)


def test_one_enrolled_person_who_resembles_everybody_makes_searches_dependent():
    """Four false alarms by one enrolled person are less sure than by four."""
    apart = searches_of([(0.9, 1)], [(0.7, 0.1)] * 4 + [(0.2, 0.1)] * 36, size=40)
    one = np.where(apart.non_mated.scores > 0.5, 100, apart.non_mated.candidates)
    together = Searches(
        apart.galleries,
        apart.mated,
        NonMatedSearches(
            apart.non_mated.people,
            apart.non_mated.scores,
            apart.non_mated.seconds,
            one,
            apart.non_mated.draws,
            apart.non_mated.weights,
        ),
    )
    wide, narrow = (rates_at(each, 0.5, list_length=1).fpir for each in (together, apart))
    assert wide.rate == narrow.rate == pytest.approx(0.1)
    assert wide.interval.high > narrow.interval.high + 0.05
    assert wide.effective < narrow.effective / 2


def faces(people, photos, seed):
    """Generated faces of which some are nearer to everybody than others."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(people, 16))
    centres[:, 0] += 1.2 * random.random(people)
    subjects = np.repeat(np.arange(people), photos)
    templates = centres[subjects] + 0.6 * random.normal(size=(len(subjects), 16))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool))


def searched(people, seed, *, size=40, draws=1):
    samples = faces(people, 3, seed)
    drawn = [draw_open_set(samples.subjects, size=size, seed=1000 * seed + d) for d in range(draws)]
    return search(samples, drawn)


def test_intervals_cover_the_true_rates_as_often_as_they_say():
    """250 generated data sets of 110 people, 40 of them enrolled; bench/coverage.py does more of it."""
    threshold, covered = 0.72, np.zeros(2)
    true = [rates_at(searched(2000, 9000 + s, draws=40), threshold, list_length=1) for s in range(2)]
    for seed in range(250):
        point = rates_at(searched(110, seed), threshold, list_length=1)
        for which, name in enumerate(("fpir", "fnir")):
            truth = np.mean([getattr(each, name).rate for each in true])
            interval = getattr(point, name).interval
            covered[which] += interval.low <= truth <= interval.high
    assert np.all(covered / 250 >= 0.92)
    assert np.all(covered / 250 <= 0.98)
