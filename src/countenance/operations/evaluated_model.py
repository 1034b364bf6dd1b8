"""A model as policy judges it in one call: its calibration in force, and what the evaluation of it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from countenance.assurance.evaluations import Evaluations
from countenance.facts import ModelFacts
from countenance.policy.purposes import Purpose
from countenance.similarity import similarity_at_fmr
from countenance.store import Connection

if TYPE_CHECKING:
    from countenance.operations.deps import CalibrationsInForce


def evaluated_model(
    model: ModelFacts,
    connection: Connection,
    *,
    evaluations: Evaluations,
    calibrations: CalibrationsInForce | None,
    threshold: float | None,
    purpose: Purpose | None,
    gallery: int | None,
    now: datetime,
) -> ModelFacts:
    """The model as it runs at this moment.

    Args:
        calibrations: what an operator put in the place of the packs' own; None: nothing.
        threshold, gallery: as of `thresholds_of`.

    Raises:
        StoreUnavailable: the record cannot be read; so nothing is decided.
        InternalServerError: that of calibrations is damaged.
    """
    digests = model.digests
    if digests is not None and calibrations is not None:
        chosen = calibrations.find(digests.pack, connection=connection)
        digests = digests if chosen is None else replace(digests, calibration=chosen.digest)
    lowest, highest = thresholds_of(threshold, purpose, gallery)
    looked = evaluations.look(connection, model.version, digests, lowest=lowest, highest=highest, now=now)
    return replace(model, digests=digests, evaluated=looked)


def thresholds_of(
    threshold: float | None, purpose: Purpose | None, gallery: int | None
) -> tuple[float, float]:
    """The similarities between which the threshold in force lies: as asked, and as a budget may raise it.

    What is enrolled is searched at no less than the purpose's least threshold.

    Args:
        threshold: as asked; None of an enrolment.
        gallery: faces that are searched; None where the purpose has no gate, or nothing is searched.
    """
    lowest = threshold if threshold is not None else purpose.minimum_threshold if purpose else 0.0
    if purpose is None or not purpose.fpir_budget or not gallery or gallery <= purpose.fpir_budget:
        return lowest, lowest
    return lowest, max(lowest, float(similarity_at_fmr(purpose.fpir_budget / gallery)))
