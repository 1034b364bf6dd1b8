"""Which comparisons are made, what they scored, and how much each counts.

A *trial* is one comparison of two samples: mated when they show the same subject. Scores are
cosines; a sample that failed to enrol matches nothing, so its trials score `NEVER`. People are
weighted equally: each subject's mated trials weigh as much together as any other subject's, and so
do the non-mated trials of each pair of subjects, however many photos there are of whom.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.types import Templates

NEVER = np.float32(-np.inf)
"""The score of a trial with a sample that failed to enrol: below every threshold."""
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one evaluation, one row each.

    Attributes:
        templates: (n, D) float32 unit rows; rows that failed to enrol hold anything finite.
        subjects: (n,) int, who each sample shows: 0 to the number of subjects - 1.
        enrolled: (n,) bool, False where no template could be made.
    """

    templates: Templates
    subjects: NDArray[np.int64]
    enrolled: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not len(self.templates) == len(self.subjects) == len(self.enrolled):
            raise ValueError("templates, subjects and enrolled must have one row a sample")

    @property
    def failures_to_enrol(self) -> int:
        return int(np.count_nonzero(~self.enrolled))

    @property
    def people(self) -> int:
        return len(np.unique(self.subjects))


@dataclass(frozen=True, slots=True)
class Trials:
    """Scored comparisons of one kind, mated or non-mated.

    Attributes:
        scores: (n,) float32 cosines, `NEVER` where a sample failed to enrol.
        first: (n,) int32 subject of the first sample.
        second: (n,) int32 subject of the second sample; equal to `first` in mated trials.
        weights: (n,) float64, positive, summing to 1.
    """

    scores: NDArray[np.float32]
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    weights: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(self.scores) == 0:
            raise ValueError("no trials of this kind: a rate needs one or more")

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def is_mated(self) -> bool:
        return bool(self.first[0] == self.second[0])

    @property
    def effective(self) -> float:
        """Kish's effective number of trials: equal to the count when all weigh the same."""
        return float(1.0 / np.sum(self.weights**2))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Drawn pairs of samples with the fold that each belongs to.

    Attributes:
        first: (n,) row of the first sample.
        second: (n,) row of the second sample.
        mated: (n,) bool.
        fold: (n,) int; no subject is in two folds.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mated: NDArray[np.bool_]
    fold: NDArray[np.int64]


def all_mated(samples: Samples) -> Trials:
    """Every mated pair once, people weighted equally."""
    rows = [_pairs_within(members) for members in _members(samples.subjects)]
    first, second = np.concatenate(rows).T
    return to_trials(samples, first, second)


def all_non_mated(samples: Samples) -> Trials:
    """Every non-mated pair once, pairs of people weighted equally.

    Memory: about 40 bytes a pair at the peak (6,922 photos: 24 million pairs, 1 GB).
    """
    subjects = samples.subjects.astype(np.int32)
    scores, first, second = [], [], []
    for start in range(0, len(subjects), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        block = _block_of_scores(samples, rows)
        later = np.arange(start, len(subjects))[None, :] > np.arange(len(subjects))[rows, None]
        wanted = later & (subjects[rows, None] != subjects[None, start:])
        scores.append(block[wanted])
        row, column = np.nonzero(wanted)
        first.append(subjects[rows][row])
        second.append(subjects[start:][column])
    photos = np.bincount(samples.subjects).astype(np.float64)
    a, b = np.concatenate(first), np.concatenate(second)
    weights = 1.0 / (photos[a] * photos[b])
    return Trials(np.concatenate(scores), a, b, weights / weights.sum())


def without(trials: Trials, people: Collection[tuple[int, int]]) -> Trials:
    """The same trials but those between the given pairs of subjects, in either order.

    For people known to be one person under two labels: their trials are not what they say.
    """
    if not people:
        return trials
    kept = ~_are_of(people, trials.first, trials.second)
    weights = trials.weights[kept]
    return Trials(trials.scores[kept], trials.first[kept], trials.second[kept], weights / weights.sum())


def has_others(trials: Trials, people: Collection[tuple[int, int]]) -> bool:
    """Whether `without` leaves any trial."""
    return not people or not bool(_are_of(people, trials.first, trials.second).all())


def pairs_without(pairs: Pairs, subjects: NDArray[np.int64], people: Collection[tuple[int, int]]) -> Pairs:
    """The same pairs but those between the given pairs of subjects, in either order."""
    kept = ~_are_of(people, subjects[pairs.first], subjects[pairs.second])
    return Pairs(pairs.first[kept], pairs.second[kept], pairs.mated[kept], pairs.fold[kept])


def _are_of(
    people: Collection[tuple[int, int]], first: NDArray[np.integer], second: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """(n,) whether each comparison is between one of the given pairs of subjects."""
    low = np.minimum(first, second).astype(np.int64)
    high = np.maximum(first, second).astype(np.int64)
    base = 1 + max([int(high.max(initial=0)), *(max(pair) for pair in people)])
    return np.isin(low * base + high, [min(pair) * base + max(pair) for pair in people])


def draw_pairs(
    subjects: NDArray[np.int64], *, seed: int, folds: int = 10, most_mated_a_person: int = 10
) -> Pairs:
    """Mated pairs, at most so many a person, and as many random non-mated ones, in folds of people.

    People are dealt to folds at random; the non-mated pairs of a fold join different people of that
    fold, drawn uniformly over people and then over their photos, none twice. The draw depends on
    `subjects` and `seed` only, so that two packs are compared on the same pairs.

    Raises:
        ValueError: a fold has no mated pair, or fewer non-mated pairs than mated ones.
    """
    random = np.random.default_rng(seed)
    members = _members(subjects)
    fold_of = random.permutation(len(members)) % folds
    rows: list[NDArray[np.int64]] = []
    marks: list[tuple[bool, int, int]] = []
    for fold in range(folds):
        people = [members[person] for person in np.flatnonzero(fold_of == fold)]
        mated = [_draw_mated(random, photos, most_mated_a_person) for photos in people]
        drawn = np.concatenate([np.empty((0, 2), np.int64), *mated])
        if len(drawn) == 0:
            raise ValueError(f"fold {fold} of {folds} has no person with two photos: use fewer folds")
        rows += [drawn, _draw_non_mated(random, people, len(drawn))]
        marks += [(True, fold, len(drawn)), (False, fold, len(drawn))]
    first, second = np.concatenate(rows).T
    lengths = [length for _, _, length in marks]
    return Pairs(
        first,
        second,
        mated=np.repeat([is_mated for is_mated, _, _ in marks], lengths),
        fold=np.repeat([fold for _, fold, _ in marks], lengths),
    )


def score_pairs(samples: Samples, pairs: Pairs) -> NDArray[np.float32]:
    """(n,) float32 cosine of each pair, `NEVER` where either sample failed to enrol."""
    return _scores_of(samples, pairs.first, pairs.second)


def to_trials(samples: Samples, first: NDArray[np.int64], second: NDArray[np.int64]) -> Trials:
    """Scored trials of the given rows, people (or pairs of people) weighted equally."""
    a = samples.subjects[first].astype(np.int32)
    b = samples.subjects[second].astype(np.int32)
    low, high = np.minimum(a, b).astype(np.int64), np.maximum(a, b).astype(np.int64)
    _, group, sizes = np.unique(
        low * (samples.subjects.max() + 1) + high, return_inverse=True, return_counts=True
    )
    weights = 1.0 / sizes[group]
    return Trials(_scores_of(samples, first, second), a, b, weights / weights.sum())


def _scores_of(samples: Samples, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float32]:
    scores = np.einsum("nd,nd->n", samples.templates[first], samples.templates[second])
    both = samples.enrolled[first] & samples.enrolled[second]
    return np.where(both, scores, NEVER).astype(np.float32)


def _block_of_scores(samples: Samples, rows: slice) -> NDArray[np.float32]:
    """Scores of `rows` against themselves and every later sample."""
    block = samples.templates[rows] @ samples.templates[rows.start :].T
    both = samples.enrolled[rows, None] & samples.enrolled[None, rows.start :]
    return np.where(both, block, NEVER).astype(np.float32)


def _members(subjects: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows of each subject, in order of subject."""
    order = np.argsort(subjects, kind="stable")
    starts = np.flatnonzero(np.diff(subjects[order])) + 1
    return [np.asarray(rows, np.int64) for rows in np.split(order, starts)]


def _pairs_within(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    i, j = np.triu_indices(len(rows), k=1)
    return np.stack([rows[i], rows[j]], axis=1)


def _draw_mated(random: np.random.Generator, rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    pairs = _pairs_within(rows)
    if len(pairs) <= most:
        return pairs
    return pairs[np.sort(random.choice(len(pairs), most, replace=False))]


def _draw_non_mated(
    random: np.random.Generator, people: list[NDArray[np.int64]], count: int
) -> NDArray[np.int64]:
    photos = np.array([len(rows) for rows in people])
    possible = (photos.sum() ** 2 - (photos**2).sum()) // 2
    if possible < count:
        raise ValueError(f"{count} non-mated pairs are wanted and {possible} exist: use fewer folds")
    drawn: set[tuple[int, int]] = set()
    while len(drawn) < count:
        a, b = random.choice(len(people), 2, replace=False)
        pair = sorted((int(random.choice(people[a])), int(random.choice(people[b]))))
        drawn.add((pair[0], pair[1]))
    return np.array(sorted(drawn), np.int64)
