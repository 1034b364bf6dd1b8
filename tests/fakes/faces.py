"""Faces without photographs: templates in directions that a test can reason about."""

from __future__ import annotations

import uuid

import numpy as np

from countenance.gallery import NewFace
from countenance.similarity import Calibration
from countenance.types import Confidence, FaceId, ImageId, RatioBox, WeighedTemplate

DIMENSIONS = 8
CALIBRATION = Calibration(
    cosine=(0.0, 0.5, 1.0), neg_log10_fmr=(1.0, 4.0, 7.0), trials=1, extrapolated_from=1.0
)
"""Cosine 0.5 is Similarity 80."""


def unit(values):
    """A (D,) float32 template in the direction of `values`, padded with zeros."""
    vector = np.zeros(DIMENSIONS)
    vector[: len(values)] = values
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def towards(cosine):
    """A template with this cosine to `unit([1])`."""
    return unit([cosine, np.sqrt(1 - cosine**2)])


def random_templates(rng, count, dimensions=DIMENSIONS):
    vectors = rng.standard_normal((count, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def new_face(template, *, image_id=None, external_image_id=None, left=0.25, confidence=99.5, weight=1.0):
    return NewFace(
        face_id=FaceId(uuid.uuid4()),
        image_id=ImageId(image_id or uuid.uuid4()),
        external_image_id=external_image_id,
        box=RatioBox(left=left, top=0.1, width=0.2, height=0.3),
        confidence=Confidence(confidence),
        template=template,
        weight=weight,
    )


def weighed(templates):
    """Templates by FaceId, each of which counts once."""
    return {face_id: WeighedTemplate(template) for face_id, template in templates.items()}
