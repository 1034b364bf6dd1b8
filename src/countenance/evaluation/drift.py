"""Whether production still matches as rarely as the calibration says: counts of sampled comparisons, judged.

Of each search a few comparisons with faces drawn at random are looked at, nearly all of them non-mated,
and counted by their exponent, -log10 of the false match rate that the calibration states for their cosine.
Where it holds, exponents reach e with probability 10^-e. Mated ones are among them when somebody who is
enrolled is searched for: so only exponents below `CUT` count, which mated comparisons seldom have.

A search is one observation, however many comparisons it lends: its probe is in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.intervals import Interval, interval_of

JUDGED: Final = (1, 2, 3)
"""Exponents at which the stated rate is compared with the counted one: FMR 0.1, 0.01 and 0.001."""
CUT: Final = 4.0
BINS: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, CUT)
"""Edges, in exponents, of the histogram that is kept; the last bin has everything from CUT on."""
TOLERATED: Final = 2.0
"""A rate within this factor of the stated one is no alarm: galleries are small and differ."""
LEAST_SEARCHES: Final = 500
LEAST_EXPECTED: Final = 10.0
"""Comparisons that should reach an exponent before it is judged."""
SUMS: Final = 3 + len(BINS) + 3 * len(JUDGED)

Verdict = Literal["holds", "higher", "lower", "too few"]


@dataclass(frozen=True, slots=True)
class DriftCounts:
    """Sums over searches; what no search can be made out of.

    Attributes:
        searches: how many lent comparisons.
        comparisons: how many they lent, n of each search summed up.
        bins: (9,) comparisons by exponent, `BINS`.
        reaching: (3,) comparisons that reach each of JUDGED and not CUT: k of each search summed up.
        squares: (3,) sum of k^2.
        products: (3,) sum of k n.
        comparisons_squared: sum of n^2.
    """

    searches: int
    comparisons: int
    bins: NDArray[np.int64]
    reaching: NDArray[np.int64]
    squares: NDArray[np.int64]
    products: NDArray[np.int64]
    comparisons_squared: int

    @classmethod
    def none(cls) -> DriftCounts:
        zeros = np.zeros(len(JUDGED), np.int64)
        return cls(0, 0, np.zeros(len(BINS), np.int64), zeros, zeros, zeros, 0)

    @classmethod
    def of_search(cls, neg_log10_fmr: NDArray[np.float64]) -> DriftCounts:
        """What one search lends: the exponents of its sampled comparisons, (n,)."""
        places = np.clip(np.searchsorted(BINS, neg_log10_fmr, side="right") - 1, 0, len(BINS) - 1)
        below = neg_log10_fmr < CUT
        reaching = np.array([np.count_nonzero(below & (neg_log10_fmr >= e)) for e in JUDGED], np.int64)
        n = len(neg_log10_fmr)
        return cls(
            searches=1,
            comparisons=n,
            bins=np.bincount(places, minlength=len(BINS)).astype(np.int64),
            reaching=reaching,
            squares=reaching**2,
            products=reaching * n,
            comparisons_squared=n * n,
        )

    @classmethod
    def from_sums(cls, sums: Sequence[int]) -> DriftCounts:
        """Of what `to_sums` gave, or of several such added up.

        Raises:
            ValueError: there are not as many.
        """
        if len(sums) != SUMS:
            raise ValueError(f"{len(sums)} sums are no counts of drift: there are {SUMS}")
        bins, *of_exponents = np.split(np.array(sums[3:], np.int64), len(BINS) + len(JUDGED) * np.arange(3))
        reaching, squares, products = of_exponents
        return cls(int(sums[0]), int(sums[1]), bins, reaching, squares, products, int(sums[2]))

    def to_sums(self) -> list[int]:
        """All of it as whole numbers, which are added to those of other searches one by one."""
        arrays = (self.bins, self.reaching, self.squares, self.products)
        return [
            self.searches,
            self.comparisons,
            self.comparisons_squared,
            *(int(value) for array in arrays for value in array),
        ]

    def __add__(self, other: DriftCounts) -> DriftCounts:
        return DriftCounts(
            self.searches + other.searches,
            self.comparisons + other.comparisons,
            self.bins + other.bins,
            self.reaching + other.reaching,
            self.squares + other.squares,
            self.products + other.products,
            self.comparisons_squared + other.comparisons_squared,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """A stated false match rate beside the counted one.

    Attributes:
        exponent: of JUDGED; both rates are of comparisons from this exponent up to CUT.
        stated: share that should reach it.
        counted: share that does; None where nothing was compared.
        interval: of `counted`, 95 %, over the draw of searches.
        verdict: `higher` if even the interval's low end is over TOLERATED times the stated rate, `lower` if
            its high end is under a TOLERATED-th of it, `too few` if it cannot be said.
    """

    exponent: int
    stated: float
    counted: float | None
    interval: Interval | None
    verdict: Verdict


def judge(counts: DriftCounts) -> list[Judgement]:
    """One judgement for each exponent of JUDGED."""
    return [_judge(counts, place, exponent) for place, exponent in enumerate(JUDGED)]


def _judge(counts: DriftCounts, place: int, exponent: int) -> Judgement:
    stated = 10.0**-exponent - 10.0**-CUT
    if counts.comparisons == 0:
        return Judgement(exponent, stated, None, None, "too few")
    rate = int(counts.reaching[place]) / counts.comparisons
    # variance of a ratio of sums over searches: sum of (k - rate n)^2, over (sum of n)^2
    spread = (
        int(counts.squares[place])
        - 2 * rate * int(counts.products[place])
        + rate**2 * counts.comparisons_squared
    )
    interval = interval_of(
        rate, variance=max(spread, 0.0) / counts.comparisons**2, most_trials=float(counts.comparisons)
    )
    return Judgement(exponent, stated, rate, interval, _verdict(counts, stated, interval))


def _verdict(counts: DriftCounts, stated: float, interval: Interval) -> Verdict:
    if counts.searches < LEAST_SEARCHES or stated * counts.comparisons < LEAST_EXPECTED:
        return "too few"
    if interval.low > TOLERATED * stated:
        return "higher"
    if interval.high < stated / TOLERATED:
        return "lower"
    return "holds"


def searches_needed(exponent: int, *, comparisons_a_search: float) -> int:
    """How many searches it takes until the exponent is judged."""
    stated: float = 10.0**-exponent - 10.0**-CUT
    return max(LEAST_SEARCHES, math.ceil(LEAST_EXPECTED / (stated * comparisons_a_search)))
