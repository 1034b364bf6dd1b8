"""The figures of an independent test: those of every evaluation, from the test's samples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countenance.assurance.independent_records import IndependentTest, LabelledSample
from countenance.evaluation.cohort_labels import UNLABELLED, cohorts_of
from countenance.evaluation.figures import figures_of
from countenance.evaluation.figures_cohorts import CohortColumn
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Samples
from countenance.measuring.evaluating import calibration_member
from countenance.measuring.evaluation_shape import FORMAT


def evaluation_of(test: IndependentTest, samples: Sequence[LabelledSample]) -> dict[str, Any]:
    """What docs/spec/evaluation.md says, of a test's samples.

    Raises:
        ValueError: none has a template.
    """
    if not any(sample.template is not None for sample in samples):
        raise ValueError("nothing to evaluate: no sample has a template")
    declared, binding = test.declaration, test.binding
    subjects = _numbered(samples)
    columns, torn = _cohorts(test, samples, subjects)
    protocol = Protocol(face=declared.face.lower())
    figures = figures_of(
        to_samples(samples, subjects), calibration=binding.calibration, protocol=protocol, cohorts=columns
    )
    counts = np.bincount(subjects)
    data: dict[str, Any] = {
        "name": declared.data_set,
        "kind": "independent-test",
        "digest": data_digest(samples),
        "samples": len(samples),
        "subjects": len(counts),
        "subjects_with_two": int(np.count_nonzero(counts >= 2)),
        "label_errors": [],
        "cohort_columns": list(declared.cohort_columns),
    }
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "program": {"version": binding.program, "pipeline_digest": binding.pipeline_digest},
        "machine": binding.machine,
        "pack": dict(binding.pack),
        "calibration": calibration_member(
            binding.calibration, measured_on=binding.measured_on, origin=binding.calibration_origin
        ),
        "data": data | ({"labels_by": declared.labels_by} if declared.labels_by else {}),
        "protocol": protocol.to_dict(),
        **figures,
        "notes": _notes(test, samples, torn),
    }


def to_samples(samples: Sequence[LabelledSample], subjects: NDArray[np.int64]) -> Samples:
    """As evaluation has them: a row each, in the order of their numbers."""
    dimensions = next((len(each.template) for each in samples if each.template is not None), 1)
    templates = np.zeros((len(samples), dimensions), np.float32)
    for row, sample in enumerate(samples):
        if sample.template is not None:
            templates[row] = sample.template
    enrolled = np.array([sample.template is not None for sample in samples], np.bool_)
    return Samples(templates, subjects, enrolled)


def data_digest(samples: Sequence[LabelledSample]) -> str:
    """SHA-256, hexadecimal, of a line for each sample, by number: the number, the image's digest, the
    subject, and each cohort column with its label, by column; between them tabs.
    """
    digest = hashlib.sha256()
    for sample in samples:
        labels = [part for pair in sorted(sample.cohorts.items()) for part in pair]
        line = "\t".join((str(sample.number), sample.image_digest, sample.subject, *labels))
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _numbered(samples: Sequence[LabelledSample]) -> NDArray[np.int64]:
    """Whose each sample is, from 0, in the order of their first samples."""
    places: dict[str, int] = {}
    return np.array([places.setdefault(sample.subject, len(places)) for sample in samples], np.int64)


def _cohorts(
    test: IndependentTest, samples: Sequence[LabelledSample], subjects: NDArray[np.int64]
) -> tuple[list[CohortColumn], Mapping[str, int]]:
    """Each column's labels, and of how many subjects it says two things: these are in no group."""
    columns, torn = [], {}
    for column in test.declaration.cohort_columns:
        said: dict[str, set[str]] = {}
        for sample in samples:
            said.setdefault(sample.subject, set()).update(
                {sample.cohorts.get(column, "").strip()} - {"", UNLABELLED}
            )
        torn[column] = sum(len(labels) > 1 for labels in said.values())
        labels = [
            next(iter(said[sample.subject])) if len(said[sample.subject]) == 1 else None for sample in samples
        ]
        columns.append(CohortColumn(column, test.declaration.labels_by, cohorts_of(subjects, labels)))
    return columns, torn


def _notes(test: IndependentTest, samples: Sequence[LabelledSample], torn: Mapping[str, int]) -> list[str]:
    declared = test.declaration
    notes = [
        f"An independent test by {declared.tested_by}: images and labels are the tester's.",
        "The images were sent one by one to a running server, which kept none.",
        f"Quality filter {declared.quality_filter}, as of IndexFaces: what it rejects failed to enrol.",
    ]
    if boxed := sum(sample.is_boxed for sample in samples):
        notes.append(f"Of {boxed} samples the tester said with a box which face is meant.")
    notes += [
        f"Column {column}: {count} subjects had samples with different labels, and are in no group."
        for column, count in torn.items()
        if count
    ]
    return notes
