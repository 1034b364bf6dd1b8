"""From a measure to a probability, and from there to a Confidence that claims no more than was measured."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from countenance.types import Confidence
from countenance.vision.attributes.description import Judgement
from countenance.vision.attributes.face_mesh import Mesh

_KNOWN_PRESENCE: Final = (0.5, 0.95)
"""Of the mesh: at the first nothing is known of the face, at the second all that can be."""
_KNOWN_EYES_PX: Final = (6.0, 20.0)
"""Between the eyes, likewise. The fits were made on faces of lfw-dev, whose eyes are about 45 px apart."""


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


def trust_in(mesh: Mesh) -> float:
    """How much of what is read from a face is to be believed, [0, 1]: a tiny face, or none, shows nothing."""
    return _between(mesh.presence, _KNOWN_PRESENCE) * _between(mesh.eye_distance_px, _KNOWN_EYES_PX)


def judge(probability: float, trust: float) -> Judgement:
    """Yes or no, with a Confidence of 50 where there is no trust."""
    believed = 0.5 + (probability - 0.5) * trust
    return Judgement(believed >= 0.5, Confidence(100 * max(believed, 1 - believed)))


def _between(value: float, bounds: tuple[float, float]) -> float:
    least, enough = bounds
    return min(1.0, max(0.0, (value - least) / (enough - least)))
