"""Faces of a user that do not look like the user's other faces: a photo of somebody else, or a bad one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.stored import StoredTemplates, to_unit, weights_of
from countenance.similarity import Calibration, meets
from countenance.types import FaceId, Similarity

_NO_DIRECTION: Final = 1e-6


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
    """(N,) of each of N rows, two or more: its cosine with the `subject_template` of all the others."""
    units = to_unit(stored).astype(np.float64)
    weighed = units * weights_of(stored)[:, np.newaxis]
    rest = weighed.sum(axis=0) - weighed
    lengths = np.linalg.norm(rest, axis=1)
    # Of others who have no direction together, the first one's.
    rest[lengths <= _NO_DIRECTION] = units[0]
    if lengths[0] <= _NO_DIRECTION:
        rest[0] = units[1]
    return np.asarray((units * rest).sum(axis=1) / np.linalg.norm(rest, axis=1), np.float32)
