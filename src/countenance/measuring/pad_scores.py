"""The member `attack_detection` of an evaluation, from scores that a data set states (ISO/IEC 30107-3).

Countenance ships no presentation attack detector: the scores are of whatever the operator runs before it. A
bona fide presentation is a photo of the data set, an attack one of its attacks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from countenance.evaluation.attack_detection import (
    Presentations,
    Proportion,
    SpeciesRates,
    attack_detection_at,
)
from countenance.evaluation.figures_shapes import interval_to_dict, refused
from countenance.measuring.data_sets import DataSet, Photo

PAD_SCORE: Final = "pad_score"
MOST_SCORE: Final = 1e6
"""Of scores and their threshold, without its sign: what the evaluation's format takes."""
SCORE_REMEDY: Final = "write the detector's score as a number, or leave it empty where it gave no answer"

WHOSE_DETECTOR: Final = (
    "attack detection is that of the detector whose scores the data set states: Countenance ships none, and "
    "the pack has no part in it"
)


def parse_pad_score(value: object) -> float | None:
    """The value of a table's column; None where it is empty, which is a non-response.

    Raises:
        ValueError: it is no number, or none from -1,000,000 to 1,000,000.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):  # as pandas has nothing
        return None
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
    try:
        score = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if math.isnan(score):
        raise ValueError("no number")
    if abs(score) > MOST_SCORE:
        raise ValueError(f"not from {-MOST_SCORE:,.0f} to {MOST_SCORE:,.0f}")
    return score


def attack_figures(data: DataSet, threshold: float) -> dict[str, Any]:
    """APCER of each species, BPCER and non-responses; refused where nothing got an answer.

    Intervals are exact, of presentations as independent trials (ISO/IEC 30107-3), 95 % two-sided. Bounds are
    one-sided, those of species together at 95 %.

    Args:
        data: with one photo or more.
        threshold: inclusive: a score at it is taken for bona fide.
    """
    attacks: dict[str, list[Photo]] = defaultdict(list)
    for photo in data.attacks:
        attacks[photo.species].append(photo)
    bona_fide = _presentations(data.photos)
    presented = {name: _presentations(photos) for name, photos in attacks.items()}
    if not any(len(each.answered) for each in presented.values()):
        return {"threshold": threshold, **refused("no attack has a score", trials_needed=1)}
    if not len(bona_fide.answered):
        return {
            "threshold": threshold,
            **refused("no bona fide presentation has a score", trials_needed=1),
        }
    found = attack_detection_at(threshold, bona_fide, presented)
    assert found.worst.apcer is not None  # it is of those that got an answer
    return {
        "threshold": threshold,
        "alpha": found.alpha,
        "apcer": [_species(rates) for rates in found.species],
        "apcer_worst": found.worst.apcer.rate,
        "apcer_worst_bound": found.worst_upper,
        "bpcer": _to_dict(found.bpcer),
        "bpnrr": _to_dict(found.non_response),
    }


def _presentations(photos: Iterable[Photo]) -> Presentations:
    scores = [math.nan if photo.pad_score is None else photo.pad_score for photo in photos]
    return Presentations(np.array(scores, np.float64))


def _species(rates: SpeciesRates) -> dict[str, Any]:
    apcer = (
        refused("no attack of this species has a score", trials_needed=1)
        if rates.apcer is None
        else _to_dict(rates.apcer)
    )
    return {"species": rates.species, **apcer, "apnrr": _to_dict(rates.non_response)}


def _to_dict(share: Proportion) -> dict[str, Any]:
    return {
        "rate": share.rate,
        "interval": interval_to_dict(share.interval),
        "trials": share.trials,
        "effective": float(share.trials),
        "bound": share.upper,
    }
