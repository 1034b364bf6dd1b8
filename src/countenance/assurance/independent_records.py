"""Independent tests as values: what a tester declares, what a test is bound to, what a sample is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

from countenance.similarity import Calibration
from countenance.types import Similarity, Template

MOST_SAMPLES: Final = 2_000
"""Of one test: two million comparisons. Figures of 400 people took 3.6 s of a core and 320 MiB."""
LEAST_SAMPLES: Final = 2
KEPT: Final = timedelta(days=30)
"""A test is deleted, with its key, so long after it was made."""

ExpectedFace = Literal["LARGEST", "MIDDLE"]


class Status(StrEnum):
    """Where a test stands: samples are taken, the figures are computed, they are there, or cannot be."""

    OPEN = "OPEN"
    COMPUTING = "COMPUTING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What the tester says of a test. Nothing of it is checked, and reports say whose word it is.

    Attributes:
        name: of the test.
        tested_by: person or organisation.
        data_set: where the images are from.
        labels_by: who labelled them; empty where there are no cohort columns.
        cohort_columns: the columns that samples may be labelled in.
        face: which face of an image is meant, where no box says it.
        quality_filter: as of IndexFaces.
    """

    name: str
    tested_by: str
    data_set: str
    labels_by: str
    cohort_columns: tuple[str, ...]
    face: ExpectedFace
    quality_filter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What every sample of a test is made with and judged by: fixed when the test is made.

    Attributes:
        pack: `name`, `face_model_version`, `digest`, `licence` and `use`, as in docs/spec/evaluation.md.
        measured_on: what the calibration's trials were; empty where nothing says so.
        calibration_origin: `pack`, or `operator` for one of the operator's own photos.
        pipeline_digest: of the code that makes templates.
        program: version of this program.
        machine: in words.
    """

    pack: Mapping[str, str]
    calibration: Calibration
    measured_on: str
    calibration_origin: str
    pipeline_digest: str
    program: str
    machine: str

    def difference(self, now: Binding) -> str:
        """What is another one now, in words; empty where all is the same."""
        pairs = (
            ("model pack", self.pack["digest"], now.pack["digest"]),
            ("calibration", self.calibration.digest, now.calibration.digest),
            ("pipeline", self.pipeline_digest, now.pipeline_digest),
        )
        changed = [
            f"the {what} was {was[:12]} and is {is_now[:12]}" for what, was, is_now in pairs if was != is_now
        ]
        return ", ".join(changed)

    def to_json(self) -> dict[str, Any]:
        """JSON values that `from_json` makes the same binding of."""
        return asdict(self)

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> Binding:
        """What `to_json` told."""
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in members["calibration"].items()
        }
        return cls(**{**members, "calibration": Calibration(**told)})


@dataclass(frozen=True, slots=True)
class IndependentTest:
    """A test as it stands.

    Attributes:
        account_id: of the tester.
        samples: how many were taken; `enrolled` of them have a template.
        figures: of a finished one, as docs/spec/evaluation.md has them.
    """

    test_id: uuid.UUID
    account_id: str
    status: Status
    created_at: datetime
    expires_at: datetime
    face_model_version: str
    binding: Binding
    declaration: Declaration
    samples: int = 0
    enrolled: int = 0
    figures: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Room:
    """What a tester may still use.

    Attributes:
        this_hour: samples that are taken now.
        in_all: samples that are taken at all, at whatever rate.
        tests: tests that may be made now.
        next_at: when `this_hour` is above 0 again; None where it is.
        most_an_hour, most_at_once: the tester's limits themselves.
    """

    this_hour: int
    in_all: int
    tests: int
    next_at: datetime | None
    most_an_hour: int
    most_at_once: int


@dataclass(frozen=True, slots=True)
class LabelledSample:
    """One sample.

    Attributes:
        number: the tester's own, from 1.
        subject: pseudonym, the tester's own.
        cohorts: column to label.
        image_digest: SHA-256 of the image's bytes, hexadecimal.
        is_boxed: a box said which face is meant.
        template: (D,) float32 of unit length; None where none was made.
    """

    number: int
    subject: str
    cohorts: Mapping[str, str]
    image_digest: str
    is_boxed: bool
    template: Template | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PairScore:
    """One comparison within a test: `first` < `second`, the numbers of its samples."""

    first: int
    second: int
    similarity: Similarity
    mated: bool
