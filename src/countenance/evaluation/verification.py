"""One against one: error rates per comparison. A threshold is inclusive: `score >= threshold` matches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.intervals import (
    Interval,
    effective_people,
    interval_of,
    variance_of_match_rate,
)
from countenance.evaluation.trials import Pairs, Trials

_STUDENT_975 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622)  # 1 to 9 degrees


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a threshold chosen for a false match rate costs in false non-matches.

    Attributes:
        max_fmr: the false match rate that was asked for.
        threshold: the lowest cosine at which FMR does not exceed it.
        fmr: false match rate at that threshold, pairs of people weighted equally.
        fmr_interval: of the true FMR at that threshold.
        fnmr: false non-match rate there, people weighted equally, failures to enrol counted.
        fnmr_interval: of the true FNMR where FMR is `max_fmr`: what the threshold's own
            uncertainty adds is in it.
        mated_trials: comparisons behind `fnmr`.
        non_mated_trials: comparisons behind `fmr`.
    """

    max_fmr: float
    threshold: float
    fmr: float
    fmr_interval: Interval
    fnmr: float
    fnmr_interval: Interval
    mated_trials: int
    non_mated_trials: int

    @property
    def tar(self) -> float:
        """True accept rate: 1 - FNMR."""
        return 1.0 - self.fnmr


@dataclass(frozen=True, slots=True)
class BalancedAccuracy:
    """Mean over folds of (TAR + true reject rate) / 2, each at the other folds' best threshold.

    Attributes:
        mean: over the folds.
        interval: Student's, over the folds.
        by_fold: one accuracy a fold.
        threshold: mean of the folds' thresholds.
        pairs: trials in all.
    """

    mean: float
    interval: Interval
    by_fold: tuple[float, ...]
    threshold: float
    pairs: int


def match_rate(trials: Trials, threshold: float) -> float:
    """Weighted share of trials that match: FMR of non-mated trials, 1 - FNMR of mated ones."""
    return float(trials.weights[trials.scores >= np.float32(threshold)].sum())


def match_rate_interval(trials: Trials, threshold: float) -> Interval:
    """Interval of `match_rate` at a threshold that these trials did not choose."""
    matches = trials.scores >= np.float32(threshold)
    return interval_of(
        min(1.0, float(trials.weights[matches].sum())),
        variance=variance_of_match_rate(trials, matches),
        most_trials=effective_people(trials) if trials.is_mated else trials.effective,
    )


def fnmr_at_fmr(mated: Trials, non_mated: Trials, *, max_fmr: float) -> OperatingPoint:
    """FNMR at the lowest threshold whose FMR does not exceed `max_fmr`, in (0, 1).

    Raises:
        TooFewTrials: effective non-mated trials x max_fmr < 1, so that no such rate was observed.
    """
    if non_mated.effective * max_fmr < 1.0 - 1e-9:
        raise TooFewTrials(
            f"FMR {max_fmr:g} needs {math.ceil(1 / max_fmr - 1e-9)} effective non-mated trials, "
            f"there are {math.floor(non_mated.effective + 1e-9)}"
        )
    order = np.argsort(-non_mated.scores, kind="stable")
    scores, masses = non_mated.scores[order], np.cumsum(non_mated.weights[order])
    threshold = _lowest_threshold(scores, masses, max_fmr)
    false_matches = non_mated.scores >= np.float32(threshold)
    relative = math.sqrt(variance_of_match_rate(non_mated, false_matches)) / max_fmr
    strict = _lowest_threshold(scores, masses, max_fmr * math.exp(-relative))
    lax = _lowest_threshold(scores, masses, max_fmr * math.exp(relative))
    from_threshold = (match_rate(mated, lax) - match_rate(mated, strict)) / 2
    fnmr = min(1.0, max(0.0, 1.0 - match_rate(mated, threshold)))
    variance = variance_of_match_rate(mated, mated.scores >= np.float32(threshold))
    return OperatingPoint(
        max_fmr=max_fmr,
        threshold=threshold,
        fmr=match_rate(non_mated, threshold),
        fmr_interval=match_rate_interval(non_mated, threshold),
        fnmr=fnmr,
        fnmr_interval=interval_of(
            fnmr,
            variance=variance + from_threshold**2,
            most_trials=effective_people(mated),
        ),
        mated_trials=len(mated),
        non_mated_trials=len(non_mated),
    )


def balanced_accuracy(scores: NDArray[np.float32], pairs: Pairs) -> BalancedAccuracy:
    """Accuracy of deciding each fold's pairs at the threshold that is best on the other folds.

    Raises:
        ValueError: not 2 to 10 folds (`draw_pairs` sees to both kinds of pairs in each).
    """
    folds = np.unique(pairs.fold)
    if not 2 <= len(folds) <= 10:
        raise ValueError(f"a threshold is chosen on other folds: 2 to 10 are needed, not {len(folds)}")
    accuracies, thresholds = [], []
    for fold in folds:
        here = pairs.fold == fold
        threshold = _best_threshold(scores[~here], pairs.mated[~here])
        accuracies.append(_accuracy(scores[here], pairs.mated[here], threshold))
        thresholds.append(threshold)
    mean = float(np.mean(accuracies))
    half = _STUDENT_975[len(folds) - 2] * float(np.std(accuracies, ddof=1)) / math.sqrt(len(folds))
    return BalancedAccuracy(
        mean=mean,
        interval=Interval(max(0.0, mean - half), min(1.0, mean + half)),
        by_fold=tuple(accuracies),
        threshold=float(np.mean(thresholds)),
        pairs=len(scores),
    )


def _lowest_threshold(scores: NDArray[np.float32], masses: NDArray[np.float64], max_fmr: float) -> float:
    """The lowest threshold that not more than `max_fmr` of the weight reaches.

    Args:
        scores: descending.
        masses: weight of all trials up to and including each.
        max_fmr: in the unit of `masses`.
    """
    over = int(np.searchsorted(masses, max_fmr * (1 + 1e-12), side="right"))
    if over == len(scores):
        return float(scores[-1])
    return float(np.nextafter(scores[over], np.float32(np.inf)))


def _best_threshold(scores: NDArray[np.float32], mated: NDArray[np.bool_]) -> float:
    """Where to accept from for the highest accuracy: halfway down to the next score below.

    Of several equally good places the middle one is taken.
    """
    candidates = np.unique(scores[np.isfinite(scores)])
    accuracy = _share_from(scores[mated], candidates) - _share_from(scores[~mated], candidates)
    ties = np.flatnonzero(accuracy >= accuracy.max() - 1e-12)
    best = int(ties[len(ties) // 2])
    return float(candidates[max(best - 1, 0)] + candidates[best]) / 2


def _share_from(scores: NDArray[np.float32], thresholds: NDArray[np.float32]) -> NDArray[np.float64]:
    below = np.searchsorted(np.sort(scores), thresholds, side="left")
    return np.asarray(1.0 - below / len(scores), np.float64)


def _accuracy(scores: NDArray[np.float32], mated: NDArray[np.bool_], threshold: float) -> float:
    matches = scores >= np.float32(threshold)
    return float((np.mean(matches[mated]) + np.mean(~matches[~mated])) / 2)
