"""What policy needs to know of a pack: the licence of its weights, and what an evaluation must be of."""

from __future__ import annotations

from countenance.facts import ModelDigests, ModelFacts
from countenance.similarity import Calibration
from countenance.vision.manifest import PackManifest
from countenance.vision.pipeline_digest import pipeline_digest


def model_facts(manifest: PackManifest, *, calibration: Calibration | None = None) -> ModelFacts:
    """A pack as it runs here, without what evaluations of it show.

    Args:
        calibration: the one in force; the pack's own where none is given.
    """
    in_force = manifest.calibration if calibration is None else calibration
    return ModelFacts(
        manifest.face_model_version,
        manifest.use,
        ModelDigests(manifest.digest, in_force.digest, pipeline_digest()),
    )
