"""From cosine to false match rate: counted where trials reach, modelled beyond, and marked as such.

The body is counted: knots at fixed exponents of FMR, pairs of people weighted equally, as long as
enough non-mated trials exceed a knot. The tail is a model (`tail`), fitted to the highest trials and
joined to the last counted knot.

Each knot comes with a 95 % interval over the draw of people. A counted one's is that of its rate
(`dyads`). Beyond, what the tail leaves open is added: it is fitted anew to people drawn again, from
starts a factor of two apart, and so widens with distance. People drawn again count the noise of a
pair of people three times (`bootstrap`), so the replicates are drawn together by the ratio of the
variances. The end of the higher rates is that of tails that never end, as the knots; the end of the
lower rates lets them end, because that is what cosines may do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.bootstrap import draw_counts
from countenance.evaluation.dyads import Dyads
from countenance.evaluation.tail import Tail, fit_tail, replicate_decades
from countenance.evaluation.trials import Trials
from countenance.similarity import Calibration

_BODY_EXPONENTS = (0.05, 0.15, 0.3, 0.5, *(0.25 * step for step in range(3, 60)))
_TAIL_EXPONENTS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_LEAST_COUNTED = 50.0  # effective pairs of people that exceed a knot: its FMR is known to about +-28 %
_TAIL_TRIALS = 1000.0  # effective pairs of people that the tail is fitted to
_OTHER_TAIL_TRIALS = (500.0, 1000.0, 2000.0)  # and that replicates of it are
_DECIMALS = 5
_REPLICATES = 600
_RANKED_AT_FIRST = 20_000


@dataclass(frozen=True, slots=True)
class CalibrationFit:
    """A calibration with what stands behind it.

    Attributes:
        calibration: knots with their band, trial count and the cosine beyond which they are a model.
        effective_trials: Kish's number, with pairs of people weighted equally.
        counted_to_fmr: the lowest false match rate that was counted.
        tail: the model beyond.
    """

    calibration: Calibration
    effective_trials: float
    counted_to_fmr: float
    tail: Tail


@dataclass(frozen=True, slots=True)
class _Ranking:
    """Non-mated trials from the highest score down, as far as anything depends on them one by one.

    Attributes:
        dyads: of all trials.
        order: (n,) row of each trial.
        scores: (n,) float32, descending.
        mass: (n,) weight of all trials up to and including each.
        effective: (m,) effective pairs of people among all up to and including each, of the highest m.
    """

    dyads: Dyads
    order: NDArray[np.intp]
    scores: NDArray[np.float32]
    mass: NDArray[np.float64]
    effective: NDArray[np.float64]

    def exceedances(
        self, pairs: float, *, below: float = math.inf
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], float]:
        """Rows, excesses and start of the highest trials that so many effective pairs of people make.

        The start is below `below`, however many trials that takes.
        """
        last = min(int(np.searchsorted(self.effective, pairs)), len(self.effective) - 1)
        start = min(float(self.scores[last]), float(np.nextafter(np.float32(below), np.float32(-1))))
        above = int(np.searchsorted(-self.scores, -np.float32(start), side="left"))
        return self.order[:above], self.scores[:above].astype(np.float64) - start, start

    def tail(self) -> Tail:
        rows, excess, start = self.exceedances(_TAIL_TRIALS)
        return fit_tail(excess, self.dyads.trials.weights[rows], start=start)


def fit_calibration(non_mated: Trials, *, replicates: int = _REPLICATES, seed: int = 0) -> CalibrationFit:
    """Knots from all non-mated trials, rounded to 5 decimals as a manifest states them.

    Args:
        non_mated: all of them.
        replicates: of the tail, for its band.
        seed: of the draw of people.

    Memory: 24 bytes a trial, and number of people squared, 8 bytes each.

    Raises:
        TooFewTrials: not even FMR 0.1 can be counted.
    """
    ranking = _rank(non_mated)
    cosines, exponents = _counted_knots(ranking)
    if len(cosines) == 0 or exponents[-1] < 1.0:
        needed = math.ceil(_LEAST_COUNTED / 0.1)
        raise TooFewTrials(f"{len(non_mated)} non-mated trials cannot show FMR 0.1", trials_needed=needed)
    tail = ranking.tail()
    joint, counted_to = cosines[-1], exponents[-1]
    modelled = [joint + tail.excess_at(step, beyond=joint) for step in _TAIL_EXPONENTS]
    body = _counted_band(ranking, cosines, exponents)
    beyond = _tail_band(ranking, joint, np.array(modelled), replicates=replicates, seed=seed)
    low, high = (
        # the count of the last knot and the slope beyond it err independently
        [*end, *(counted_to + step + sign * math.hypot(end[-1] - counted_to, off) for step, off in steps)]
        for sign, end, steps in (
            (-1, body[0], zip(_TAIL_EXPONENTS, beyond[0], strict=True)),
            (1, body[1], zip(_TAIL_EXPONENTS, beyond[1], strict=True)),
        )
    )
    calibration = Calibration(
        cosine=_rounded([*cosines, *modelled]),
        neg_log10_fmr=_rounded([*exponents, *(counted_to + step for step in _TAIL_EXPONENTS)]),
        trials=len(non_mated),
        extrapolated_from=round(joint, _DECIMALS),
        neg_log10_fmr_low=_rounded(np.maximum.accumulate(low)),
        neg_log10_fmr_high=_rounded(np.maximum.accumulate(high)),
    )
    return CalibrationFit(calibration, non_mated.effective, 10.0**-counted_to, tail)


def _rank(trials: Trials) -> _Ranking:
    order = np.argsort(-trials.scores, kind="stable")
    scores, weights = trials.scores[order], trials.weights[order]
    highest = min(_RANKED_AT_FIRST, len(order))
    effective = _effective_pairs(trials, order[:highest])
    while effective[-1] < max(_OTHER_TAIL_TRIALS) and highest < len(order):
        highest = min(4 * highest, len(order))
        effective = _effective_pairs(trials, order[:highest])
    return _Ranking(Dyads.of(trials), order, scores, np.cumsum(weights), effective)


def _effective_pairs(trials: Trials, order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Effective pairs of people among all trials up to and including each, taken in `order`.

    Weight squared over the sum of squared weights of pairs of people: a hundred photos of two people
    are one observation of how alike the two are, not a hundred.
    """
    first, second, weights = trials.first[order], trials.second[order], trials.weights[order]
    people = int(max(first.max(), second.max())) + 1
    pair = np.minimum(first, second).astype(np.int64) * people + np.maximum(first, second)
    by_pair = np.argsort(pair, kind="stable")
    grouped = weights[by_pair]
    running = np.cumsum(grouped)
    starts = np.flatnonzero(np.diff(pair[by_pair], prepend=-1))
    before_pair = np.repeat(running[starts] - grouped[starts], np.diff([*starts, len(pair)]))
    of_pair = running - before_pair
    added = np.empty(len(pair))
    added[by_pair] = of_pair**2 - (of_pair - grouped) ** 2
    return np.asarray(np.cumsum(weights) ** 2 / np.cumsum(added))


def _counted_knots(ranking: _Ranking) -> tuple[list[float], list[float]]:
    """Cosine at each exponent of FMR that enough trials exceed."""
    cosines: list[float] = []
    exponents: list[float] = []
    for exponent in _BODY_EXPONENTS:
        last = int(np.searchsorted(ranking.mass, 10.0**-exponent * (1 + 1e-12), side="right")) - 1
        if last < 0 or (last < len(ranking.effective) and ranking.effective[last] < _LEAST_COUNTED):
            break
        score = float(ranking.scores[last])
        if np.isfinite(score) and (not cosines or score > cosines[-1] + 10.0**-_DECIMALS):
            cosines.append(score)
            exponents.append(exponent)
    return cosines, exponents


def _counted_band(
    ranking: _Ranking, cosines: list[float], exponents: list[float]
) -> tuple[list[float], list[float]]:
    """Lower and upper end of the exponent at each counted knot."""
    low, high = [], []
    for cosine, exponent in zip(cosines, exponents, strict=True):
        reached = int(np.searchsorted(-ranking.scores, -np.float32(cosine), side="right"))
        interval = ranking.dyads.rate_of(ranking.order[:reached]).interval
        low.append(min(exponent, -math.log10(interval.high)))
        high.append(max(exponent, -math.log10(interval.low)))
    return low, high


def _tail_band(
    ranking: _Ranking, joint: float, modelled: NDArray[np.float64], *, replicates: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many decades less and more than the tail's knots say lie between `joint` and each of them."""
    dyads = ranking.dyads
    counts = draw_counts(len(dyads.by_person), replicates=replicates, seed=seed)
    never_ending: list[NDArray[np.float64]] = []
    ending: list[NDArray[np.float64]] = []
    for place, trials in enumerate(_OTHER_TAIL_TRIALS):
        rows, excess, start = ranking.exceedances(trials, below=joint)
        drawn = counts[place :: len(_OTHER_TAIL_TRIALS)]
        of_pairs = drawn[:, dyads.trials.first[rows]] * drawn[:, dyads.trials.second[rows]]
        weights = of_pairs * dyads.trials.weights[rows]
        noise = dyads.noise_of_people_drawn_again(rows)
        for may_end, found in ((False, never_ending), (True, ending)):
            decades = replicate_decades(
                excess, weights, joint=joint - start, beyond=modelled - start, may_end=may_end
            )
            centre = np.median(decades, axis=0)
            found.append(centre + (decades - centre) / noise)
    steps = np.array(_TAIL_EXPONENTS)
    low = np.quantile(np.concatenate(never_ending), 0.025, axis=0)
    high = np.quantile(np.concatenate(ending), 0.975, axis=0)
    return np.maximum(steps - low, 0.0), np.maximum(high - steps, 0.0)


def _rounded(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) for value in values)
