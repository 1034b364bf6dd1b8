"""One against many: does a search put the right person first?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.intervals import Interval, Rate, interval_of, rate_of
from countenance.evaluation.trials import Samples

RANKS = (1, 5, 10, 20)
_PROBES_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class ClosedSet:
    """Which samples are enrolled and which are searched with; every probe's person is enrolled.

    Attributes:
        gallery: rows of the enrolled samples, one a person.
        probes: rows of the samples searched with.
    """

    gallery: NDArray[np.int64]
    probes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RankRates:
    """Closed-set identification rates.

    Attributes:
        rank_one: share of probes whose mate is first, probes weighted equally.
        rank_one_by_person: the same, people weighted equally.
        interval: of `rank_one`, over the draw of people.
        probes: searches made.
        gallery: people enrolled.
    """

    rank_one: float
    rank_one_by_person: float
    interval: Interval
    probes: int
    gallery: int


def draw_closed_set(
    subjects: NDArray[np.int64], *, seed: int, most_probes_a_person: int | None = None
) -> ClosedSet:
    """Enrol one random sample of everybody and search with the others, at most so many a person.

    People with a single sample stay in the gallery, where they can only be mistaken for others.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(subjects))
    order = order[np.argsort(subjects[order], kind="stable")]
    starts = np.searchsorted(subjects[order], subjects[order], side="left")
    place = np.arange(len(order)) - starts
    last = len(order) if most_probes_a_person is None else most_probes_a_person
    return ClosedSet(gallery=order[place == 0], probes=order[(place >= 1) & (place <= last)])


def ranks_of_mates(samples: Samples, closed_set: ClosedSet) -> NDArray[np.int64]:
    """(probes,) rank, from 1, of each probe's mate.

    Ties go against the mate. A mate that is not enrolled or a probe that yields no template ranks
    behind the whole gallery.
    """
    gallery, probes = closed_set.gallery, closed_set.probes
    seat = np.full(samples.subjects.max() + 1, -1)
    seat[samples.subjects[gallery]] = np.arange(len(gallery))
    ranks = np.empty(len(probes), np.int64)
    for start in range(0, len(probes), _PROBES_AT_ONCE):
        rows = probes[start : start + _PROBES_AT_ONCE]
        scores = samples.templates[rows] @ samples.templates[gallery].T
        scores[:, ~samples.enrolled[gallery]] = -np.inf
        mates = scores[np.arange(len(rows)), seat[samples.subjects[rows]]]
        found = samples.enrolled[rows] & np.isfinite(mates)
        rank = np.count_nonzero(scores >= mates[:, None], axis=1)
        ranks[start : start + len(rows)] = np.where(found, rank, len(gallery) + 1)
    return ranks


def hit_rates(samples: Samples, draws: Sequence[ClosedSet], ranks: Sequence[int] = RANKS) -> dict[int, Rate]:
    """How often the mate of a probe is among the first so many: the cumulative match characteristic.

    People are weighted equally over all draws together, failures to enrol counted as misses. Ranks
    that the gallery does not have are left out: they would say nothing.

    Raises:
        TooFewTrials: there are no probes.
    """
    found = np.concatenate([ranks_of_mates(samples, draw) for draw in draws])
    people = np.concatenate([samples.subjects[draw.probes] for draw in draws])
    if len(people) == 0:
        raise TooFewTrials("nobody has two samples: a closed-set search needs a probe besides the reference")
    _, person, probes = np.unique(people, return_inverse=True, return_counts=True)
    weights = 1.0 / (probes[person] * len(probes))
    smallest = min(len(draw.gallery) for draw in draws)
    return {rank: rate_of(found <= rank, weights, person) for rank in ranks if rank <= smallest}


def rank_one(samples: Samples, closed_set: ClosedSet) -> RankRates:
    """How often the mate of a probe is the first candidate, failures to enrol counted as misses.

    Raises:
        ValueError: there are no probes.
    """
    if len(closed_set.probes) == 0:
        raise ValueError("nobody has two samples: a closed-set search needs a probe besides the reference")
    right = ranks_of_mates(samples, closed_set) == 1
    people = samples.subjects[closed_set.probes]
    probes = np.bincount(people).astype(np.float64)
    hits = np.bincount(people, right)
    searched = probes > 0
    probes, hits = probes[searched], hits[searched]
    rate = float(hits.sum() / probes.sum())
    return RankRates(
        rank_one=rate,
        rank_one_by_person=float(np.mean(hits / probes)),
        interval=interval_of(
            rate,
            variance=float(np.sum((hits - rate * probes) ** 2) / probes.sum() ** 2),
            most_trials=float(probes.sum() ** 2 / np.sum(probes**2)),
        ),
        probes=len(closed_set.probes),
        gallery=len(closed_set.gallery),
    )
