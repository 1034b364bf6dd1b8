"""Faces of a user that do not look like the user's other faces: a photo of somebody else, or a bad one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.stored import StoredTemplates, to_unit
from countenance.gallery.subject_template import subject_template
from countenance.similarity import Calibration, meets
from countenance.types import FaceId, Similarity


@dataclass(frozen=True, slots=True)
class UserFaces:
    """A user's faces as searches know them.

    Attributes:
        ordinal: of the first of them, by which users stand in order.
        owner: what stands for the user (`ResidentGallery.owner_of`).
        face_ids: in order of enrolment.
        stored: (N, D), a row for each.
    """

    ordinal: int
    owner: int
    face_ids: Sequence[FaceId]
    stored: StoredTemplates


@dataclass(frozen=True, slots=True)
class Unlike:
    """A face that is less like the rest than was asked for.

    Attributes:
        similarity: to the template that the user's other faces make.
    """

    face_id: FaceId
    owner: int
    similarity: Similarity
    faces: int


def find_unlike(user: UserFaces, calibration: Calibration, threshold: Similarity) -> list[Unlike]:
    """Of a user with two faces or more, those under `threshold`, least alike first; of two, both or none."""
    count = len(user.face_ids)
    if count < 2:
        return []
    similarities = calibration.to_similarity(likeness_to_the_rest(user.stored))
    under = np.flatnonzero(~meets(similarities, threshold))
    ordered = under[np.argsort(similarities[under], kind="stable")]
    return [
        Unlike(user.face_ids[at], user.owner, Similarity(float(similarities[at])), count) for at in ordered
    ]


def likeness_to_the_rest(stored: StoredTemplates) -> NDArray[np.float32]:
    """(N,) the cosine of each of N rows, two or more, with the template of all the others."""
    units = to_unit(stored)
    return np.array(
        [
            float(np.vdot(units[at], subject_template(np.delete(stored, at, axis=0))))
            for at in range(len(stored))
        ],
        np.float32,
    )
