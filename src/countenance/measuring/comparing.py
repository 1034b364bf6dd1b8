"""Two packs on the same samples: differences of error rates, paired by person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from countenance.errors import TooFewTrials
from countenance.evaluation.figures import singles_of
from countenance.evaluation.figures_identification import MOST_PROBES_A_SUBJECT
from countenance.evaluation.figures_shapes import interval_to_dict, refused
from countenance.evaluation.figures_verification import trials_of
from countenance.evaluation.identification import draw_closed_set
from countenance.evaluation.intervals import Interval
from countenance.evaluation.paired import PairedDifference, compare_fnmr, compare_rank_one
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Samples
from countenance.measuring.evaluating import Material


@dataclass(frozen=True, slots=True)
class _Pair:
    """The samples of two packs, row for row of the same photos."""

    first: Samples
    second: Samples


def compare(
    first: Samples,
    second: Samples,
    material: Material,
    *,
    protocol: Protocol,
    other: dict[str, Any],
) -> dict[str, Any]:
    """The member `comparison` of the first pack's evaluation.

    Args:
        other: the evaluation of the second pack.

    Raises:
        ValueError: the samples are not of the same photos.
    """
    if not np.array_equal(first.subjects, second.subjects):
        raise ValueError("both packs are compared on the same samples")
    both = _Pair(first, second)
    differences = _fnmr(both, material, protocol)
    if material.data.pairs is None:
        differences.append(_rank_one(both, material, protocol))
    return {"with": other, "differences": differences}


def _fnmr(both: _Pair, material: Material, protocol: Protocol) -> list[dict[str, Any]]:
    trials = [
        trials_of(samples, pairs=material.data.pairs, doubles=material.doubles)
        for samples in (both.first, both.second)
    ]
    rows: list[dict[str, Any]] = []
    for max_fmr in protocol.max_fmrs:
        of = f"fnmr at fmr {max_fmr:g}"
        one, other = trials
        if isinstance(one, str) or isinstance(other, str):
            rows.append({"of": of, **refused(str(one))})
            continue
        try:
            found = compare_fnmr(
                one, other, max_fmr=max_fmr, replicates=protocol.replicates, seed=protocol.seed
            )
        except TooFewTrials as refusal:
            rows.append({"of": of, **refused(refusal)})
        else:
            rows.append(_to_dict(found, of))
    return rows


def _rank_one(both: _Pair, material: Material, protocol: Protocol) -> dict[str, Any]:
    of = "rank-1 misses, everybody enrolled"
    first, second = (singles_of(samples, material.doubles)[0] for samples in (both.first, both.second))
    drawn = draw_closed_set(first.subjects, seed=protocol.seed, most_probes_a_person=MOST_PROBES_A_SUBJECT)
    if len(np.unique(first.subjects[drawn.probes])) < 2:
        return {"of": of, **refused("two people with two samples are the least", trials_needed=2)}
    found = compare_rank_one(first, second, drawn, replicates=protocol.replicates, seed=protocol.seed)
    return _to_dict(found, of)


def _to_dict(found: PairedDifference, of: str) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "of": of,
        "first": _share(found.first),
        "second": _share(found.second),
        "difference": float(found.difference),
        "interval": interval_to_dict(
            Interval(max(-1.0, found.interval.low), min(1.0, found.interval.high))  # of two shares
        ),
        "p_value": float(found.p_value),
        "differ": bool(found.differ),
        "subjects": found.subjects,
    }
    return stated if found.detectable is None else {**stated, "detectable": _share(found.detectable)}


def _share(rate: float) -> float:
    """A sum of weights may miss 0 or 1 by its last bit."""
    return min(1.0, max(0.0, float(rate)))
