"""What an enrolment brings beside its templates: those of a second model, and pictures for a vault."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from countenance.errors import SetupError
from countenance.gallery import Collection, NewFace, OtherTemplate
from countenance.operations.deps import Deps
from countenance.operations.images import Photo
from countenance.types import Face, WeighedTemplate

_LOG = logging.getLogger(__name__)


def with_what_is_wanted(
    new_faces: Sequence[NewFace], photo: Photo, faces: Sequence[Face], collection: Collection, deps: Deps
) -> list[NewFace]:
    """The same faces, with what the collection wants of them now (`Gallery.beside`).

    While a collection is re-embedded a new face gets both templates at once, from the photograph itself:
    nothing falls behind, and nothing has to be kept for it.
    """
    if not new_faces:
        return []
    wanted = deps.gallery.beside(collection)
    version = wanted.face_model_version
    others = _templates(version, photo, faces, deps)
    return [
        replace(
            new,
            shadow=None
            if version is None or other is None
            else OtherTemplate(version, other.template, other.weight),
            crop=photo.cut_crop(face) if wanted.crop else None,
        )
        for new, face, other in zip(new_faces, faces, others, strict=True)
    ]


def _templates(
    version: str | None, photo: Photo, faces: Sequence[Face], deps: Deps
) -> Sequence[WeighedTemplate | None]:
    """Of the second model; none where this server cannot run it: the faces are found missing, and told."""
    if version is None:
        return [None] * len(faces)
    if version not in deps.models.packs:
        _LOG.warning("no second template: face model %s is not installed on this server", version)
        return [None] * len(faces)
    try:
        return photo.embed_with(deps.models.vision(version), *faces)
    except SetupError as error:
        _LOG.warning("no second template: face model %s cannot be used: %s", version, error.problem)
        return [None] * len(faces)
