"""One against many when nobody knows whether the person is enrolled (ISO/IEC 19795-1, FRTE 1:N).

A *mated search* is of a person who is enrolled, a *non-mated search* of one who is not. At gallery
size N, threshold T (inclusive) and list length L:

- FPIR(N, T): share of non-mated searches that return any candidate at or above T.
- FNIR(N, T, L): share of mated searches whose mate is not among the L best candidates, or below T.

A probe that failed to enrol returns nothing: a miss in a mated search, no false alarm in a non-mated
one. A reference that failed to enrol is never returned. A tie goes against the mate. People are
weighted equally: all searches with one person's samples weigh as much together as any other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.trials import NEVER, Samples

_SCORES_AT_ONCE = 1 << 23  # 32 MB of float32


@dataclass(frozen=True, slots=True)
class OpenSet:
    """Who is enrolled with which samples, and which are searched with.

    Attributes:
        gallery: (N, references) rows of the enrolled samples, one line a person.
        mated: rows searched with whose people are enrolled, by other samples.
        non_mated: rows searched with whose people are not.
    """

    gallery: NDArray[np.int64]
    mated: NDArray[np.int64]
    non_mated: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MatedSearches:
    """What searches of enrolled people returned.

    Attributes:
        people: (m,) subject of each probe.
        scores: (m,) float32 cosine of the mate, `NEVER` where there was none to return.
        ranks: (m,) place of the mate among all candidates, from 1; behind all where not returned.
        weights: (m,) summing to 1, people equal.
    """

    people: NDArray[np.int64]
    scores: NDArray[np.float32]
    ranks: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NonMatedSearches:
    """What searches of people who are not enrolled returned.

    Attributes:
        people: (m,) subject of each probe.
        scores: (m,) float32 cosine of the best candidate, `NEVER` where nothing was returned.
        seconds: (m,) float32 cosine of the second best candidate.
        candidates: (m,) subject of the best candidate.
        draws: (m,) which draw each belongs to, from 0.
        weights: (m,) summing to 1, people equal.
    """

    people: NDArray[np.int64]
    scores: NDArray[np.float32]
    seconds: NDArray[np.float32]
    candidates: NDArray[np.int64]
    draws: NDArray[np.int64]
    weights: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Searches:
    """All searches of one or more draws at one gallery size.

    Attributes:
        galleries: (draws, N) subjects enrolled.
        mated: searches of people enrolled.
        non_mated: searches of people not enrolled.
    """

    galleries: NDArray[np.int64]
    mated: MatedSearches
    non_mated: NonMatedSearches

    @property
    def size(self) -> int:
        """People enrolled: N."""
        return int(self.galleries.shape[1])


def draw_open_set(
    subjects: NDArray[np.int64],
    *,
    size: int,
    seed: int,
    references: int = 1,
    most_probes_a_person: int | None = None,
) -> OpenSet:
    """Enrol `size` random people with so many random samples each and search with the other samples.

    Whoever has too few samples for enrolment is searched for without being enrolled.

    Raises:
        ValueError: a size or a number of references below 1.
        TooFewTrials: too few people to enrol so many and to have a search of each kind.
    """
    if size < 1 or references < 1:
        raise ValueError(f"a gallery of {size} people with {references} samples each is none")
    random = np.random.default_rng(seed)
    order = random.permutation(len(subjects))
    order = order[np.argsort(subjects[order], kind="stable")]
    people, starts, samples = np.unique(subjects[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, samples)
    eligible = np.flatnonzero(samples >= references)
    if len(eligible) < size or len(people) == size:
        needed = max(size, size + 1 - (len(people) - len(eligible)))
        raise TooFewTrials(
            f"a gallery of {size} takes {needed} people with {references} samples or more and one beside "
            f"them, there are {len(eligible)}",
            trials_needed=needed,
        )
    is_enrolled = np.zeros(len(people), bool)
    is_enrolled[random.choice(eligible, size, replace=False)] = True
    enrolled = np.repeat(is_enrolled, samples)
    most = len(order) if most_probes_a_person is None else most_probes_a_person
    mated = order[enrolled & (place >= references) & (place < references + most)]
    if len(mated) == 0:
        raise TooFewTrials(f"nobody of {size} enrolled has a sample to search with besides {references}")
    return OpenSet(
        gallery=order[enrolled & (place < references)].reshape(size, references),
        mated=mated,
        non_mated=order[~enrolled & (place < most)],
    )


def search(samples: Samples, draws: Sequence[OpenSet]) -> Searches:
    """Make all searches of the draws; a person's score is that of their best reference.

    Memory: 64 MB and 40 bytes a search, whatever the gallery's size.

    Raises:
        ValueError: no draws, or draws of different sizes.
    """
    if len({draw.gallery.shape for draw in draws}) != 1:
        raise ValueError("searches are of one or more draws at one gallery size")
    mated = [_search_mated(samples, draw) for draw in draws]
    non_mated = [_search_non_mated(samples, draw) for draw in draws]
    mated_people = np.concatenate([samples.subjects[draw.mated] for draw in draws])
    others = np.concatenate([samples.subjects[draw.non_mated] for draw in draws])
    scores, ranks = (np.concatenate(parts) for parts in zip(*mated, strict=True))
    best, second, candidates = (np.concatenate(parts) for parts in zip(*non_mated, strict=True))
    return Searches(
        galleries=np.stack([samples.subjects[draw.gallery[:, 0]] for draw in draws]),
        mated=MatedSearches(mated_people, scores, ranks, _equal_people(mated_people)),
        non_mated=NonMatedSearches(
            others,
            best,
            second,
            candidates,
            np.repeat(np.arange(len(draws)), [len(draw.non_mated) for draw in draws]),
            _equal_people(others),
        ),
    )


def _search_mated(samples: Samples, draw: OpenSet) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    seat = np.full(samples.subjects.max() + 1, -1)
    seat[samples.subjects[draw.gallery[:, 0]]] = np.arange(len(draw.gallery))
    scores = np.empty(len(draw.mated), np.float32)
    ranks = np.empty(len(draw.mated), np.int64)
    for part in _parts(draw.mated, draw.gallery):
        found = _scores_by_person(samples, draw.mated[part], draw.gallery)
        mates = found[np.arange(len(found)), seat[samples.subjects[draw.mated[part]]]]
        scores[part] = mates
        rank = np.count_nonzero(found >= mates[:, None], axis=1)
        ranks[part] = np.where(np.isfinite(mates), rank, len(draw.gallery) + 1)
    return scores, ranks


def _search_non_mated(
    samples: Samples, draw: OpenSet
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    best = np.empty(len(draw.non_mated), np.float32)
    second = np.full(len(draw.non_mated), NEVER)
    seats = np.empty(len(draw.non_mated), np.int64)
    for part in _parts(draw.non_mated, draw.gallery):
        found = _scores_by_person(samples, draw.non_mated[part], draw.gallery)
        rows, seats[part] = np.arange(len(found)), np.argmax(found, axis=1)
        best[part] = found[rows, seats[part]]
        found[rows, seats[part]] = NEVER
        second[part] = found.max(axis=1)
    return best, second, samples.subjects[draw.gallery[:, 0]][seats]


def _parts(probes: NDArray[np.int64], gallery: NDArray[np.int64]) -> list[slice]:
    at_once = max(1, _SCORES_AT_ONCE // gallery.size)
    return [slice(start, start + at_once) for start in range(0, len(probes), at_once)]


def _scores_by_person(
    samples: Samples, probes: NDArray[np.int64], gallery: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(probes, N) the best score of each enrolled person, `NEVER` where either side failed to enrol."""
    scores = samples.templates[probes] @ samples.templates[gallery.ravel()].T
    scores[~samples.enrolled[probes]] = NEVER
    scores[:, ~samples.enrolled[gallery.ravel()]] = NEVER
    return np.asarray(scores.reshape(len(probes), *gallery.shape).max(axis=2))


def _equal_people(people: NDArray[np.int64]) -> NDArray[np.float64]:
    _, inverse, searches = np.unique(people, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / (searches[inverse] * len(searches)), np.float64)
