"""Whoever objected is neither enrolled nor searched for by a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from countenance.operations.deps import Deps
from countenance.types import Template

if TYPE_CHECKING:
    from countenance.gallery import Collection
    from countenance.similarity import Calibration


def require_no_objection(
    deps: Deps,
    collection: Collection,
    templates: Sequence[Template],
    *,
    calibration: Calibration | None = None,
    enrolled: bool = False,
) -> None:
    """Of faces of a picture, as the collection's model makes them.

    Args:
        enrolled: by now, in the call's own transaction: somebody may have objected since the look before.

    Raises:
        AccessDeniedException: one is of somebody who objected (OBJ-001).
    """
    from countenance.rights.objections import to_probes  # numbers load with the first picture

    if len(templates):
        deps.rights.objections.require_none(
            deps.caller.account_id,
            collection.face_model_version,
            to_probes(templates),
            calibration=lambda: calibration or deps.calibration(collection.face_model_version),
            behind=deps.uow.connection if enrolled else None,
        )
