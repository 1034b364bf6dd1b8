"""The member `verification` of an evaluation: one against one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from countenance.errors import TooFewTrials
from countenance.evaluation.det import det_curve, histogram_of
from countenance.evaluation.figures_shapes import (
    as_cosine,
    complement_to_dict,
    interval_to_dict,
    rate_to_dict,
    refused,
    similarity_at,
)
from countenance.evaluation.intervals import Interval, Rate
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import (
    Pairs,
    Samples,
    Trials,
    all_mated,
    all_non_mated,
    draw_pairs,
    has_others,
    pairs_without,
    score_pairs,
    to_trials,
    without,
)
from countenance.evaluation.verification import (
    BalancedAccuracy,
    OperatingPoints,
    balanced_accuracy,
    match_rate_of,
)
from countenance.similarity import Calibration
from countenance.types import Cosine

_STEPS: Final = 100_000


def verification_figures(
    samples: Samples,
    *,
    calibration: Calibration,
    protocol: Protocol,
    pairs: Pairs | None = None,
    doubles: Collection[tuple[int, int]] = (),
) -> dict[str, Any]:
    """Error rates per comparison; `refused` in place of all of them where there is nothing to compare.

    Args:
        pairs: comparisons that the data set prescribes, folds included; None: every pair there is.
        doubles: pairs of subjects who are one person: never compared.
    """
    compared = trials_of(samples, pairs=pairs, doubles=doubles)
    if isinstance(compared, str):
        return refused(compared)
    mated, non_mated = compared
    points = OperatingPoints(mated, non_mated)
    return {
        "mated_trials": len(mated),
        "non_mated_trials": len(non_mated),
        "effective_non_mated": non_mated.effective,
        "balanced": _balanced(samples, pairs, protocol, doubles),
        "at_fmr": [_at_fmr(points, rate, calibration) for rate in protocol.max_fmrs],
        "at_similarity": [
            _at_similarity(mated, non_mated, similarity, calibration) for similarity in protocol.similarities
        ],
        **_curve(mated, non_mated),
    }


def trials_of(
    samples: Samples, *, pairs: Pairs | None = None, doubles: Collection[tuple[int, int]] = ()
) -> tuple[Trials, Trials] | str:
    """The mated and the non-mated trials, or what is missing to have any."""
    photos = np.bincount(samples.subjects)
    if pairs is not None:
        if not pairs.mated.any() or pairs.mated.all():
            return "the list of pairs needs mated and non-mated ones"
        mated, other = pairs.mated, ~pairs.mated
        return _told_apart(
            to_trials(samples, pairs.first[mated], pairs.second[mated]),
            to_trials(samples, pairs.first[other], pairs.second[other]),
            doubles,
        )
    if photos.max() < 2:
        return "nobody has two samples: there are no mated trials"
    if np.count_nonzero(photos) < 2:
        return "there is one subject alone: there are no non-mated trials"
    return _told_apart(all_mated(samples), all_non_mated(samples), doubles)


def _told_apart(
    mated: Trials, non_mated: Trials, doubles: Collection[tuple[int, int]]
) -> tuple[Trials, Trials] | str:
    """The trials without those between `doubles`, or that none is left."""
    if not has_others(non_mated, doubles):
        return "all subjects are known to be one person: there are no non-mated trials"
    return mated, without(non_mated, doubles)


def cosine_at(calibration: Calibration, similarity: float) -> float:
    """The lowest cosine, to 1e-5, that is answered as `similarity` or more; 1 where none is."""
    grid = np.arange(-_STEPS, _STEPS + 1) / _STEPS
    place = np.searchsorted(calibration.to_similarity(grid), np.float32(similarity), side="left")
    return float(grid[min(int(place), len(grid) - 1)])


def balanced_of_draws(
    samples: Samples, protocol: Protocol, doubles: Collection[tuple[int, int]] = ()
) -> list[BalancedAccuracy]:
    """One for each draw of pairs and folds of people; as many folds as the people carry, at most ten.

    Drawn pairs of `doubles`, subjects who are one person, are left out.

    Raises:
        TooFewTrials: not even two folds can be made.
    """
    for folds in range(protocol.folds, 1, -1):
        try:
            drawn = [
                draw_pairs(
                    samples.subjects,
                    seed=seed,
                    folds=folds,
                    most_mated_a_person=protocol.most_mated_a_subject,
                )
                for seed in range(protocol.seed, protocol.seed + protocol.draws)
            ]
            told_apart = [pairs_without(pairs, samples.subjects, doubles) for pairs in drawn]
            if not all(map(_are_of_both_kinds, told_apart)):
                continue
            return [balanced_accuracy(score_pairs(samples, pairs), pairs) for pairs in told_apart]
        except ValueError:  # a fold without a mated pair, or with too few others
            continue
    raise TooFewTrials("two folds of people need two or more people with two samples in each")


def _balanced(
    samples: Samples, pairs: Pairs | None, protocol: Protocol, doubles: Collection[tuple[int, int]]
) -> dict[str, Any]:
    try:
        if pairs is None:
            draws = balanced_of_draws(samples, protocol, doubles)
        else:
            draws = [_of_given_folds(samples, pairs_without(pairs, samples.subjects, doubles))]
    except TooFewTrials as refusal:
        return refused(refusal)
    ends = [(draw.interval.low, draw.interval.high) for draw in draws]
    low, high = np.mean(ends, axis=0)
    return {
        "accuracy": float(np.mean([draw.mean for draw in draws])),
        "interval": interval_to_dict(Interval(low, high)),
        "pairs": draws[0].pairs,
        "folds": len(draws[0].by_fold),
    }


def _of_given_folds(samples: Samples, pairs: Pairs) -> BalancedAccuracy:
    folds = np.unique(pairs.fold)
    if not 2 <= len(folds) <= 10:
        raise TooFewTrials(
            f"the list has {len(folds)} folds, 2 to 10 are needed: a threshold is chosen on other folds "
            "than it is judged on"
        )
    if not _are_of_both_kinds(pairs):
        raise TooFewTrials("a fold of the list has pairs of one kind alone")
    return balanced_accuracy(score_pairs(samples, pairs), pairs)


def _are_of_both_kinds(pairs: Pairs) -> bool:
    """Whether every fold has mated and non-mated pairs."""
    return all(len(np.unique(pairs.mated[pairs.fold == fold])) == 2 for fold in np.unique(pairs.fold))


def _at_fmr(points: OperatingPoints, max_fmr: float, calibration: Calibration) -> dict[str, Any]:
    try:
        point = points.at_fmr(max_fmr)
    except TooFewTrials as refusal:
        return {"max_fmr": max_fmr, **refused(refusal)}
    fmr = Rate(point.fmr, point.fmr_interval, point.non_mated_trials, point.non_mated_effective)
    fnmr = Rate(point.fnmr, point.fnmr_interval, point.mated_trials, point.mated_effective)
    return {
        "max_fmr": max_fmr,
        "cosine": as_cosine(point.threshold),
        "similarity": similarity_at(calibration, point.threshold),
        "fmr": rate_to_dict(fmr),
        "fnmr": rate_to_dict(fnmr),
    }


def _at_similarity(
    mated: Trials, non_mated: Trials, similarity: float, calibration: Calibration
) -> dict[str, Any]:
    cosine = Cosine(cosine_at(calibration, similarity))
    stated = calibration.fmr_interval(cosine)
    return {
        "similarity": similarity,
        "cosine": float(cosine),
        "stated_fmr": float(calibration.to_fmr(cosine)),
        **({} if stated is None else {"stated_interval": interval_to_dict(Interval(*map(float, stated)))}),
        "extrapolated": bool(calibration.is_extrapolated(cosine)),
        "fmr": rate_to_dict(match_rate_of(non_mated, cosine)),
        "fnmr": complement_to_dict(match_rate_of(mated, cosine)),
    }


def _curve(mated: Trials, non_mated: Trials) -> dict[str, Any]:
    """The members `det` and `histogram`, where the trials carry them."""
    members: dict[str, Any] = {}
    try:
        members["det"] = [
            {**asdict(point), "cosine": as_cosine(point.cosine)} for point in det_curve(mated, non_mated)
        ]
        members["histogram"] = {
            name: list(values) for name, values in asdict(histogram_of(mated, non_mated)).items()
        }
    except TooFewTrials:
        return members
    return members
