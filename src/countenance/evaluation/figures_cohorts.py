"""The member `cohorts` of an evaluation: rates of groups, and how far they lie apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.cohort_labels import Cohorts
from countenance.evaluation.cohort_rates import GroupRates, Plan, SmallGroup
from countenance.evaluation.demographics import Comparison, demographics_of
from countenance.evaluation.differentials import Refused
from countenance.evaluation.figures_identification import gallery_sizes
from countenance.evaluation.figures_shapes import interval_to_dict, refused
from countenance.evaluation.figures_verification import cosine_at
from countenance.evaluation.group_rates import Rate
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Samples
from countenance.similarity import Calibration

_ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True)
class CohortColumn:
    """Groups of all subjects by one column of the data set.

    Attributes:
        column: its name.
        labels_by: who assigned the labels: they are that one's word, and are not seen in a face.
        cohorts: the group of each subject.
    """

    column: str
    labels_by: str
    cohorts: Cohorts

    def of_people(self, people: NDArray[np.int64]) -> CohortColumn:
        """The same for some of the subjects, renumbered in the order given."""
        return CohortColumn(
            self.column, self.labels_by, Cohorts(self.cohorts.names, self.cohorts.of_subject[people])
        )


def cohort_figures(
    samples: Samples, column: CohortColumn, *, calibration: Calibration, protocol: Protocol
) -> dict[str, Any]:
    """Rates of every group at the protocol's similarities; bounds hold for all groups at once."""
    similarities = {cosine_at(calibration, similarity): similarity for similarity in protocol.similarities}
    plan = Plan(
        cosines=tuple(similarities),
        galleries=protocol.galleries or gallery_sizes(samples.people),
        replicates=max(protocol.replicates, math.ceil(2 * len(similarities) / _ALPHA)),  # as tests need
        alpha=_ALPHA,
        seed=protocol.seed,
    )
    found = demographics_of(samples, column.cohorts, plan)
    return {
        "column": column.column,
        "labels_by": column.labels_by,
        "groups": len(column.cohorts.names),
        "alpha": plan.alpha,
        "bonferroni": found.bonferroni,
        "rates": [_group(group, similarities) for group in found.rates],
        "cross": [
            {"groups": list(pair.groups), "similarity": similarities[pair.cosine], "fmr": _rate(pair.fmr)}
            for pair in found.cross
        ],
        "differentials": [row for each in found.comparisons for row in _differentials(each, similarities)],
        "tests": [_test(each, similarities) for each in found.comparisons if each.equality is not None],
    }


def _group(group: GroupRates | SmallGroup, similarities: Mapping[float, float]) -> dict[str, Any]:
    size = {"group": group.group, "subjects": group.subjects, "samples": group.samples}
    if isinstance(group, SmallGroup):
        needed = group.subjects_needed
        return {**size, "refused": f"a group has {needed} subjects or more", "trials_needed": needed}
    return {
        **size,
        "failure_to_enrol": _rate(group.failure_to_enrol),
        "at_similarity": [
            {
                "similarity": similarities[at.cosine],
                "fmr": _rate(at.fmr),
                "fnmr": _rate(at.fnmr),
                "tpr": _rate(at.tpr),
            }
            for at in group.at
        ],
        "fpir": [
            {"similarity": similarities[at.cosine], "gallery": search.gallery, **_rate(search.fpir)}
            for at in group.at
            for search in at.searches
        ],
    }


def _rate(rate: Rate | Refused) -> dict[str, Any]:
    if isinstance(rate, Refused):
        return refused(rate.reason, trials_needed=rate.trials_needed)
    return {
        "rate": float(rate.rate),
        "interval": interval_to_dict(rate.interval),
        "bound": float(rate.bound),
        "trials": int(rate.trials),
        "effective": float(rate.effective),
    }


def _differentials(comparison: Comparison, similarities: Mapping[float, float]) -> list[dict[str, Any]]:
    of = {"of": comparison.of, "similarity": similarities[comparison.cosine]}
    if isinstance(comparison.differentials, Refused):
        reason = comparison.differentials
        return [{**of, **refused(reason.reason, trials_needed=reason.trials_needed)}]
    return [
        {
            **of,
            "measure": differential.measure,
            "value": float(differential.value),
            "interval": interval_to_dict(differential.interval),
        }
        for differential in comparison.differentials
    ]


def _test(comparison: Comparison, similarities: Mapping[float, float]) -> dict[str, Any]:
    test = comparison.equality
    assert test is not None
    return {
        "of": comparison.of,
        "similarity": similarities[comparison.cosine],
        "p_value": float(test.p_value),
        "alpha": test.alpha,
        "tests": test.tests,
        "permutations": test.permutations,
        "differ": test.differ,
        **({} if test.detectable_ratio is None else {"detectable_ratio": float(test.detectable_ratio)}),
    }
