"""An independent test's evaluation, of samples by hand."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from datetime import UTC, datetime

import numpy as np
import pytest

from countenance.assurance.independent_records import Declaration, IndependentTest, LabelledSample, Status
from countenance.operations.independent_figures import data_digest, evaluation_of, to_samples
from fakes.bindings import BINDING

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TEST = IndependentTest(
    uuid.UUID(int=1),
    "111122223333",
    Status.COMPUTING,
    NOW,
    NOW,
    "1.0",
    BINDING,
    Declaration(
        name="spring",
        tested_by="State University",
        data_set="volunteers",
        labels_by="them",
        cohort_columns=("group",),
        face="MIDDLE",
        quality_filter="HIGH",
    ),
)


def sample(number, subject, template, group="a", *, is_boxed=False):
    made = None if template is None else np.array(template, np.float32)
    return LabelledSample(number, subject, {"group": group}, "0" * 64, is_boxed=is_boxed, template=made)


SAMPLES = [
    sample(1, "ann", (1.0, 0.0)),
    sample(2, "ann", (0.8, 0.6)),
    sample(4, "ben", None, "b"),
    sample(5, "ben", (0.0, 1.0), "b"),
    sample(7, "cat", (0.6, 0.8), "b", is_boxed=True),
]


def test_samples_are_a_row_each_and_failures_to_enrol_are_counted():
    samples = to_samples(SAMPLES, np.array([0, 0, 1, 1, 2]))
    assert samples.templates.shape == (5, 2)
    assert samples.enrolled.tolist() == [True, True, False, True, True]
    evaluation = evaluation_of(TEST, SAMPLES)
    assert evaluation["failure_to_enrol"]["trials"] == 5
    assert evaluation["failure_to_enrol"]["rate"] == pytest.approx((0 + 1 / 2 + 0) / 3)


def test_it_says_what_it_is_of_and_names_nobody():
    """It is a document for others: who tested, whose labels, which pipeline; no pseudonym."""
    evaluation = evaluation_of(TEST, SAMPLES)
    assert evaluation["pack"] == BINDING.pack
    assert evaluation["program"] == {"version": BINDING.program, "pipeline_digest": BINDING.pipeline_digest}
    assert evaluation["calibration"]["digest"] == BINDING.calibration.digest
    assert evaluation["protocol"]["face"] == "middle"
    data = evaluation["data"]
    assert (data["kind"], data["samples"], data["subjects"], data["subjects_with_two"]) == (
        *("independent-test", 5, 3),
        2,
    )
    text = json.dumps(evaluation)
    assert "State University" in text
    assert "Quality filter HIGH" in text
    assert "Of 1 samples" in text
    assert not {word for word in ("ann", "ben", "cat") if f'"{word}"' in text}


def test_a_subject_of_two_groups_is_in_none_and_that_is_said():
    """One of the labels is wrong, and nobody here can say which."""
    torn = [*SAMPLES, sample(8, "ann", (0.9, np.sqrt(0.19)), "b")]
    evaluation = evaluation_of(TEST, torn)
    assert any("1 subjects had samples with different labels" in note for note in evaluation["notes"])
    assert not any("different labels" in note for note in evaluation_of(TEST, SAMPLES)["notes"])


def test_the_digest_is_one_that_whoever_has_the_images_can_make():
    lines = [
        f"{each.number}\t{'0' * 64}\t{each.subject}\tgroup\t{each.cohorts['group']}\n" for each in SAMPLES
    ]
    assert data_digest(SAMPLES) == hashlib.sha256("".join(lines).encode()).hexdigest()
    other = dataclasses.replace(SAMPLES[0], image_digest="1" * 64)
    assert data_digest([other, *SAMPLES[1:]]) != data_digest(SAMPLES)


def test_of_no_template_at_all_there_are_no_figures():
    with pytest.raises(ValueError, match="no sample has a template"):
        evaluation_of(TEST, [sample(1, "ann", None), sample(2, "ben", None)])


@pytest.mark.parametrize(
    "samples",
    [
        [sample(1, "ann", (1.0, 0.0)), sample(2, "ben", (0.0, 1.0))],
        [sample(1, "ann", (1.0, 0.0)), sample(2, "ann", (0.8, 0.6))],
        [sample(1, "ann", (1.0, 0.0)), sample(2, "ben", None)],
    ],
    ids=["no mated pair", "no other person", "one template"],
)
def test_what_the_samples_cannot_carry_is_refused_and_not_a_failure(samples):
    """A small test is answered like any other: with what it cannot show."""
    assert "refused" in json.dumps(evaluation_of(TEST, samples))
