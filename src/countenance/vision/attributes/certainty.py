"""From a measure to a probability, and from there to a Confidence that claims no more than was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from countenance.types import Confidence, Face
from countenance.vision.attributes.description import Judgement
from countenance.vision.attributes.face_mesh import Mesh
from countenance.vision.attributes.mesh_pose import estimate_mesh_pose

_KNOWN_PRESENCE: Final = (0.5, 0.95)
"""Of the mesh: at the first nothing is known of the face, at the second all that can be."""
_KNOWN_EYES_PX: Final = (6.0, 20.0)
"""Between the eyes, likewise. The fits were made on faces of lfw-dev, whose eyes are about 45 px apart."""

_KNOWN_SHARPNESS: Final = (25.0, 50.0)
_KNOWN_BRIGHTNESS: Final = (4.0, 14.0)
"""Of `Face.quality`: docs/quality.md has what blur and darkness cost."""
_KNOWN_YAW: Final = (-60.0, -35.0)
"""Degrees, either way: of a profile the mesh guesses the half that is not seen."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A logistic regression: probability = sigmoid(offset + weights · measures), never surer than `most`.

    Attributes:
        most: the largest probability that is answered: what the answers were right in, where that is less.
    """

    offset: float
    weights: tuple[float, ...]
    most: float

    def probability(self, *measures: float) -> float:
        """In [1 - most, most]; 1/2 where a measure is not a number."""
        logit = self.offset + sum(
            weight * measure for weight, measure in zip(self.weights, measures, strict=True)
        )
        if not math.isfinite(logit):
            return 0.5
        return min(self.most, max(1 - self.most, 1 / (1 + math.exp(-min(60.0, max(-60.0, logit))))))


def trust_in(mesh: Mesh, face: Face) -> float:
    """How much of what is read from a face is to be believed, [0, 1].

    A tiny face, one in the dark, a blurred one, a profile, or what is no face shows little or nothing.
    """
    return (
        _between(mesh.presence, _KNOWN_PRESENCE)
        * _between(mesh.eye_distance_px, _KNOWN_EYES_PX)
        * _between(face.quality.sharpness, _KNOWN_SHARPNESS)
        * _between(face.quality.brightness, _KNOWN_BRIGHTNESS)
        * _between(-abs(estimate_mesh_pose(mesh.points).yaw_deg), _KNOWN_YAW)
    )


def judge(probability: float, trust: float, *, at_rest: bool = False) -> Judgement:
    """Yes or no; where there is no trust, or it is a draw, what most faces are, with a Confidence of 50."""
    if not math.isfinite(probability) or probability == 0.5 or trust <= 0:
        return Judgement(at_rest, Confidence(50.0))
    return Judgement(probability > 0.5, Confidence(50 + 100 * abs(probability - 0.5) * trust))


def _between(value: float, bounds: tuple[float, float]) -> float:
    least, enough = bounds
    return min(1.0, max(0.0, (value - least) / (enough - least)))
