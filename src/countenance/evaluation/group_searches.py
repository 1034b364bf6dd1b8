"""One against many by group: how often somebody who is not enrolled is taken for somebody who is.

Everybody is searched with once per sample, against a gallery of N others: people are dealt to folds,
and each fold searches a gallery drawn from the people outside it, with one sample of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.group_rates import Moments
from countenance.evaluation.trials import NEVER, Samples

_MOST_FOLDS = 20


@dataclass(frozen=True, slots=True)
class TopCandidates:
    """The best candidate of each non-mated search.

    Attributes:
        score: (n,) float32 cosine, `NEVER` where the sample or the whole gallery failed to enrol.
        person: (n,) int64, whose reference that is.
        searched: (n,) bool, False for samples that no search was made with.
        gallery: people enrolled.
        enrolments: (people,) int64, how many of the galleries each person was in.
    """

    score: NDArray[np.float32]
    person: NDArray[np.int64]
    searched: NDArray[np.bool_]
    gallery: int
    enrolments: NDArray[np.int64]


def people_needed(gallery: int) -> int:
    """The fewest people with whom a gallery of this size can be searched by everybody in turn."""
    return max(gallery + 1, math.ceil(gallery / (1.0 - 1.0 / _MOST_FOLDS)))


def top_candidates(samples: Samples, people: NDArray[np.int64], *, gallery: int, seed: int) -> TopCandidates:
    """Search with every sample of `people` among `gallery` others of them.

    Args:
        samples: of the whole data set.
        people: numbers of the people that are enrolled and searched with.
        gallery: N, references of as many people.
        seed: of the draw of folds, galleries and samples.

    Raises:
        ValueError: fewer than `people_needed(gallery)` people.
    """
    if len(people) < people_needed(gallery):
        raise ValueError(
            f"a gallery of {gallery} people needs {people_needed(gallery)} people, there are {len(people)}"
        )
    random = np.random.default_rng(seed)
    folds = max(2, math.ceil(len(people) / (len(people) - gallery)))
    dealt = random.permutation(people)
    rows = random.permutation(len(samples.subjects))  # so that a person's first row is any of theirs
    one_each = np.full(int(samples.subjects.max()) + 1, -1)
    one_each[samples.subjects[rows]] = rows
    score = np.full(len(samples.subjects), NEVER, np.float32)
    person = np.full(len(samples.subjects), -1, np.int64)
    enrolments = np.zeros(len(one_each), np.int64)
    for fold in range(folds):
        inside = np.zeros(len(one_each), bool)
        inside[dealt[fold::folds]] = True
        enrolled = random.choice(dealt[~inside[dealt]], gallery, replace=False)
        enrolments[enrolled] += 1
        probes = np.flatnonzero(inside[samples.subjects])
        block = samples.templates[probes] @ samples.templates[one_each[enrolled]].T
        block[:, ~samples.enrolled[one_each[enrolled]]] = NEVER
        best = np.argmax(block, axis=1)
        score[probes] = np.where(samples.enrolled[probes], block[np.arange(len(probes)), best], NEVER)
        person[probes] = enrolled[best]
    return TopCandidates(score, person, np.isin(samples.subjects, people), gallery, enrolments)


def false_positive_moments(
    candidates: TopCandidates, subjects: NDArray[np.int64], members: NDArray[np.bool_], *, cosine: float
) -> Moments:
    """FPIR over the searches of some people, weighted equally, with its variance.

    A false positive is of two people, who may both be searched with and enrolled, and who may be taken
    for each other: dyadic clusters, as those of a false match. One reference that many are taken for
    makes their searches dependent.

    Args:
        candidates: of searches.
        subjects: (n,) int, who each sample shows.
        members: (people,) bool, whose searches.
        cosine: the threshold, inclusive.
    """
    mine = candidates.searched & members[subjects]
    searcher, found = subjects[mine].astype(np.int64), candidates.person[mine]
    people = len(members)
    searches = np.bincount(searcher, minlength=people)
    searched = float(np.count_nonzero(searches))
    hit = (candidates.score[mine] >= np.float32(cosine)) / searches[searcher]
    total = float(hit.sum())
    residual = np.bincount(searcher, hit, minlength=people) - total / searched * (searches > 0)
    residual += np.bincount(found, hit, minlength=people)
    residual -= total * candidates.enrolments / candidates.enrolments.sum()
    cells = np.minimum(searcher, found) * people + np.maximum(searcher, found)
    by_pair = float(np.sum(np.bincount(np.unique(cells, return_inverse=True)[1], hit) ** 2))
    squares = float(np.sum(np.bincount(searcher, hit) ** 2))
    by_pair -= total**2 / searched  # of a proportion: p (1 - p), so that searches that all hit do not vary
    variance = max(float(np.sum(residual**2)) - by_pair, by_pair, 0.0) / searched**2
    rate = total / searched
    return Moments(
        np.array([rate]),
        np.array([variance]),
        np.array([searched]),
        np.array([int(mine.sum())]),
        np.array([searched]),
        np.array([squares]),
    )
