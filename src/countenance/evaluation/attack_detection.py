"""Presentation attack detection (ISO/IEC 30107-3): error rates per species of attack, never pooled.

A presentation scores the higher the more it looks bona fide; at or above the threshold it is taken for
bona fide. The worst species decides, because whoever attacks chooses it: a mean over species says how
well the test's mixture was withstood, which is nobody's attack.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.errors import TooFewTrials
from countenance.evaluation.bounds import lower_bound, upper_bound
from countenance.evaluation.intervals import Interval

_TAIL = 0.025
OPERATING_POINTS = (0.10, 0.05, 0.01)
"""APCER at which BPCER is stated: BPCER10, BPCER20 and BPCER100."""


@dataclass(frozen=True, slots=True)
class Presentations:
    """Presentations of one kind, to one detector.

    Attributes:
        scores: (n,) float64, higher is more bona fide; NaN where the detector gave no answer.
        matched: (n,) bool, whether the comparison subsystem matched the presentation to its target;
            None where none was run.
    """

    scores: NDArray[np.float64]
    matched: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if len(self.scores) == 0:
            raise ValueError("no presentations: a species without any is left out")
        if self.matched is not None and len(self.matched) != len(self.scores):
            raise ValueError("outcomes of matching must be one a presentation")

    @property
    def answered(self) -> NDArray[np.float64]:
        return self.scores[~np.isnan(self.scores)]


@dataclass(frozen=True, slots=True)
class Proportion:
    """So many of so many, each as likely as the next (ISO/IEC 30107-3 takes presentations as trials).

    Attributes:
        count: events.
        trials: presentations.
        interval: exact, two-sided, 95 % (Clopper and Pearson, 1934).
        upper: exact, one-sided, at the level of the report.
    """

    count: int
    trials: int
    interval: Interval
    upper: float

    @property
    def rate(self) -> float:
        return self.count / self.trials


@dataclass(frozen=True, slots=True)
class SpeciesRates:
    """One presentation attack instrument species at one threshold.

    Attributes:
        species: its name.
        apcer: attacks taken for bona fide, of those that got an answer; None where none got one.
        non_response: APNRR, attacks without an answer.
        accepted: IAPAR, attacks taken for bona fide and matched to their target, of all; None where
            nothing was compared.
    """

    species: str
    apcer: Proportion | None
    non_response: Proportion
    accepted: Proportion | None


@dataclass(frozen=True, slots=True)
class AttackDetection:
    """Rates at one threshold.

    Attributes:
        threshold: inclusive: a score at it is bona fide.
        alpha: one-sided bounds over species are at alpha / number of species, so that all hold at once.
        species: alphabetical.
        worst: of the species with the highest APCER.
        worst_upper: no species' true APCER is above it, with confidence 1 - alpha.
        bpcer: bona fide presentations taken for attacks, of those that got an answer.
        non_response: BPNRR, bona fide presentations without an answer.
    """

    threshold: float
    alpha: float
    species: tuple[SpeciesRates, ...]
    worst: SpeciesRates
    worst_upper: float
    bpcer: Proportion
    non_response: Proportion


@dataclass(frozen=True, slots=True)
class DetPoint:
    """APCER of the worst species and BPCER at one threshold."""

    threshold: float
    apcer_worst: float
    bpcer: float


@dataclass(frozen=True, slots=True)
class BpcerAtApcer:
    """BPCER at the lowest threshold where no species' APCER exceeds `max_apcer`."""

    max_apcer: float
    threshold: float
    apcer_worst: float
    bpcer: Proportion


def proportion(count: int, trials: int, *, alpha: float = 0.05) -> Proportion:
    """Exact intervals; the one-sided upper bound at `alpha`, the two-sided interval always at 95 %.

    Raises:
        ValueError: not 0 <= count <= trials, or no trials.
    """
    if not 0 <= count <= trials or trials == 0:
        raise ValueError(f"{count} of {trials} is no proportion")
    rate = count / trials
    return Proportion(
        count,
        trials,
        Interval(lower_bound(rate, trials, alpha=_TAIL), upper_bound(rate, trials, alpha=_TAIL)),
        upper_bound(rate, trials, alpha=alpha),
    )


def attack_detection_at(
    threshold: float, bona_fide: Presentations, attacks: dict[str, Presentations], *, alpha: float = 0.05
) -> AttackDetection:
    """All rates at one threshold.

    Raises:
        ValueError: no species; or no attack, or no bona fide presentation, got an answer.
    """
    species = tuple(
        _species_rates(name, attacks[name], threshold, alpha=alpha / len(attacks)) for name in sorted(attacks)
    )
    answered = [rates for rates in species if rates.apcer is not None]
    if not answered or len(bona_fide.answered) == 0:
        raise ValueError("no answer to attacks, or to bona fide presentations: nothing to classify")
    known = [rates.apcer for rates in answered if rates.apcer is not None]
    worst = max(range(len(known)), key=lambda place: known[place].rate)
    silent = int(np.isnan(bona_fide.scores).sum())
    return AttackDetection(
        threshold=threshold,
        alpha=alpha,
        species=species,
        worst=answered[worst],
        worst_upper=1.0 if len(answered) < len(species) else max(apcer.upper for apcer in known),
        bpcer=_below(bona_fide.answered, threshold, alpha=alpha),
        non_response=proportion(silent, len(bona_fide.scores), alpha=alpha),
    )


def det(bona_fide: Presentations, attacks: dict[str, Presentations]) -> tuple[DetPoint, ...]:
    """Worst APCER against BPCER at every threshold where either changes, ascending thresholds."""
    answers = [attacks[name].answered for name in attacks if len(attacks[name].answered)]
    every = np.unique(np.concatenate([bona_fide.answered, *answers]))
    thresholds = np.append(every, np.nextafter(every[-1], np.inf))
    apcer = np.max([_share_from(scores, thresholds) for scores in answers], axis=0)
    bpcer = 1.0 - _share_from(bona_fide.answered, thresholds)
    return tuple(
        DetPoint(float(at), float(worst), float(refused))
        for at, worst, refused in zip(thresholds, apcer, bpcer, strict=True)
    )


def bpcer_at_apcer(
    bona_fide: Presentations, attacks: dict[str, Presentations], *, max_apcer: float
) -> BpcerAtApcer:
    """BPCER where the worst species' APCER is at most `max_apcer`, in (0, 1).

    Raises:
        TooFewTrials: a species has fewer than 1 / `max_apcer` attacks with an answer, so that such a
            rate was not observed; or there is no bona fide presentation with one.
    """
    needed = math.ceil(1.0 / max_apcer - 1e-9)
    short = {name: len(attacks[name].answered) for name in attacks if len(attacks[name].answered) < needed}
    if short or not attacks:
        fewest = min(short.values(), default=0)
        raise TooFewTrials(
            f"APCER {max_apcer:g} needs {needed} attacks of every species with an answer, "
            f"the smallest species has {fewest}",
            trials_needed=needed,
        )
    if len(bona_fide.answered) == 0:
        raise TooFewTrials(
            "BPCER needs 1 bona fide presentation with an answer, there are 0", trials_needed=1
        )
    threshold = max(_threshold_for(presentations.answered, max_apcer) for presentations in attacks.values())
    worst = max(float(np.mean(presentations.answered >= threshold)) for presentations in attacks.values())
    return BpcerAtApcer(max_apcer, threshold, worst, _below(bona_fide.answered, threshold, alpha=0.05))


def _species_rates(species: str, attacks: Presentations, threshold: float, *, alpha: float) -> SpeciesRates:
    answered, total = attacks.answered, len(attacks.scores)
    passed = attacks.scores >= threshold  # NaN is not
    return SpeciesRates(
        species,
        proportion(int(passed.sum()), len(answered), alpha=alpha) if len(answered) else None,
        proportion(total - len(answered), total, alpha=alpha),
        None
        if attacks.matched is None
        else proportion(int((passed & attacks.matched).sum()), total, alpha=alpha),
    )


def _threshold_for(scores: NDArray[np.float64], max_apcer: float) -> float:
    """The lowest threshold that at most this share of the scores reaches."""
    descending = np.sort(scores)[::-1]
    allowed = math.floor(max_apcer * len(scores) + 1e-9)
    return float(np.nextafter(descending[allowed], np.inf))


def _below(scores: NDArray[np.float64], threshold: float, *, alpha: float) -> Proportion:
    return proportion(int(np.count_nonzero(scores < threshold)), len(scores), alpha=alpha)


def _share_from(scores: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    below = np.searchsorted(np.sort(scores), thresholds, side="left")
    return np.asarray((len(scores) - below) / len(scores), np.float64)
