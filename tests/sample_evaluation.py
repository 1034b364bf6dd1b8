"""A whole evaluation as the format says, its figures counted on scores that are drawn here: they agree."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from countenance.evaluation.intervals import wilson
from countenance.similarity import Calibration

MATED, NON_MATED = 4_000, 1_000_000
GROUPS = {"Ardennes": (0.00, 0.00), "Borders": (0.01, -0.02), "Cévennes": (0.03, -0.05)}
"""Planted: by how much a group's non-mated and mated cosines lie higher."""
LABELS_BY = "the makers of the sample, who planted them"
_EXPONENTS = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)


def digest(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()


def rate(hits: float, trials: int, *, bound: str = "") -> dict[str, Any]:
    share = float(hits) / trials
    ends = wilson(share, trials)
    found = {
        "rate": share,
        "interval": {"low": ends.low, "high": ends.high},
        "trials": int(trials),
        "effective": float(trials),
    }
    return {**found, "bound": getattr(ends, bound)} if bound else found


def refused(trials_needed: int, **key: Any) -> dict[str, Any]:
    return {**key, "refused": "the trials cannot carry this rate", "trials_needed": trials_needed}


def calibration() -> Calibration:
    """Of non-mated cosines with mean 0.05 and deviation 0.1, a normal tail."""
    from scipy.stats import norm

    knots = tuple(float(0.05 + 0.1 * norm.isf(10.0**-power)) for power in _EXPONENTS)
    return Calibration(knots, _EXPONENTS, trials=NON_MATED, extrapolated_from=knots[4])


def sample_evaluation(*, pack: str = "standard", cohorts: bool = True) -> dict[str, Any]:
    """Everything that the format knows, or all but the cohorts."""
    random = np.random.default_rng(2026)
    mated = np.sort(random.normal(0.62, 0.11, MATED))
    non_mated = np.sort(random.normal(0.05, 0.1, NON_MATED))
    evaluation = {
        "format": "countenance.evaluation/1",
        "made_at": "2026-11-27T02:00:00Z",
        "program": {
            "version": "0.1.0",
            "pipeline_digest": digest("pipeline"),
            "command": "countenance evaluate photos/",
        },
        "machine": "2-core x86_64 virtual machine, Python 3.11.7",
        "pack": {
            "name": pack,
            "face_model_version": "1.0",
            "digest": digest("pack"),
            "licence": "Apache-2.0 and MIT",
            "use": "any",
        },
        "calibration": {
            "origin": "pack",
            "digest": digest("calibration"),
            "measured_on": "a sample",
            "trials": NON_MATED,
            "extrapolated_from_similarity": 80.0,
        },
        "data": {
            "name": "sample",
            "kind": "table",
            "digest": digest("data"),
            "samples": 3_000,
            "subjects": 1_000,
            "subjects_with_two": 900,
            "label_errors": [{"samples_or_subjects": 2, "reason": "one person under two names"}],
            "cohort_columns": ["region"],
            "labels_by": LABELS_BY,
        },
        "protocol": {
            "face": "largest",
            "seed": 2026,
            "confidence": 0.95,
            "replicates": 1_000,
            "most_mated_a_subject": 10,
            "lists": [1, 10, 50],
        },
        "failure_to_enrol": rate(6, 3_000),
        "verification": _verification(mated, non_mated),
        "identification": [_identification(mated, gallery) for gallery in (100, 300, 1_000)],
        "detection": {
            "iou": 0.5,
            "images": 900,
            "faces": 2_000,
            "recall": rate(1_900, 2_000),
            "precision": rate(1_900, 1_950),
            "average_precision": 0.941,
            "by_size": [
                {"from_px": 20, "to_px": 60, "recall": rate(420, 500)},
                {"from_px": 60, "recall": rate(1_480, 1_500)},
            ],
        },
        "attack_detection": {
            "threshold": 0.5,
            "apcer": [
                {"species": "printed photograph", **rate(3, 200), "apnrr": rate(2, 202)},
                {"species": "screen", **rate(11, 200), "apnrr": rate(0, 200)},
                {"species": "mask", **refused(100), "apnrr": rate(100, 100)},
            ],
            "alpha": 0.05,
            "apcer_worst": 0.055,
            "apcer_worst_bound": 1.0,
            "bpcer": rate(8, 400),
            "bpnrr": rate(4, 404),
        },
        "notes": ["Six photographs without a face are counted as misses."],
    }
    evaluation["failure_to_enrol"]["by_reason"] = [{"reason": "no face", "samples": 6}]
    if cohorts:
        evaluation["cohorts"] = [_cohorts(random)]
    return evaluation


def compared_evaluation() -> dict[str, Any]:
    """The sample with a second pack beside it, whose cosines are a little lower."""
    other = sample_evaluation(pack="open", cohorts=False)
    for point in other["verification"]["det"]:
        for member in ("fnmr", "fnmr_low", "fnmr_high"):
            point[member] = min(1.0, point[member] * 2.5)
    difference = {
        "of": "fnmr at fmr 0.0001",
        "first": 0.037,
        "second": 0.0925,
        "difference": 0.0555,
        "interval": {"low": 0.041, "high": 0.07},
        "p_value": 0.001,
        "differ": True,
        "detectable": 0.02,
        "subjects": 900,
    }
    refusal = refused(10_000_000, of="fnmr at fmr 1e-06")
    return {**sample_evaluation(), "comparison": {"with": other, "differences": [difference, refusal]}}


def _share_over(scores: np.ndarray, cosine: float) -> int:
    return len(scores) - int(np.searchsorted(scores, cosine, side="left"))


def _cosine_at(similarity: float) -> float:
    grid = np.arange(-20_000, 100_001) / 100_000
    return float(grid[np.searchsorted(calibration().to_similarity(grid), np.float32(similarity))])


def _verification(mated: np.ndarray, non_mated: np.ndarray) -> dict[str, Any]:
    points = []
    for most in (1e-3, 1e-4, 1e-5):
        cosine = float(np.nextafter(non_mated[-int(most * NON_MATED) - 1], 2.0))
        points.append(
            {
                "max_fmr": most,
                "cosine": cosine,
                "similarity": float(calibration().to_similarity(np.array([cosine]))[0]),
                "fmr": rate(_share_over(non_mated, cosine), NON_MATED),
                "fnmr": rate(MATED - _share_over(mated, cosine), MATED),
            }
        )
    cosines = np.linspace(0.75, 0.15, 121)
    det = []
    for cosine in cosines:
        missed = rate(MATED - _share_over(mated, cosine), MATED)
        det.append(
            {
                "fmr": _share_over(non_mated, cosine) / NON_MATED,
                "fnmr": missed["rate"],
                "fnmr_low": missed["interval"]["low"],
                "fnmr_high": missed["interval"]["high"],
                "cosine": float(cosine),
            }
        )
    edges = np.linspace(-0.5, 1.1, 41)
    return {
        "mated_trials": MATED,
        "non_mated_trials": NON_MATED,
        "effective_non_mated": float(NON_MATED),
        "balanced": {
            "accuracy": 0.991,
            "interval": {"low": 0.985, "high": 0.995},
            "pairs": 6_000,
            "folds": 10,
        },
        "at_fmr": [*points, refused(10_000_000, max_fmr=1e-6)],
        "at_similarity": [
            {
                "similarity": similarity,
                "cosine": _cosine_at(similarity),
                "stated_fmr": stated,
                "extrapolated": similarity > 80,
                "fmr": rate(_share_over(non_mated, _cosine_at(similarity)), NON_MATED),
                "fnmr": rate(MATED - _share_over(mated, _cosine_at(similarity)), MATED),
            }
            for similarity, stated in ((80.0, 1e-4), (90.0, 3.1e-5), (99.0, 1e-6))
        ],
        "det": det,
        "histogram": {
            "edges": edges.tolist(),
            "mated": (np.histogram(mated, edges)[0] / MATED).tolist(),
            "non_mated": (np.histogram(non_mated, edges)[0] / NON_MATED).tolist(),
        },
    }


def _identification(mated: np.ndarray, gallery: int) -> dict[str, Any]:
    random = np.random.default_rng(gallery)
    searches = 5_000
    highest = np.sort(random.normal(0.05, 0.1, (searches, gallery)).max(axis=1))
    mates = random.choice(mated, searches)
    beaten = highest[random.permutation(searches)] >= mates
    open_set = []
    for length in (1, 10):
        for most in (1e-1, 3e-2, 1e-2, 3e-3, 1e-3):
            cosine = float(np.nextafter(highest[-int(most * searches) - 1], 2.0))
            lost = (mates < cosine) | (beaten if length == 1 else np.zeros(searches, bool))
            open_set.append(
                {
                    "list_length": length,
                    "max_fpir": most,
                    "cosine": cosine,
                    "similarity": float(calibration().to_similarity(np.array([cosine]))[0]),
                    "fpir": rate(_share_over(highest, cosine), searches),
                    "fnir": rate(np.count_nonzero(lost), searches),
                }
            )
        open_set.append(refused(100_000, list_length=length, max_fpir=1e-5))
    found = 1 - np.mean(beaten)
    return {
        "gallery": gallery,
        "mated_searches": searches,
        "non_mated_searches": searches,
        "draws": 10,
        "rank": [
            {"rank": rank, "hit": rate(round(searches * (1 - (1 - found) / rank)), searches)}
            for rank in (1, 5, 10, 20)
        ],
        "open_set": open_set,
        "at_similarity": [
            {
                "similarity": similarity,
                "fpir": rate(_share_over(highest, _cosine_at(similarity)), searches),
                "fnir": rate(np.count_nonzero((mates < _cosine_at(similarity)) | beaten), searches),
            }
            for similarity in (80.0, 90.0, 99.0)
        ],
    }


def _cohorts(random: np.random.Generator) -> dict[str, Any]:
    rates, trials = [], 200_000
    for name, (higher, mates) in GROUPS.items():
        non_mated = np.sort(random.normal(0.05 + higher, 0.1, trials))
        mated = np.sort(random.normal(0.62 + mates, 0.11, 1_300))
        at = [
            {
                "similarity": similarity,
                "fmr": rate(_share_over(non_mated, _cosine_at(similarity)), trials, bound="high"),
                "tpr": rate(_share_over(mated, _cosine_at(similarity)), 1_300, bound="low"),
            }
            for similarity in (80.0, 90.0)
        ]
        rates.append(
            {
                "group": name,
                "subjects": 330,
                "samples": 990,
                "failure_to_enrol": rate(2, 990),
                "at_similarity": [*at, {"similarity": 99.0, "fmr": refused(10_000_000), "tpr": refused(10)}],
                "fpir": [
                    {"similarity": 80.0, "gallery": 300, **rate(20 + int(2_000 * higher), 2_000)},
                ],
            }
        )
    rates.append({"group": "Dales", "subjects": 10, **refused(1_000)})
    names = list(GROUPS)
    values = [each["at_similarity"][0]["fmr"]["rate"] for each in rates[:3]]
    return {
        "column": "region",
        "labels_by": LABELS_BY,
        "groups": 4,
        "alpha": 0.05,
        "bonferroni": 3,
        "rates": rates,
        "cross": [
            {"groups": [one, other], "similarity": 80.0, "fmr": rate(int(random.integers(8, 30)), trials)}
            for index, one in enumerate(names)
            for other in names[index + 1 :]
        ],
        "tests": [
            {
                "of": "fmr",
                "similarity": 80.0,
                "p_value": 0.004,
                "alpha": 0.05,
                "tests": 2,
                "permutations": 1_000,
                "differ": True,
                "detectable_ratio": 1.9,
            },
            {
                "of": "fnmr",
                "similarity": 80.0,
                "p_value": 0.41,
                "alpha": 0.05,
                "tests": 2,
                "permutations": 1_000,
                "differ": False,
                "detectable_ratio": 1.6,
            },
        ],
        "differentials": [
            {
                "of": "fmr",
                "similarity": 80.0,
                "measure": "max/min",
                "value": max(values) / min(values),
                "interval": {"low": max(values) / min(values) / 1.6, "high": max(values) / min(values) * 1.7},
            },
            {"of": "fmr", "similarity": 99.0, "measure": "max/min", **refused(10_000_000)},
        ],
    }
