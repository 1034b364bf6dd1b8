"""The subject-level bootstrap: what a figure would have been with other people of the same kind.

People are drawn with replacement, with all that belongs to them; photos are not, because two photos
of one person do not vary as two people do. A mated trial counts as often as its person was drawn, a
non-mated one as often as the product of its two people's counts, and comparisons of a person with
their own copy are left out.

Its percentiles are for figures that have no better interval: near 0 and with few people they cover
too rarely, and of rates of non-mated trials too often, because the noise of a pair of people is
counted three times (Owen, 2007). Rates are given `rate_interval` or `intervals.match_rate_interval`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from countenance.evaluation.intervals import Interval, interval_of
from countenance.evaluation.trials import Trials

_DENSE_FROM = 0.05  # share of pairs of people beyond which a full matrix is faster than a sparse one
_MOST_DENSE_PEOPLE = 8000  # whose matrix takes 512 MB


def draw_counts(people: int, *, replicates: int, seed: int) -> NDArray[np.float64]:
    """(replicates, people) how often each person is drawn; every row sums to `people`.

    Raises:
        ValueError: fewer than two people, or no replicates.
    """
    if people < 2 or replicates < 1:
        raise ValueError(f"{replicates} draws of {people} people: one draw and two people are the least")
    random = np.random.default_rng(seed)
    return random.multinomial(people, np.full(people, 1.0 / people), size=replicates).astype(np.float64)


def percentile_interval(values: NDArray[np.float64], confidence: float = 0.95) -> Interval:
    """The middle `confidence` of a figure's replicates; those that have none (NaN) are left out.

    It is [x, x] where all replicates agree: a rate of 0 errors needs `rate_interval`.

    Raises:
        ValueError: no replicate has the figure.
    """
    known = values[~np.isnan(values)]
    if len(known) == 0:
        raise ValueError("no replicate has this figure: there is nothing to take percentiles of")
    low, high = np.quantile(known, [(1.0 - confidence) / 2, (1.0 + confidence) / 2])
    return Interval(float(low), float(high))


def rate_interval(rate: float, values: NDArray[np.float64], *, most_trials: float) -> Interval:
    """Wilson's interval for as many independent trials as explain the replicates' variance.

    Near 0 and 1, where the percentiles of a bootstrap end at the last error seen, this goes on: 0
    errors are as sure as `most_trials` are, the effective number of people or searches.
    """
    known = values[~np.isnan(values)]
    variance = float(np.var(known, ddof=1)) if len(known) > 1 else 0.0
    return interval_of(min(1.0, max(0.0, rate)), variance=variance, most_trials=most_trials)


def replicate_match_rates(
    trials: Trials, thresholds: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(replicates, thresholds) share of weight that matches; NaN where a replicate has no trial.

    Args:
        trials: of one kind.
        thresholds: cosines, in any order, inclusive.
        counts: (replicates, people) of `draw_counts`; people are the trials' subjects.

    Memory: trials at or above the lowest threshold, 40 bytes each; for non-mated trials besides them
    people squared, 8 bytes each, and for more than 8,000 people 12 bytes a pair of people instead.
    """
    descending = np.argsort(-thresholds, kind="stable")
    matched = np.flatnonzero(trials.scores >= np.float32(np.min(thresholds)))
    matched = matched[np.argsort(-trials.scores[matched], kind="stable")]
    ends = np.searchsorted(-trials.scores[matched], -thresholds[descending].astype(np.float32), side="right")
    total = _mass(trials, np.arange(len(trials)), counts)
    rates = np.empty((len(counts), len(thresholds)))
    mass, start = np.zeros(len(counts)), 0
    for place, end in zip(descending, ends, strict=True):
        if end > start:
            mass = mass + _mass(trials, matched[start:end], counts)
        start = end
        rates[:, place] = np.divide(mass, total, out=np.full(len(mass), np.nan), where=total > 0)
    return np.minimum(rates, 1.0)


def _mass(trials: Trials, rows: NDArray[np.intp], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(replicates,) weight of the trials in `rows` in each replicate."""
    people = counts.shape[1]
    first, weights = trials.first[rows], trials.weights[rows]
    if trials.is_mated:
        return np.asarray(counts @ np.bincount(first, weights, minlength=people))
    second = trials.second[rows]
    if people <= _MOST_DENSE_PEOPLE and len(rows) > _DENSE_FROM * people**2:
        cells = first.astype(np.int64) * people + second
        between = np.bincount(cells, weights, minlength=people**2).reshape(people, people)
        return np.asarray(np.einsum("rp,rp->r", counts @ between, counts))
    pairs = sparse.csr_matrix((weights, (first, second)), shape=(people, people))
    return np.asarray(np.einsum("pr,rp->r", pairs @ counts.T, counts))
