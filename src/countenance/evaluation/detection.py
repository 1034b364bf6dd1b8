"""How well faces are found, where a data set states their boxes.

Boxes are matched one to one in each image, the most confident first, to the labelled face that they
overlap most. A detection on an ignored region is neither right nor wrong. Average precision is the area
under the interpolated curve of precision over recall at all points (PASCAL VOC since 2010, WIDER FACE).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.bootstrap import draw_counts, rate_interval
from countenance.evaluation.intervals import Interval

_MATCHED, _MISTAKEN, _IGNORED = 1, 0, -1


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """What is known of one image, and what was found in it.

    Attributes:
        faces: (f, 4) float64 labelled boxes: left, top, right, bottom in pixels.
        ignored: (f,) bool, faces that need not be found (too small, too blurred, a crowd).
        found: (d, 4) float64 detected boxes, likewise.
        confidence: (d,) float64 of the detector, any scale.
    """

    faces: NDArray[np.float64]
    ignored: NDArray[np.bool_]
    found: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(self.faces) != len(self.ignored) or len(self.found) != len(self.confidence):
            raise ValueError("`ignored` must be one a face, `confidence` one a detection")


@dataclass(frozen=True, slots=True)
class Share:
    """A rate over faces or detections.

    Attributes:
        rate: in [0, 1].
        interval: two-sided, 95 %, over the draw of images.
        trials: faces (recall) or detections (precision).
    """

    rate: float
    interval: Interval
    trials: int


@dataclass(frozen=True, slots=True)
class SizeBand:
    """Recall of faces whose longer side is `from_px` or more and below `to_px`; None where there are none."""

    from_px: float
    to_px: float
    recall: Share | None


@dataclass(frozen=True, slots=True)
class Detection:
    """How well faces are found.

    Attributes:
        iou: the least overlap of a right detection.
        least_confidence: the operating point, inclusive, of recall and precision.
        images: in the data set.
        faces: to be found.
        recall: of those.
        precision: of detections outside ignored regions; None where there is none.
        average_precision: over all detections, whatever their confidence.
        average_precision_interval: over the draw of images.
        by_size: recall in bands of size.
    """

    iou: float
    least_confidence: float
    images: int
    faces: int
    recall: Share
    precision: Share | None
    average_precision: float
    average_precision_interval: Interval
    by_size: tuple[SizeBand, ...]


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """Outcomes of all images in a row.

    Attributes:
        confidence, right, image: (d,) of each detection outside ignored regions.
        found_at, size, of_image: (f,) of each face to be found: confidence that it was found with or
            -inf, longer side, image.
    """

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    image: NDArray[np.int64]
    found_at: NDArray[np.float64]
    size: NDArray[np.float64]
    of_image: NDArray[np.int64]


def detection_of(
    images: Sequence[LabelledImage],
    *,
    least_confidence: float,
    iou: float = 0.5,
    size_edges: Sequence[float] = (0, 16, 32, 64, 128, 256, np.inf),
    replicates: int = 1000,
    seed: int = 1,
) -> Detection:
    """Recall, precision and average precision with intervals over the draw of images.

    Raises:
        ValueError: fewer than two images, or no face to be found.
    """
    outcomes = _outcomes_of(images, iou)
    if len(outcomes.size) == 0:
        raise ValueError("no face is labelled as to be found: recall needs one or more")
    counts = draw_counts(len(images), replicates=replicates, seed=seed)
    found = outcomes.found_at >= least_confidence
    kept = outcomes.confidence >= least_confidence
    replicated = np.array([_average_precision(outcomes, drawn) for drawn in counts])
    ap = _average_precision(outcomes, np.ones(len(images)))
    return Detection(
        iou=iou,
        least_confidence=least_confidence,
        images=len(images),
        faces=len(found),
        recall=_share(found, outcomes.of_image, counts),
        precision=_share(outcomes.right[kept], outcomes.image[kept], counts) if kept.any() else None,
        average_precision=ap,
        average_precision_interval=rate_interval(
            ap, replicated, most_trials=_kish(np.bincount(outcomes.of_image).astype(np.float64))
        ),
        by_size=tuple(
            SizeBand(low, high, _share(found[band], outcomes.of_image[band], counts) if band.any() else None)
            for low, high in pairwise(size_edges)
            for band in [(outcomes.size >= low) & (outcomes.size < high)]
        ),
    )


def overlaps(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(a, b) intersection over union of boxes (a, 4) and (b, 4); 0 where a box has no area."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=2)
    union = _areas(one)[:, None] + _areas(other)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def match_boxes(image: LabelledImage, iou: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which face each detection is of.

    A detection takes the face still free that it overlaps most, by `iou` or more. One that finds none
    is ignored if it lies on an ignored face by as much, and a mistake otherwise: also a second one on
    a face that a more confident one has.

    Returns:
        (d,) 1 right, 0 mistaken, -1 ignored; and (f,) the detection that found each face, or -1.
    """
    overlap = overlaps(image.found, image.faces)
    outcome = np.full(len(image.found), _MISTAKEN)
    found_by = np.full(len(image.faces), -1)
    for detection in np.argsort(-image.confidence, kind="stable"):
        free = np.where(image.ignored | (found_by >= 0), -1.0, overlap[detection])
        if len(free) and free.max() >= iou:
            found_by[np.argmax(free)] = detection
            outcome[detection] = _MATCHED
        elif np.any(overlap[detection][image.ignored] >= iou):
            outcome[detection] = _IGNORED
    return outcome, found_by


def _outcomes_of(images: Sequence[LabelledImage], iou: float) -> _Outcomes:
    confidence, right, image_of, found_at, size, of_image = [], [], [], [], [], []
    for number, image in enumerate(images):
        outcome, found_by = match_boxes(image, iou)
        counted = outcome != _IGNORED
        confidence.append(image.confidence[counted])
        right.append(outcome[counted] == _MATCHED)
        image_of.append(np.full(int(counted.sum()), number))
        wanted = ~image.ignored
        at = np.append(image.confidence, -np.inf)[found_by]  # -1 is the last
        found_at.append(at[wanted])
        size.append(np.max(image.faces[:, 2:] - image.faces[:, :2], axis=1, initial=0.0)[wanted])
        of_image.append(np.full(int(wanted.sum()), number))
    return _Outcomes(*(np.concatenate(x) for x in (confidence, right, image_of, found_at, size, of_image)))


def _average_precision(outcomes: _Outcomes, drawn: NDArray[np.float64]) -> float:
    """All-point interpolated AP where each image counts `drawn` times; equal confidences are one point."""
    faces = drawn[outcomes.of_image].sum()
    if faces == 0 or len(outcomes.confidence) == 0:
        return 0.0 if faces else float("nan")
    order = np.argsort(-outcomes.confidence, kind="stable")
    confidence, weight = outcomes.confidence[order], drawn[outcomes.image[order]]
    last = np.append(np.flatnonzero(np.diff(confidence)), len(confidence) - 1)
    right = np.cumsum(weight * outcomes.right[order])[last]
    seen = np.cumsum(weight)[last]
    precision = np.divide(right, seen, out=np.ones(len(last)), where=seen > 0)
    highest_after = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(right / faces, prepend=0.0) * highest_after))


def _share(outcome: NDArray[np.bool_], image: NDArray[np.int64], counts: NDArray[np.float64]) -> Share:
    """Share of outcomes that are True, faces or detections weighted equally, images drawn."""
    total = np.bincount(image, minlength=counts.shape[1]).astype(np.float64)
    right = np.bincount(image, outcome, minlength=counts.shape[1])
    seen = counts @ total
    replicated = np.divide(counts @ right, seen, out=np.full(len(counts), np.nan), where=seen > 0)
    rate = float(np.mean(outcome))
    # where nothing varies between images, faces of one image may well depend on each other entirely
    most = float(len(outcome)) if 0.0 < rate < 1.0 else _kish(total)
    return Share(rate, rate_interval(rate, replicated, most_trials=most), len(outcome))


def _kish(each: NDArray[np.float64]) -> float:
    """Images of equally many faces that would be as sure: what remains where no replicate varies."""
    return float(each.sum() ** 2 / np.sum(each**2))


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1))
