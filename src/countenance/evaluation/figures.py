"""An evaluation's figures, assembled from samples: the members of docs/spec/evaluation.md that are measured.

Numbers in, JSON values out; nothing in them names a sample or a person. People, and pairs of people, are
weighted equally; a failure to enrol matches nothing and so counts as a false non-match.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.figures_cohorts import CohortColumn, cohort_figures
from countenance.evaluation.figures_identification import identification_figures
from countenance.evaluation.figures_shapes import share_of_people
from countenance.evaluation.figures_verification import verification_figures
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Pairs, Samples
from countenance.similarity import Calibration


def figures_of(
    samples: Samples,
    *,
    calibration: Calibration,
    protocol: Protocol,
    cohorts: Sequence[CohortColumn] = (),
    pairs: Pairs | None = None,
    doubles: Collection[tuple[int, int]] = (),
) -> dict[str, Any]:
    """The members `failure_to_enrol`, `verification`, `identification` and `cohorts`.

    Args:
        samples: of one or more subjects, numbered from 0 without gaps.
        calibration: in force for the pack: what a Similarity means.
        cohorts: groups of the subjects, one object a column; whose labels they are.
        pairs: comparisons that the data set prescribes; then nothing is searched for, and there are no
            groups.
        doubles: pairs of subjects known to be one person: never compared; where people are searched for, and
            in groups, the second of two is left out.
    """
    figures: dict[str, Any] = {
        "failure_to_enrol": share_of_people(~samples.enrolled, samples.subjects),
        "verification": verification_figures(
            samples, calibration=calibration, protocol=protocol, pairs=pairs, doubles=doubles
        ),
    }
    if pairs is not None:
        return figures
    singles, kept = singles_of(samples, doubles)
    figures["identification"] = identification_figures(singles, calibration=calibration, protocol=protocol)
    if cohorts:
        figures["cohorts"] = [
            cohort_figures(singles, column.of_people(kept), calibration=calibration, protocol=protocol)
            for column in cohorts
        ]
    return figures


def singles_of(samples: Samples, doubles: Collection[tuple[int, int]]) -> tuple[Samples, NDArray[np.int64]]:
    """The samples without the second of two subjects who are one, renumbered, and the numbers these had."""
    seconds = {max(pair) for pair in doubles}
    rows = ~np.isin(samples.subjects, sorted(seconds))
    kept, renumbered = np.unique(samples.subjects[rows], return_inverse=True)
    return Samples(samples.templates[rows], renumbered.astype(np.int64), samples.enrolled[rows]), kept
