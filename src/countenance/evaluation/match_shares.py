"""Matches by person and by pair of people: what rates of groups are made from.

People are weighted equally, so a rate over a group needs no more of a person's mated trials than the
share that matches, and no more of two people's non-mated trials than theirs. Most pairs of people have
none that match at a threshold of interest; only those that have are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.trials import NEVER, Samples, all_mated

_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class PersonShares:
    """For each person, the share of their trials of one kind that have an outcome.

    Attributes:
        share: (people,) float64 in [0, 1]; NaN where a person has no such trial.
        trials: (people,) int64.
    """

    share: NDArray[np.float64]
    trials: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PairShares:
    """Non-mated trials that match at one threshold, by pair of people.

    Attributes:
        cosine: the threshold, inclusive.
        first: (k,) int64, the person with the lower number.
        second: (k,) int64, the other one.
        share: (k,) float64 in (0, 1], of that pair's trials. Pairs of people without a match are left out.
        photos: (people,) int64, samples of each person.
    """

    cosine: float
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float64]
    photos: NDArray[np.int64]


def failures_by_person(samples: Samples) -> PersonShares:
    """Share of each person's samples that failed to enrol."""
    photos = np.bincount(samples.subjects)
    return _shares(np.bincount(samples.subjects, ~samples.enrolled), photos)


def mated_by_person(samples: Samples, cosines: Sequence[float]) -> tuple[PersonShares, ...]:
    """Share of each person's mated trials that match, at each threshold; failures to enrol match nothing."""
    people = int(samples.subjects.max()) + 1
    photos = np.bincount(samples.subjects, minlength=people)
    if not np.any(photos > 1):
        return tuple(_shares(np.zeros(people), np.zeros(people, np.int64)) for _ in cosines)
    mated = all_mated(samples)
    trials = np.bincount(mated.first, minlength=people)
    return tuple(
        _shares(np.bincount(mated.first, mated.scores >= np.float32(cosine), minlength=people), trials)
        for cosine in cosines
    )


def non_mated_by_pair(samples: Samples, cosines: Sequence[float]) -> tuple[PairShares, ...]:
    """Pairs of people with a non-mated match, at each threshold, in one pass over all comparisons.

    Memory: 20 bytes a comparison that reaches the lowest threshold, and a block of rows.
    """
    lowest = np.float32(min(cosines))
    scores, rows, columns = [], [], []
    for start in range(0, len(samples.subjects), _ROWS_AT_ONCE):
        here = slice(start, start + _ROWS_AT_ONCE)
        block = samples.templates[here] @ samples.templates[start:].T
        block[~samples.enrolled[here]] = NEVER
        block[:, ~samples.enrolled[start:]] = NEVER
        row, column = np.nonzero(block >= lowest)
        wanted = (column > row) & (samples.subjects[here][row] != samples.subjects[start:][column])
        row, column = row[wanted], column[wanted]
        scores.append(block[row, column])
        rows.append(samples.subjects[here][row])
        columns.append(samples.subjects[start:][column])
    score, one, other = np.concatenate(scores), np.concatenate(rows), np.concatenate(columns)
    photos = np.bincount(samples.subjects)
    cell = np.minimum(one, other).astype(np.int64) * len(photos) + np.maximum(one, other)
    return tuple(_by_pair(cell[score >= np.float32(cosine)], photos, cosine) for cosine in cosines)


def _by_pair(cells: NDArray[np.int64], photos: NDArray[np.int64], cosine: float) -> PairShares:
    pairs, matches = np.unique(cells, return_counts=True)
    first, second = pairs // len(photos), pairs % len(photos)
    return PairShares(cosine, first, second, matches / (photos[first] * photos[second]), photos)


def _shares(counts: NDArray[np.float64] | NDArray[np.int64], trials: NDArray[np.int64]) -> PersonShares:
    share = np.divide(counts, trials, out=np.full(len(trials), np.nan), where=trials > 0)
    return PersonShares(share, trials.astype(np.int64))
