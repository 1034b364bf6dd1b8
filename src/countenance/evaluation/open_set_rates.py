"""FPIR and FNIR from searches, with intervals over the draw of people (`open_set` defines them).

The variance of an FPIR has two parts: who was searched for, and who was enrolled. The second is the
jackknife's: an enrolled person decides those searches that return them alone. A false alarm belongs
to two people and would be counted with both, so it is taken off once, as for non-mated comparisons
(`intervals.variance_of_match_rate`). Of a FNIR, each person is a cluster: mate and probe are of one.
From variance to interval as all rates (`intervals`), which covers near 0, where percentiles of a
bootstrap do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.bounds import require_carried
from countenance.evaluation.intervals import Rate, rate_of
from countenance.evaluation.open_set import MatedSearches, NonMatedSearches, Searches
from countenance.evaluation.thresholds import lowest_threshold


@dataclass(frozen=True, slots=True)
class SearchPoint:
    """Both error rates of searches at one threshold.

    Attributes:
        size: people enrolled, N.
        list_length: candidates returned at most, L.
        threshold: cosine, inclusive, T.
        fpir: false positive identification rate.
        fnir: false negative identification rate.
    """

    size: int
    list_length: int
    threshold: float
    fpir: Rate
    fnir: Rate


def rates_at(searches: Searches, threshold: float, *, list_length: int) -> SearchPoint:
    """FPIR and FNIR at a threshold that these searches did not choose.

    Raises:
        ValueError: a list length below 1.
    """
    return _point(searches, threshold, list_length=list_length, threshold_variance=0.0)


def fnir_at_fpir(searches: Searches, *, max_fpir: float, list_length: int) -> SearchPoint:
    """FNIR at the lowest threshold whose FPIR does not exceed `max_fpir`, in (0, 1).

    The interval of the FNIR is that of the true FNIR where FPIR is `max_fpir`: what the threshold's own
    uncertainty adds is in it.

    Raises:
        TooFewTrials: people searched for without being enrolled x max_fpir < 1.
        ValueError: a list length below 1.
    """
    non_mated = searches.non_mated
    require_carried(max_fpir, _effective_people(non_mated), of="FPIR", trials="searches of different people")
    order = np.argsort(-non_mated.scores, kind="stable")
    scores, masses = non_mated.scores[order], np.cumsum(non_mated.weights[order])
    threshold = lowest_threshold(scores, masses, max_fpir)
    spread = math.sqrt(max(_variance_of_fpir(searches, threshold), _least_variance(non_mated, max_fpir)))
    spread /= max_fpir
    strict, lax = (
        _fnir(searches.mated, lowest_threshold(scores, masses, rate), list_length)
        for rate in (max_fpir * math.exp(-spread), min(1.0, max_fpir * math.exp(spread)))
    )
    return _point(searches, threshold, list_length=list_length, threshold_variance=((strict - lax) / 2) ** 2)


def _point(
    searches: Searches, threshold: float, *, list_length: int, threshold_variance: float
) -> SearchPoint:
    if list_length < 1:
        raise ValueError(f"a list of {list_length} candidates is none")
    mated, non_mated = searches.mated, searches.non_mated
    return SearchPoint(
        size=searches.size,
        list_length=list_length,
        threshold=threshold,
        fpir=rate_of(
            _alarms(non_mated, threshold),
            non_mated.weights,
            non_mated.people,
            variance=_variance_of_fpir(searches, threshold),
        ),
        fnir=rate_of(
            _misses(mated, threshold, list_length),
            mated.weights,
            mated.people,
            added_variance=threshold_variance,
        ),
    )


def _alarms(searches: NonMatedSearches, threshold: float) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(searches.scores) & (searches.scores >= np.float32(threshold)))


def _misses(searches: MatedSearches, threshold: float, list_length: int) -> NDArray[np.bool_]:
    found = np.isfinite(searches.scores) & (searches.scores >= np.float32(threshold))
    return np.asarray(~found | (searches.ranks > list_length))


def _fnir(searches: MatedSearches, threshold: float, list_length: int) -> float:
    return float(searches.weights[_misses(searches, threshold, list_length)].sum())


def _effective_people(searches: NonMatedSearches) -> float:
    return float(1.0 / np.sum(np.bincount(searches.people, searches.weights) ** 2))


def _least_variance(searches: NonMatedSearches, rate: float) -> float:
    """Of a rate of searches that are all independent: no threshold is surer, without an alarm neither."""
    return rate * (1.0 - rate) * float(np.sum(searches.weights**2))


def _variance_of_fpir(searches: Searches, threshold: float) -> float:
    non_mated = searches.non_mated
    alarms = _alarms(non_mated, threshold)
    people = int(max(non_mated.people.max(), searches.galleries.max())) + 1
    residuals = non_mated.weights * (alarms - non_mated.weights[alarms].sum())
    of_people = np.bincount(non_mated.people, residuals, minlength=people)
    alone = alarms & (non_mated.seconds < np.float32(threshold))
    weights = non_mated.weights[alone]
    enrolled = np.zeros(people)
    np.add.at(enrolled, non_mated.candidates[alone], weights)
    # each enrolled person against the mean of their draw's gallery
    by_draw = np.bincount(non_mated.draws[alone], weights, minlength=len(searches.galleries)) / searches.size
    expected = np.repeat(by_draw, searches.size)
    enrolled -= np.bincount(searches.galleries.ravel(), expected, minlength=people)
    pairs = non_mated.people[alone] * people + non_mated.candidates[alone]
    _, pair = np.unique(pairs, return_inverse=True)
    by_pair = float(np.sum(np.bincount(pair, weights) ** 2)) if len(pairs) else 0.0
    by_person = float(np.sum((of_people + enrolled) ** 2))
    return max(by_person - by_pair, by_pair)
