"""What a detector's network says, before it is made into faces of the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RawFaces:
    """N faces as arrays, in the pixels of whatever picture was looked at.

    Attributes:
        boxes: (N, 4) float32, left, top, right, bottom; they may reach outside the picture.
        scores: (N,) float32, the detector's confidence, 0-1.
        landmarks: (N, 5, 2) float32, (x, y) in the order of `Landmarks5`.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def none(cls) -> Self:
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))

    @classmethod
    def joined(cls, parts: Sequence[RawFaces]) -> Self:
        """All faces of `parts`, in order, with those of an empty sequence being none."""
        parts = [cls.none(), *parts]
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.landmarks for part in parts]),
        )

    @property
    def widths_px(self) -> NDArray[np.float32]:
        """(N,) box widths."""
        return self.boxes[:, 2] - self.boxes[:, 0]

    @property
    def areas_px(self) -> NDArray[np.float32]:
        """(N,) box areas."""
        return self.widths_px * (self.boxes[:, 3] - self.boxes[:, 1])

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> RawFaces:
        """The faces that a mask or indices pick."""
        return RawFaces(self.boxes[which], self.scores[which], self.landmarks[which])

    def scaled(self, factor: float) -> RawFaces:
        """The same faces in a picture that is `factor` times as large."""
        return self.moved(factor * np.eye(2, 3, dtype=np.float64))

    def moved(self, transform: NDArray[np.float64]) -> RawFaces:
        """Boxes and points under a (2, 3) affine transform that maps axes to axes (no odd angles)."""
        corners = self.boxes.reshape(-1, 2, 2) @ transform[:, :2].T + transform[:, 2]
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        landmarks = self.landmarks @ transform[:, :2].T + transform[:, 2]
        return RawFaces(boxes.astype(np.float32), self.scores, landmarks.astype(np.float32))


def overlaps(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) intersection over union of one box (4,) with each of (N, 4)."""
    shared = _shared(box, boxes)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    union = (box[2] - box[0]) * (box[3] - box[1]) + areas - shared
    return np.asarray(shared / np.maximum(union, np.finfo(np.float32).tiny))


def contained(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) how much of one box (4,) lies in each of (N, 4), as a share of its area."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return np.asarray(_shared(box, boxes) / np.maximum(area, np.finfo(np.float32).tiny))


def _shared(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    width = np.minimum(box[2], boxes[:, 2]) - np.maximum(box[0], boxes[:, 0])
    height = np.minimum(box[3], boxes[:, 3]) - np.maximum(box[1], boxes[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def suppress(faces: RawFaces, *, max_overlap: float) -> RawFaces:
    """Keep the most confident of faces whose boxes overlap more than `max_overlap`; highest first."""
    order = np.argsort(-faces.scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[overlaps(faces.boxes[best], faces.boxes[rest]) <= max_overlap]
    return faces.take(np.array(kept, np.intp))


def fuse(faces: RawFaces, weights: NDArray[np.float32], *, min_overlap: float) -> RawFaces:
    """One face for each group of overlapping ones: weighted means of boxes and points, highest score.

    Args:
        faces: of several looks at one picture.
        weights: (N,) how much each is to be trusted; not negative.
        min_overlap: what overlaps the most confident of a group by more belongs to the group.
    """
    order = np.argsort(-faces.scores, kind="stable")
    boxes, scores, landmarks = [], [], []
    while len(order):
        together = overlaps(faces.boxes[order[0]], faces.boxes[order]) > min_overlap
        together[0] = True
        group = order[together]
        weight = weights[group] + np.finfo(np.float32).tiny
        boxes.append(np.average(faces.boxes[group], axis=0, weights=weight))
        landmarks.append(np.average(faces.landmarks[group], axis=0, weights=weight))
        scores.append(faces.scores[order[0]])
        order = order[~together]
    if not scores:
        return RawFaces.none()
    return RawFaces(
        np.array(boxes, np.float32), np.array(scores, np.float32), np.array(landmarks, np.float32)
    )
