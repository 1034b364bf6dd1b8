"""What policy is told of a pack."""

from __future__ import annotations

import dataclasses

from countenance.facts import NOT_EVALUATED
from countenance.vision.manifest_facts import model_facts
from countenance.vision.packs import find_packs
from countenance.vision.pipeline_digest import pipeline_digest

MANIFEST = find_packs([])["standard"]


def test_a_model_is_its_pack_its_calibration_and_the_program():
    """Each of the three is another model when it changes."""
    facts = model_facts(MANIFEST)
    assert (facts.version, facts.use, facts.evaluated) == (
        MANIFEST.face_model_version,
        MANIFEST.use,
        NOT_EVALUATED,
    )
    assert facts.digests is not None
    assert facts.digests.pack == MANIFEST.digest
    assert facts.digests.calibration == MANIFEST.calibration.digest
    assert facts.digests.pipeline == pipeline_digest()


def test_a_calibration_that_is_in_force_takes_the_place_of_the_packs():
    chosen = dataclasses.replace(MANIFEST.calibration, trials=7)
    facts = model_facts(MANIFEST, calibration=chosen)
    assert facts.digests is not None
    assert facts.digests.calibration == chosen.digest != MANIFEST.calibration.digest
