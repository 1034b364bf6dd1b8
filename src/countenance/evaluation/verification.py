"""One against one: error rates per comparison. A threshold is inclusive: `score >= threshold` matches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.bounds import require_carried
from countenance.evaluation.dyads import Dyads
from countenance.evaluation.intervals import Interval, Rate, rate_of
from countenance.evaluation.thresholds import lowest_threshold
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
        mated_effective: independent comparisons that would be as sure of `fnmr`.
        non_mated_effective: independent comparisons that would be as sure of `fmr`.
    """

    max_fmr: float
    threshold: float
    fmr: float
    fmr_interval: Interval
    fnmr: float
    fnmr_interval: Interval
    mated_trials: int
    non_mated_trials: int
    mated_effective: float
    non_mated_effective: float

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


def match_rate_of(trials: Trials, threshold: float) -> Rate:
    """`match_rate` at a threshold that these trials did not choose, with how sure it is.

    Memory for non-mated trials: number of people squared, 8 bytes each.
    """
    matches = trials.scores >= np.float32(threshold)
    if trials.is_mated:
        return rate_of(matches, trials.weights, trials.first.astype(np.int64))
    return Dyads.of(trials).rate_of(np.flatnonzero(matches))


def match_rate_interval(trials: Trials, threshold: float) -> Interval:
    """Interval of `match_rate` at a threshold that these trials did not choose."""
    return match_rate_of(trials, threshold).interval


def fnmr_at_fmr(mated: Trials, non_mated: Trials, *, max_fmr: float) -> OperatingPoint:
    """FNMR at the lowest threshold whose FMR does not exceed `max_fmr`; many of them: `OperatingPoints`.

    Raises:
        TooFewTrials: effective non-mated trials x max_fmr < 1, so that no such rate was observed.
    """
    return OperatingPoints(mated, non_mated).at_fmr(max_fmr)


class OperatingPoints:
    """FNMR at one FMR after another on the same trials, which are sorted once.

    Memory: 24 bytes a non-mated trial, and number of people squared, 8 bytes each.
    """

    def __init__(self, mated: Trials, non_mated: Trials) -> None:
        self._mated = mated
        self._dyads = Dyads.of(non_mated)
        self._order = np.argsort(-non_mated.scores, kind="stable")
        self._scores = non_mated.scores[self._order]
        self._masses = np.cumsum(non_mated.weights[self._order])

    def at_fmr(self, max_fmr: float) -> OperatingPoint:
        """FNMR at the lowest threshold whose FMR does not exceed `max_fmr`, in (0, 1).

        Raises:
            TooFewTrials: as `fnmr_at_fmr`.
        """
        non_mated = self._dyads.trials
        require_carried(max_fmr, non_mated.effective, of="FMR")
        threshold = lowest_threshold(self._scores, self._masses, max_fmr)
        false_matches = self._order[: self._reached(threshold)]
        fmr = self._dyads.rate_of(false_matches)
        # Of the rate that was asked for: where no trial reaches the threshold, it is no surer for that.
        relative = math.sqrt((1.0 - max_fmr) / (max_fmr * fmr.effective))
        strict = lowest_threshold(self._scores, self._masses, max_fmr * math.exp(-relative))
        lax = lowest_threshold(self._scores, self._masses, max_fmr * math.exp(relative))
        from_threshold = (match_rate(self._mated, lax) - match_rate(self._mated, strict)) / 2
        fnmr = rate_of(
            self._mated.scores < np.float32(threshold),
            self._mated.weights,
            self._mated.first.astype(np.int64),
            added_variance=from_threshold**2,
        )
        return OperatingPoint(
            max_fmr=max_fmr,
            threshold=threshold,
            fmr=fmr.rate,
            fmr_interval=fmr.interval,
            fnmr=fnmr.rate,
            fnmr_interval=fnmr.interval,
            mated_trials=fnmr.trials,
            non_mated_trials=fmr.trials,
            mated_effective=fnmr.effective,
            non_mated_effective=fmr.effective,
        )

    def _reached(self, threshold: float) -> int:
        return int(np.searchsorted(-self._scores, -np.float32(threshold), side="right"))


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
