"""Rates of groups of people, with variances over the draw of subjects.

A group is a set of people. Its rate over people (FTE, FNMR, TPR) is the mean of theirs; its rate over
pairs of people (FMR) is the mean over all pairs within it, or between it and another. Pairs that share
a person are correlated: dyadic clusters, as in `intervals.variance_of_match_rate`, in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.bounds import lower_bound, upper_bound
from countenance.evaluation.intervals import Interval, effective_trials, wilson
from countenance.evaluation.match_shares import PairShares, PersonShares

NO_GROUP = -1
"""The group of a person that is left out of a calculation."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with what stands behind it.

    Attributes:
        rate: in [0, 1].
        interval: two-sided, 95 %, over the draw of subjects.
        bound: the end on the bad side at the level that was asked for: one-sided.
        trials: comparisons, samples or searches.
        effective: independent trials that would be as sure.
    """

    rate: float
    interval: Interval
    bound: float
    trials: int
    effective: float


@dataclass(frozen=True, slots=True)
class Moments:
    """One kind of rate in each of G groups.

    Attributes:
        rate: (G,) float64; NaN where a group has no trial.
        variance: (G,) float64, of `rate` over the draw of subjects.
        most_trials: (G,) float64, independent trials at the most: people, or Kish's number of comparisons
            where pairs of people weigh the same.
        trials: (G,) int64, comparisons or samples.
        units: (G,) float64, people, or pairs of people, that the rate is a mean over.
        squares: (G,) float64, sum over them of their squared shares.
    """

    rate: NDArray[np.float64]
    variance: NDArray[np.float64]
    most_trials: NDArray[np.float64]
    trials: NDArray[np.int64]
    units: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def effective(self) -> NDArray[np.float64]:
        """(G,) independent trials that would be as sure as each rate is: `intervals.effective_trials`.

        INVARIANT: where nobody errs, no more than there are people or pairs of people, however many photos
        there are of whom: a bound that a rule reads is of these.
        """
        each = zip(self.rate, self.variance, self.units, self.most_trials, self._erring, strict=True)
        return np.array(
            [
                effective_trials(rate, variance, people=units, trials=most, erring=erring)
                if units > 0
                else most
                for rate, variance, units, most, erring in each
            ],
            np.float64,
        )

    @property
    def _erring(self) -> NDArray[np.float64]:
        """(G,) effective people, or pairs of people, in which the rarer outcome was seen."""
        total = np.where(self.rate <= 0.5, self.rate, 1.0 - self.rate) * self.units
        rarer = np.where(self.rate <= 0.5, self.squares, _squares_of_rest(self))
        return np.divide(total**2, rarer, out=np.zeros(len(total)), where=(total > 0) & (rarer > 0))

    @property
    def effective_errors(self) -> NDArray[np.float64]:
        """(G,) independent events of the rarer kind that would be as sure as each rate is."""
        return np.asarray(self.effective * np.minimum(self.rate, 1.0 - self.rate))


def over_people(shares: PersonShares, groups: NDArray[np.int64], count: int) -> Moments:
    """Mean share of each group's people; people without a trial have no say.

    Args:
        shares: of all people.
        groups: (people,) 0 to `count` - 1, or `NO_GROUP`.
        count: groups.
    """
    counted = (groups != NO_GROUP) & (shares.trials > 0)
    group, share = groups[counted], shares.share[counted]
    people = _sums(group, None, count)
    rate = _divide(_sums(group, share, count), people)
    squares = _sums(group, (share - rate[group]) ** 2, count)
    trials = _sums(group, shares.trials[counted], count)
    return Moments(
        rate,
        _divide(squares, people**2),
        people,
        trials.astype(np.int64),
        people,
        _sums(group, share**2, count),
    )


def within_groups(pairs: PairShares, groups: NDArray[np.int64], count: int) -> Moments:
    """Mean share over the pairs of people that are both of a group; arguments as of `over_people`."""
    side = groups[pairs.first]
    inside = (side == groups[pairs.second]) & (side != NO_GROUP)
    side, share = side[inside], pairs.share[inside]
    member = groups != NO_GROUP
    people = _sums(groups[member], None, count)
    units = people * (people - 1) / 2
    rate = _divide(_sums(side, share, count), units)
    of_person = _sums(pairs.first[inside], share, len(groups))
    of_person += _sums(pairs.second[inside], share, len(groups))
    group = groups[member]
    residuals = of_person[member] - rate[group] * (people[group] - 1)
    by_person = _sums(group, residuals**2, count)
    of_squares = _sums(side, share**2, count)
    by_pair = of_squares - units * rate**2
    variance = _divide(np.maximum(by_person - by_pair, by_pair), units**2)
    photos = pairs.photos[member].astype(np.float64)
    most = _divide(units**2, _pairs_of(1.0 / photos, group, count))
    trials = np.rint(_pairs_of(photos, group, count)).astype(np.int64)
    return Moments(rate, variance, most, trials, units, of_squares)


def between_groups(pairs: PairShares, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> Moments:
    """Mean share over the pairs of a person of `one` and a person of `other`, disjoint; G is 1."""
    forth = one[pairs.first] & other[pairs.second]
    back = other[pairs.first] & one[pairs.second]
    share = pairs.share[forth | back]
    units = float(one.sum()) * float(other.sum())
    rate = share.sum() / units
    of_person = _sums(pairs.first[forth | back], share, len(one))
    of_person += _sums(pairs.second[forth | back], share, len(one))
    by_person = float(np.sum((of_person[one] - rate * other.sum()) ** 2))
    by_person += float(np.sum((of_person[other] - rate * one.sum()) ** 2))
    squares = float(np.sum(share**2))
    by_pair = squares - units * rate**2
    variance = max(by_person - by_pair, by_pair) / units**2
    trials = int(pairs.photos[one].sum() * pairs.photos[other].sum())
    most = units**2 / float(np.sum(1.0 / pairs.photos[one]) * np.sum(1.0 / pairs.photos[other]))
    return Moments(
        np.array([rate]),
        np.array([variance]),
        np.array([most]),
        np.array([trials]),
        np.array([units]),
        np.array([squares]),
    )


def to_rate(moments: Moments, group: int, *, alpha: float, bad_side: Literal["upper", "lower"]) -> Rate:
    """Rate of one group with its interval, and its one-sided exact bound at `alpha`.

    The bound is for as many independent trials as explain the variance.

    Args:
        moments: of the group among others; it has trials.
        group: its place.
        alpha: chance that the true rate lies beyond the bound.
        bad_side: where the bound is: "upper" of errors, "lower" of right answers.
    """
    rate = min(1.0, max(0.0, float(moments.rate[group])))
    effective = float(moments.effective[group])
    bound = upper_bound if bad_side == "upper" else lower_bound
    return Rate(
        rate=rate,
        interval=wilson(rate, effective),
        bound=bound(rate, effective, alpha=alpha),
        trials=int(moments.trials[group]),
        effective=effective,
    )


def complement(moments: Moments) -> Moments:
    """Of the opposite outcome: TPR to FNMR."""
    return replace(moments, rate=1.0 - moments.rate, squares=_squares_of_rest(moments))


def _squares_of_rest(moments: Moments) -> NDArray[np.float64]:
    """(G,) sum of the squared shares of the opposite outcome."""
    rest = moments.units * (1.0 - 2.0 * moments.rate) + moments.squares
    return np.asarray(np.maximum(rest, 0.0))


def _pairs_of(values: NDArray[np.float64], group: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """(G,) sum over pairs of a group's people of the product of their values."""
    sums = _sums(group, values, count)
    return np.asarray((sums**2 - _sums(group, values**2, count)) / 2)


def _sums(group: NDArray[np.int64], values: NDArray[np.float64] | None, count: int) -> NDArray[np.float64]:
    """(G,) sum of the values of each group, or how many there are."""
    return np.bincount(group, values, minlength=count).astype(np.float64)


def _divide(values: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(values, by, out=np.full(len(by), np.nan), where=by > 0))
