"""What a measurement of the pipeline holds for: the pack, the calibration and the program of now."""

from __future__ import annotations

import os
import platform

from countenance import __version__
from countenance.assurance.independent_records import Binding
from countenance.errors import InvalidParameterException
from countenance.operations.deps import Deps
from countenance.vision.pipeline_digest import pipeline_digest


def binding_of(face_model_version: str | None, deps: Deps) -> Binding:
    """Of one pack of this server; of that of new collections for None.

    No net runs, so a transaction may be open.

    Raises:
        InvalidParameterException: this server has no such pack.
    """
    version = face_model_version or deps.models.default.face_model_version
    if version not in deps.models.packs:
        raise InvalidParameterException(
            f"there is no model `{version}` here; there is {', '.join(sorted(deps.models.packs))}"
        )
    vision, facts = deps.models.vision(version), deps.models.facts(version)
    calibration = deps.calibration(version)
    is_of_pack = calibration.digest == vision.calibration.digest
    return Binding(
        pack={
            "name": vision.pack_name,
            "face_model_version": version,
            "digest": vision.pack_digest,
            "licence": vision.licence,
            "use": "unstated" if facts is None else facts.use,
        },
        calibration=calibration,
        measured_on=vision.measured_on if is_of_pack else "",
        calibration_origin="pack" if is_of_pack else "operator",
        pipeline_digest=pipeline_digest(),
        program=__version__,
        machine=f"{os.cpu_count()}-core {platform.machine()}, Python {platform.python_version()}",
    )
