"""An operator's calibration that nobody measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from countenance.assurance.calibration_document import OperatorCalibration
from countenance.assurance.calibrations import Calibrations
from countenance.similarity import Calibration
from countenance.store import Database
from countenance.vision.manifest import PackManifest
from countenance.vision.pipeline_digest import pipeline_digest

FITTED = Calibration(
    cosine=(0.0, 0.5, 1.0),
    neg_log10_fmr=(1.0, 4.0, 7.0),
    trials=12_345,
    extrapolated_from=0.5,
    neg_log10_fmr_low=(0.9, 3.8, 6.0),
    neg_log10_fmr_high=(1.1, 4.2, 8.0),
)
DOCUMENT = OperatorCalibration(
    made_at=datetime(2026, 11, 27, 2, 0, tzinfo=UTC),
    program_version="1.0",
    pipeline_digest="ab" * 32,
    pack_name="standard",
    face_model_version="1.0",
    pack_digest="cd" * 32,
    data_name="staff-photos",
    data_digest="ef" * 32,
    samples=900,
    subjects=300,
    failures_to_enrol=4,
    effective_trials=44_850.0,
    counted_to_fmr=0.001,
    calibration=FITTED,
)


def document_for(manifest: PackManifest, calibration: Calibration) -> OperatorCalibration:
    """As if the pack had been calibrated here, by this program."""
    return replace(
        DOCUMENT,
        pipeline_digest=pipeline_digest(),
        pack_name=manifest.name,
        face_model_version=manifest.face_model_version,
        pack_digest=manifest.digest,
        calibration=calibration,
    )


@contextmanager
def put_in_force(
    database: Database, vision: Any, calibration: Calibration, *, pipeline_digest: str
) -> Iterator[None]:
    """An operator's calibration of a pack, for as long as it lasts."""
    record = Calibrations(database, pipeline_digest=pipeline_digest)
    document = replace(
        DOCUMENT,
        pack_digest=vision.pack_digest,
        face_model_version=vision.face_model_version,
        pipeline_digest=pipeline_digest,
        calibration=calibration,
    )
    record.use(
        document,
        own=vision.calibration,
        pack_digest=vision.pack_digest,
        by="Olga",
        reason="a test",
        accept_difference=True,
    )
    try:
        yield
    finally:
        record.revert(vision.pack_digest, vision.face_model_version, by="Olga", reason="the test is over")
