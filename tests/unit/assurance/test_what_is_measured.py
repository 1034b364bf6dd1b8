"""What `countenance evaluate` measures is what the gate reads."""

from __future__ import annotations

import json

import numpy as np
import pytest

from countenance.assurance.criteria import parse_evidence
from countenance.evaluation.cohort_labels import cohorts_of
from countenance.evaluation.figures_cohorts import CohortColumn, cohort_figures
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Samples
from countenance.similarity import Calibration

CALIBRATION = Calibration(
    cosine=(0.0, 0.25, 0.5), neg_log10_fmr=(0.5, 2.0, 5.0), trials=10_000, extrapolated_from=0.4
)


@pytest.fixture(scope="module")
def measured():
    """Two groups of 60 people, and one of 5 who are too few; a column of a record."""
    random = np.random.default_rng(7)
    subjects = np.repeat(np.arange(125), 3)
    towards = random.standard_normal((125, 48))[subjects]
    templates = towards + 0.3 * random.standard_normal(towards.shape)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    samples = Samples(templates.astype(np.float32), subjects, np.ones(len(subjects), bool))

    def column(names):
        labels = [name for name, count in names for _ in range(count * 3)]
        planted = CohortColumn("region", "the test", cohorts_of(subjects, labels))
        protocol = Protocol(replicates=100, galleries=(20,))
        return json.loads(
            json.dumps(cohort_figures(samples, planted, calibration=CALIBRATION, protocol=protocol))
        )

    return column


def test_figures_of_groups_are_read_and_are_theirs(measured):
    column = measured([("north", 65), ("south", 60)])
    evidence = parse_evidence({"cohorts": [column]})
    assert (evidence.groups, evidence.smallest_group) == (2, 60)
    found = evidence.shown(lowest=80, highest=80)
    bounds = [
        at["tpr"]["bound"]
        for group in column["rates"]
        for at in group["at_similarity"]
        if at["similarity"] == 80
    ]
    assert found.worst_tpr_bp == int(min(bounds) * 10_000)
    assert found.gallery == 20
    assert found.worst_fpir_ppm is not None


def test_a_group_that_is_too_small_closes_the_gate_for_all(measured):
    """Nobody knows how it is served."""
    evidence = parse_evidence({"cohorts": [measured([("north", 60), ("south", 60), ("west", 5)])]})
    assert (evidence.groups, evidence.smallest_group) == (2, 5)
    assert evidence.shown(lowest=80, highest=80).worst_tpr_bp is None
