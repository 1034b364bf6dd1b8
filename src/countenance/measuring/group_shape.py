"""The members `cohorts`, `detection` and `attack_detection` of an evaluation, as shapes."""

from __future__ import annotations

from typing import Any

from countenance.measuring.json_shape import (
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
    MOST_GROUPS,
    NAME,
    RATE,
    REFUSABLE,
    SHARE,
    SIMILARITY,
    interval_of,
    rate_and,
)

_GROUP = unless_refused(
    members(
        {"group": NAME, "subjects": count(), "samples": count()},
        {
            "failure_to_enrol": REFUSABLE,
            "at_similarity": listed(
                members({"similarity": SIMILARITY}, {"fmr": REFUSABLE, "fnmr": REFUSABLE, "tpr": REFUSABLE}),
                most=100,
            ),
            "fpir": listed(rate_and(similarity=SIMILARITY, gallery=count(1)), most=100),
        },
    ),
    {"group": NAME, "subjects": count()},
    {"samples": count()},
)
_DIFFERENTIAL_KEY = {
    "of": one_of("fmr", "fnmr", "tpr", "fpir", "fnir"),
    "similarity": SIMILARITY,
}
_MEASURE = {"measure": one_of("max/min", "min/max", "max/geomean", "gini")}
_DIFFERENTIAL = unless_refused(
    members(
        {**_DIFFERENTIAL_KEY, **_MEASURE, "value": number(0.0, 1e18)},
        {"interval": interval_of(number(0.0, 1e18))},
    ),
    _DIFFERENTIAL_KEY,
    _MEASURE,
)
_TEST = members(
    {
        **_DIFFERENTIAL_KEY,
        "p_value": SHARE,
        "alpha": SHARE,
        "tests": count(1),
        "permutations": count(1),
        "differ": flag,
    },
    {"detectable_ratio": number(0.0, 1e18)},
)


def _known_groups(value: Any, place: str) -> None:
    names = [each["group"] for each in value["rates"]]
    if len(set(names)) != len(names):
        raise WrongShape(f"{place}.rates", "each group once", "a group twice")
    for index, each in enumerate(value.get("cross", ())):
        if not set(each["groups"]) <= set(names):
            raise WrongShape(
                f"{place}.cross[{index}].groups", "groups that have rates of their own", each["groups"]
            )


COHORT = both(
    members(
        {"column": NAME, "labels_by": text(500), "rates": listed(_GROUP, most=MOST_GROUPS)},
        {
            "groups": count(),
            "alpha": number(0.0, 0.5),
            "bonferroni": count(1),
            "cross": listed(
                members(
                    {"groups": listed(NAME, most=2, least=2), "similarity": SIMILARITY, "fmr": REFUSABLE}
                ),
                most=MOST_GROUPS * MOST_GROUPS * 4,
            ),
            "differentials": listed(_DIFFERENTIAL, most=200),
            "tests": listed(_TEST, most=100),
        },
    ),
    _known_groups,
)
DETECTION = members(
    {"iou": SHARE, "images": count(), "faces": count(), "recall": REFUSABLE},
    {
        "precision": REFUSABLE,
        "average_precision": SHARE,
        "by_size": listed(
            members({"from_px": number(0, 1e6), "recall": REFUSABLE}, {"to_px": number(0, 1e6)}), most=100
        ),
    },
)
_THRESHOLD = {"threshold": number(-1e6, 1e6)}
ATTACK_DETECTION = unless_refused(
    members(
        {
            **_THRESHOLD,
            "alpha": number(0.0, 0.5),
            "apcer": listed(rate_and(species=NAME, apnrr=RATE), most=200, least=1),
            "apcer_worst": SHARE,
            "apcer_worst_bound": SHARE,
            "bpcer": REFUSABLE,
            "bpnrr": RATE,
        }
    ),
    _THRESHOLD,
)
