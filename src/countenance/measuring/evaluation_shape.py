"""What an evaluation looks like: docs/spec/evaluation.md as a shape, and what its numbers owe one another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from countenance.measuring.group_shape import ATTACK_DETECTION, COHORT, DETECTION
from countenance.measuring.json_shape import (
    Shape,
    WrongShape,
    both,
    count,
    flag,
    listed,
    members,
    number,
    one_of,
    text,
    unless_refused,
)
from countenance.measuring.rate_shape import (
    COSINE,
    DIGEST,
    INTERVAL,
    MOST_GROUPS,
    MOST_POINTS,
    NAME,
    RATE,
    RATE_MEMBERS,
    REFUSABLE,
    SHARE,
    SIMILARITY,
    WEIGHT,
    interval_of,
)

FORMAT = "countenance.evaluation/1"

_PACK = members(
    {"name": NAME, "face_model_version": text(50), "digest": DIGEST},
    {"licence": text(500), "use": text(50)},
)
_CALIBRATION = members(
    {"origin": one_of("pack", "operator"), "digest": DIGEST},
    {
        "measured_on": text(500),
        "trials": count(),
        "extrapolated_from_similarity": SIMILARITY,
    },
)
_DATA = members(
    {
        "name": NAME,
        "kind": one_of("folder", "pairs", "table", "independent-test"),
        "digest": DIGEST,
        "samples": count(),
        "subjects": count(),
    },
    {
        "subjects_with_two": count(),
        "label_errors": listed(members({"samples_or_subjects": count(1), "reason": text(500)}), most=1_000),
        "cohort_columns": listed(NAME, most=20),
        "labels_by": text(500),
        "duplicates": members({"within_subjects": count(), "across_subjects": count()}),
        "sessions": count(1),
        "attacks": listed(members({"species": NAME, "samples": count()}), most=MOST_GROUPS),
    },
)
_PROTOCOL = members(
    {"face": one_of("largest", "middle", "labelled"), "seed": count(), "confidence": number(0.5, 0.9999)},
    {
        "replicates": count(),
        "draws": count(1),
        "most_mated_a_subject": count(),
        "lists": listed(count(1), most=20),
    },
)


def _ascending(member: str) -> Shape:
    def check(value: Any, place: str) -> None:
        for before, after in pairwise(value):
            if before[member] > after[member]:
                raise WrongShape(place, f"a list in ascending order of {member}", after[member])

    return check


def _histogram(value: Any, place: str) -> None:
    edges = value["edges"]
    for name in ("mated", "non_mated"):
        if len(value[name]) != len(edges) - 1:
            raise WrongShape(f"{place}.{name}", f"{len(edges) - 1} shares, one a bin", len(value[name]))
    if any(before >= after for before, after in pairwise(edges)):
        raise WrongShape(f"{place}.edges", "edges in ascending order", edges)


_VERIFICATION = unless_refused(
    members(
        {"mated_trials": count(), "non_mated_trials": count()},
        {
            "effective_non_mated": number(0.0, 1e18),
            "balanced": unless_refused(
                members({"accuracy": SHARE, "interval": INTERVAL, "pairs": count(), "folds": count(2)})
            ),
            "at_fmr": listed(
                unless_refused(
                    members(
                        {
                            "max_fmr": SHARE,
                            "cosine": COSINE,
                            "similarity": SIMILARITY,
                            "fmr": RATE,
                            "fnmr": RATE,
                        }
                    ),
                    {"max_fmr": SHARE},
                ),
                most=100,
            ),
            "at_similarity": listed(
                members(
                    {
                        "similarity": SIMILARITY,
                        "cosine": COSINE,
                        "stated_fmr": SHARE,
                        "extrapolated": flag,
                        "fmr": REFUSABLE,
                        "fnmr": REFUSABLE,
                    },
                    {"stated_interval": INTERVAL},
                ),
                most=100,
            ),
            "det": both(
                listed(
                    members(
                        {"fmr": SHARE, "fnmr": SHARE, "cosine": COSINE},
                        {"fnmr_low": SHARE, "fnmr_high": SHARE},
                    ),
                    most=MOST_POINTS,
                ),
                _ascending("fmr"),
            ),
            "histogram": both(
                members(
                    {
                        "edges": listed(COSINE, most=MOST_POINTS, least=2),
                        "mated": listed(WEIGHT, most=MOST_POINTS),
                        "non_mated": listed(WEIGHT, most=MOST_POINTS),
                    }
                ),
                _histogram,
            ),
        },
    )
)
_IDENTIFICATION = unless_refused(
    members(
        {"gallery": count(1)},
        {
            "mated_searches": count(),
            "non_mated_searches": count(),
            "draws": count(1),
            "rank": listed(members({"rank": count(1), "hit": REFUSABLE}), most=100),
            "open_set": listed(
                unless_refused(
                    members(
                        {
                            "list_length": count(1),
                            "max_fpir": SHARE,
                            "cosine": COSINE,
                            "similarity": SIMILARITY,
                            "fpir": RATE,
                            "fnir": RATE,
                        }
                    ),
                    {"list_length": count(1), "max_fpir": SHARE},
                ),
                most=MOST_POINTS,
            ),
            "at_similarity": listed(
                members({"similarity": SIMILARITY, "fpir": REFUSABLE, "fnir": REFUSABLE}), most=100
            ),
        },
    ),
    {"gallery": count(1)},
)
_DIFFERENCE = unless_refused(
    members(
        {
            "of": text(200),
            "first": SHARE,
            "second": SHARE,
            "difference": number(-1.0, 1.0),
            "interval": interval_of(number(-1.0, 1.0)),
            "p_value": SHARE,
            "differ": flag,
            "subjects": count(),
        },
        {"detectable": SHARE},
    ),
    {"of": text(200)},
)
_FAILURES = unless_refused(
    members(
        RATE_MEMBERS,
        {
            "bound": SHARE,
            "by_reason": listed(members({"reason": text(200), "samples": count()}), most=50),
        },
    )
)
_NEEDED = {
    "format": one_of(FORMAT),
    "made_at": text(30, pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"),
    "program": members({"version": text(50), "pipeline_digest": DIGEST}, {"command": text(2_000)}),
    "machine": text(300),
    "pack": _PACK,
    "calibration": _CALIBRATION,
    "data": _DATA,
    "protocol": _PROTOCOL,
}
_MEASURED = {
    "failure_to_enrol": _FAILURES,
    "verification": _VERIFICATION,
    "identification": listed(_IDENTIFICATION, most=50),
    "cohorts": listed(COHORT, most=20),
    "detection": DETECTION,
    "attack_detection": ATTACK_DETECTION,
    "notes": listed(text(2_000), most=100),
}
_COMPARISON = members({"with": members(_NEEDED, _MEASURED), "differences": listed(_DIFFERENCE, most=100)})
EVALUATION = members(_NEEDED, {**_MEASURED, "comparison": _COMPARISON})
"""The whole, as docs/spec/evaluation.md has it."""
