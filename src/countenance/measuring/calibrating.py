"""A calibration out of an operator's labelled photos, and what it would change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from countenance import __version__
from countenance.assurance.calibration_document import OperatorCalibration
from countenance.errors import TooFewTrials
from countenance.evaluation.calibration import CalibrationFit, fit_calibration
from countenance.evaluation.trials import Samples, all_non_mated, has_others, without
from countenance.measuring.evaluating import Material
from countenance.measuring.photos import data_digest
from countenance.similarity import FMR, Calibration, fmr_at_similarity
from countenance.types import Cosine, Similarity
from countenance.vision.manifest import PackManifest
from countenance.vision.pipeline_digest import pipeline_digest

LEAST_COUNTED: Final = FMR(1e-2)
"""A calibration that counts less than this far is a model from its beginning, and is refused."""
SHOWN_AT: Final = tuple(map(Similarity, (80.0, 90.0, 99.0)))
_PAIRS_BEHIND_A_RATE: Final = 50
"""Pairs of people that match by mistake, below which `fit_calibration` counts no rate."""


def people_to_count(rate: FMR) -> int:
    """How many people it takes, all compared with all, to count a false match rate."""
    return math.ceil((1 + math.sqrt(1 + 8 * _PAIRS_BEHIND_A_RATE / rate)) / 2)


def calibrate(
    manifest: PackManifest, material: Material, samples: Samples, *, made_at: datetime
) -> OperatorCalibration:
    """What the photos say that a cosine of the pack means; all people compared with all others.

    Raises:
        TooFewTrials: they count no false match rate of 0.01; says how many people it takes.
    """
    people = samples.people
    fit = _fit(samples, material.doubles, people)
    return OperatorCalibration(
        made_at=made_at,
        program_version=__version__,
        pipeline_digest=pipeline_digest(),
        pack_name=manifest.name,
        face_model_version=manifest.face_model_version,
        pack_digest=manifest.digest,
        data_name=material.data.name,
        data_digest=data_digest(material.data, material.digests),
        samples=len(samples.subjects),
        subjects=people,
        failures_to_enrol=samples.failures_to_enrol,
        effective_trials=round(fit.effective_trials, 1),
        counted_to_fmr=fit.counted_to_fmr,
        calibration=fit.calibration,
    )


def _fit(samples: Samples, doubles: Sequence[tuple[int, int]], people: int) -> CalibrationFit:
    needed = (
        f"a calibration needs about {people_to_count(LEAST_COUNTED):,} people to count a false match rate of "
        f"{LEAST_COUNTED:g}, {people_to_count(fmr_at_similarity(SHOWN_AT[0])):,} for Similarity 80 to be "
        f"counted; these are {people:,}"
    )
    if people < 2:
        raise TooFewTrials(needed)
    non_mated = all_non_mated(samples)
    if not has_others(non_mated, doubles):
        raise TooFewTrials(needed)
    try:
        fit = fit_calibration(without(non_mated, doubles))
    except TooFewTrials:
        raise TooFewTrials(needed) from None
    if fit.counted_to_fmr > LEAST_COUNTED * (1 + 1e-9):
        raise TooFewTrials(needed)
    return fit


@dataclass(frozen=True, slots=True)
class Change:
    """What a similarity asks for under one calibration and under another.

    Attributes:
        own, new: the least cosine that is answered with `similarity` or more.
        own_is_extrapolated, new_is_extrapolated: no trials counted it.
        interval: of the rate that the new one states there, 95 %; None where it states none.
    """

    similarity: Similarity
    own: Cosine
    new: Cosine
    own_is_extrapolated: bool
    new_is_extrapolated: bool
    interval: tuple[float, float] | None

    @property
    def is_weaker(self) -> bool:
        """Whether faces less alike meet the threshold than before."""
        return self.new < self.own


def changes(own: Calibration, new: Calibration) -> list[Change]:
    """At Similarity 80, 90 and 99."""
    found = []
    for similarity in SHOWN_AT:
        rate = fmr_at_similarity(similarity)
        before, after = own.cosine_at_fmr(rate), new.cosine_at_fmr(rate)
        found.append(
            Change(
                similarity,
                before,
                after,
                own.is_extrapolated(before),
                new.is_extrapolated(after),
                new.fmr_interval(after),
            )
        )
    return found
