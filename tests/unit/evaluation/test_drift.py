"""Drift: exponents that fall as they should are no alarm, those that do not are one."""

from itertools import pairwise

import numpy as np
import pytest

from countenance.evaluation.drift import (
    BINS,
    CUT,
    JUDGED,
    LEAST_SEARCHES,
    SUMS,
    DriftCounts,
    judge,
    searches_needed,
)


def exponents_as_stated(random, searches, comparisons, *, factor=1.0):
    """(searches, comparisons): reach e with probability factor x 10^-e."""
    return -np.log10(random.random((searches, comparisons)) / factor)


def counted(exponents):
    counts = DriftCounts.none()
    for row in exponents:
        counts += DriftCounts.of_search(row)
    return counts


def test_counts_are_those_of_a_plain_loop():
    exponents = exponents_as_stated(np.random.default_rng(1), 300, 24)
    counts = counted(exponents)
    assert (counts.searches, counts.comparisons, counts.comparisons_squared) == (300, 7200, 300 * 24**2)
    edges = [*BINS, np.inf]
    assert counts.bins.tolist() == [
        sum(1 for e in exponents.ravel() if low <= e < high) for low, high in pairwise(edges)
    ]
    for place, wanted in enumerate(JUDGED):
        k = [sum(1 for e in row if wanted <= e < CUT) for row in exponents]
        assert counts.reaching[place] == sum(k)
        assert counts.squares[place] == sum(each * each for each in k)
        assert counts.products[place] == sum(24 * each for each in k)


def test_an_exponent_below_zero_counts_in_the_first_bin():
    """A cosine under the first knot is stated as more than certain; it is still a comparison."""
    assert DriftCounts.of_search(np.array([-0.4, 0.0])).bins.tolist() == [2, *[0] * (len(BINS) - 1)]


def test_counts_are_kept_as_sums_that_may_be_added():
    random = np.random.default_rng(8)
    first, second = (counted(exponents_as_stated(random, 20, n)) for n in (24, 7))
    added = [a + b for a, b in zip(first.to_sums(), second.to_sums(), strict=True)]
    assert len(added) == SUMS == 21, "as the table drift_count demands"
    assert DriftCounts.from_sums(added).to_sums() == (first + second).to_sums()
    assert DriftCounts.from_sums(first.to_sums()).squares.tolist() == first.squares.tolist()
    with pytest.raises(ValueError, match="20 sums are no counts"):
        DriftCounts.from_sums(added[1:])


def test_rates_and_intervals_are_those_of_the_definition():
    random = np.random.default_rng(2)
    lengths = random.integers(5, 30, 800)
    searches = [-np.log10(random.random(n)) for n in lengths]
    judgement = judge(counted(searches))[0]
    k = np.array([np.count_nonzero((row >= 1) & (row < CUT)) for row in searches])
    rate = k.sum() / lengths.sum()
    assert judgement.counted == pytest.approx(rate)
    deviation = np.sqrt(np.sum((k - rate * lengths) ** 2)) / lengths.sum()
    half = (judgement.interval.high - judgement.interval.low) / 2
    assert half == pytest.approx(1.96 * deviation, rel=0.02)


def test_what_holds_is_no_alarm_and_twice_as_much_is_within_tolerance():
    for factor in (1.0, 1.8):
        exponents = exponents_as_stated(np.random.default_rng(3), 4000, 24, factor=factor)
        assert [each.verdict for each in judge(counted(exponents))] == ["holds"] * 3


@pytest.mark.parametrize(("factor", "verdict"), [(3.0, "higher"), (0.3, "lower")])
def test_a_rate_that_is_off_by_three_is_told(factor, verdict):
    exponents = exponents_as_stated(np.random.default_rng(4), 4000, 24, factor=factor)
    assert [each.verdict for each in judge(counted(exponents))] == [verdict] * 3


def test_mates_in_the_gallery_are_no_alarm():
    """One comparison in ten is mated, as in a gallery of ten faces: far beyond CUT, so it is not counted."""
    exponents = exponents_as_stated(np.random.default_rng(5), 4000, 24)
    exponents[:, :2] = 6.0
    assert {each.verdict for each in judge(counted(exponents))} == {"holds"}


def test_a_few_searches_say_nothing_however_odd_they_are():
    counts = counted(np.full((LEAST_SEARCHES - 1, 24), 3.5))
    assert {each.verdict for each in judge(counts)} == {"too few"}
    assert {each.verdict for each in judge(DriftCounts.none())} == {"too few"}


def test_searches_that_agree_with_themselves_are_less_sure_than_as_many_comparisons():
    """All comparisons of a search alike: the interval is that of searches, not of comparisons."""
    random = np.random.default_rng(6)
    together = np.repeat(-np.log10(random.random((1000, 1))), 24, axis=1)
    apart = -np.log10(random.random((1000, 24)))
    width = [judge(counted(each))[0].interval for each in (together, apart)]
    assert (width[0].high - width[0].low) > 3 * (width[1].high - width[1].low)


def test_false_alarms_are_rare():
    """As stated, over 200 galleries of 600 searches: none is called higher or lower."""
    random = np.random.default_rng(7)
    verdicts = [
        each.verdict for _ in range(200) for each in judge(counted(exponents_as_stated(random, 600, 24)))
    ]
    assert not {"higher", "lower"} & set(verdicts)


def test_how_many_searches_it_takes():
    assert searches_needed(1, comparisons_a_search=24) == LEAST_SEARCHES
    assert searches_needed(3, comparisons_a_search=10) == 1112  # 10 / (0.0009 x 10)
