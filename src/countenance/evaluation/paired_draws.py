"""Two packs in replicates of one draw of subjects: thresholds chosen anew, FNMR at them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.bootstrap import replicate_match_rates
from countenance.evaluation.trials import Trials
from countenance.evaluation.verification import fnmr_at_fmr

_REACH = 20.0  # times the FMR asked for: no replicate's threshold lies where more trials match


@dataclass(frozen=True, slots=True)
class AtFmr:
    """One pack at the false match rate asked for.

    Attributes:
        mated, non_mated: its trials.
        threshold: its own.
        loose: a threshold so far below that no replicate's own lies under it.
        fmr: (replicates, 2) at `loose` and at `threshold`.
    """

    mated: Trials
    non_mated: Trials
    threshold: float
    loose: float
    fmr: NDArray[np.float64]

    @property
    def decided_rightly(self) -> NDArray[np.bool_]:
        return self.mated.scores >= np.float32(self.threshold)


def replicate_fmr(mated: Trials, non_mated: Trials, counts: NDArray[np.float64], *, max_fmr: float) -> AtFmr:
    """One pack's threshold for `max_fmr`, and its FMR in each replicate of the draw.

    Raises:
        TooFewTrials: so low an FMR was not observed.
    """
    threshold = fnmr_at_fmr(mated, non_mated, max_fmr=max_fmr).threshold
    reach = _REACH * max_fmr
    loose = fnmr_at_fmr(mated, non_mated, max_fmr=reach).threshold if reach < 1.0 else -np.inf
    rates = replicate_match_rates(non_mated, np.array([loose, threshold]), counts)
    return AtFmr(mated, non_mated, threshold, loose, rates)


def share_of_noise(one: AtFmr, other: AtFmr) -> float:
    """How far replicates of both packs' FMR are drawn in, so that their difference varies as it should.

    The noise of a pair of people is counted three times in a replicate (`bootstrap`). What it should be
    is the variance by dyadic clusters (`intervals.variance_of_match_rate`) of the difference, whose
    mean is 0 by the choice of thresholds: only trials that one pack alone matches are in it.
    """
    spread = float(np.nanstd(other.fmr[:, 1] - one.fmr[:, 1], ddof=1))
    trials = one.non_mated
    matched = [pack.non_mated.scores >= np.float32(pack.threshold) for pack in (one, other)]
    apart = np.flatnonzero(matched[0] != matched[1])
    if len(apart) == 0 or spread == 0.0:
        return 1.0
    signed = np.where(matched[1][apart], 1.0, -1.0) * trials.weights[apart]
    a, b = trials.first[apart], trials.second[apart]
    people = int(max(trials.first.max(), trials.second.max())) + 1
    cells = np.minimum(a, b).astype(np.int64) * people + np.maximum(a, b)
    by_pair = float(np.sum(np.bincount(np.unique(cells, return_inverse=True)[1], signed) ** 2))
    of_person = np.bincount(a, signed, minlength=people) + np.bincount(b, signed, minlength=people)
    return min(1.0, math.sqrt(max(float(np.sum(of_person**2)) - by_pair, by_pair)) / spread)


def replicate_thresholds(
    pack: AtFmr, counts: NDArray[np.float64], *, max_fmr: float, share: float
) -> NDArray[np.float64]:
    """(replicates,) the lowest threshold at which FMR, drawn in by `share`, does not exceed `max_fmr`."""
    trials = pack.non_mated
    top = np.flatnonzero(trials.scores >= np.float32(pack.loose))
    top = top[np.argsort(-trials.scores[top], kind="stable")]
    scores, weights = trials.scores[top], trials.weights[top]
    thresholds = np.empty(len(counts))
    for number, drawn in enumerate(counts):
        replicate = weights * drawn[trials.first[top]] * drawn[trials.second[top]]
        replicate *= pack.fmr[number, 0] / replicate.sum() if replicate.any() else 0.0
        masses = np.cumsum((1.0 - share) * weights + share * replicate)
        over = int(np.searchsorted(masses, max_fmr * (1 + 1e-12), side="right"))
        thresholds[number] = np.nextafter(scores[min(over, len(scores) - 1)], np.float32(np.inf))
    return thresholds


def replicate_fnmr(
    mated: Trials, thresholds: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(replicates,) FNMR of each replicate at its own threshold; NaN where it has no mated trial."""
    order = np.argsort(mated.scores, kind="stable")
    people, weights = mated.first[order], mated.weights[order]
    below = np.searchsorted(mated.scores[order], thresholds.astype(np.float32), side="left")
    rates = np.empty(len(counts))
    for number, drawn in enumerate(counts):
        mass = weights * drawn[people]
        rates[number] = mass[: below[number]].sum() / mass.sum() if mass.any() else np.nan
    return rates
