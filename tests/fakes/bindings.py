"""What a test of the fakes' pipeline would be bound to."""

from __future__ import annotations

from countenance.assurance.independent_records import Binding
from countenance.similarity import Calibration

BINDING = Binding(
    pack={
        "name": "standard",
        "face_model_version": "1.0",
        "digest": "a" * 64,
        "licence": "Apache-2.0",
        "use": "any",
    },
    calibration=Calibration(cosine=(0.0, 0.5), neg_log10_fmr=(1.0, 4.0), trials=3, extrapolated_from=0.4),
    measured_on="lfw-dev",
    calibration_origin="pack",
    pipeline_digest="b" * 64,
    program="0.6.0",
    machine="2-core",
)
