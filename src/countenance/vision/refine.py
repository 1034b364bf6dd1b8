"""Better points for a face that was found: looks at it alone, turned upright, at suitable sizes.

A face that the detector is less sure of than of an upright one, though not for its size, is first
looked at in all four quarter turns, and the turn that it is surest of is where to begin.

YuNet's points lean towards upright: of a face turned by 30 degrees they tell about 15. So each look
turns the crop by what is known of the turn, and what the points still tell is followed to zero by
the secant method: with a lean of one half the third estimate is right to a few degrees. The points
are the mean of the looks in which the face was nearly upright: two looks for an upright face.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.types import Landmarks5, Pixels
from countenance.vision.align import centred_transform, crop, inverse, moved_points
from countenance.vision.detect import UPRIGHT_SCORE, Detector
from countenance.vision.raw_faces import RawFaces

_CROP_OVER_FACE: Final = 2.0
"""Side of the crop over the face's: the network wants to see what is around a face."""
_INPUT_MULTIPLE: Final = 32
_MOST_ENLARGED: Final = 3.0
"""A small face shows nothing more when it is enlarged further; the first width is used always."""
_MAX_LOOKS: Final = 5
_MOST_REFINED: Final = 32
"""Faces come largest first."""
_UPRIGHT_DEG: Final = 4.0
_ANOTHER_TURN_DEG: Final = 20.0
"""Points of a detector that does not lean are replaced only if they were turned wrongly by more than this."""
_LEAST_TURNED_PX: Final = 48.0
"""Below this width a face is less sure for its size, not for its turn: it is not looked at in all turns."""
_LEAST_GAIN: Final = 0.35
"""The secant is never taken to be flatter, so that one noisy look cannot throw the next one far."""
_SAME_FACE: Final = 0.4
"""How far, over the face's size, a look's face may be from the crop's middle."""

Box = NDArray[np.float32]
"""(4,) left, top, right, bottom, pixels of the photograph."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look saw.

    Attributes:
        turn_deg: how far the face was taken to be turned (clockwise).
        residual_deg: how far the points say that it still is.
        score: the detector's, 0-1.
        landmarks: in pixels of the photograph.
    """

    turn_deg: float
    residual_deg: float
    score: float
    landmarks: Landmarks5


def refine_landmarks(detector: Detector, pixels: Pixels, faces: RawFaces) -> RawFaces:
    """The same faces with better points, where the detector's own are known to gain by it.

    A face that no look finds again keeps its points, and so do the small ones of a crowd: looks at a
    hundred faces would cost more than finding them.
    """
    landmarks = faces.landmarks.copy()
    for index in range(min(len(faces), _MOST_REFINED)):
        box, score = faces.boxes[index], float(faces.scores[index])
        found = _Look(0.0, roll_deg(landmarks[index]), score, landmarks[index])
        if score < UPRIGHT_SCORE and box[2] - box[0] >= _LEAST_TURNED_PX:
            starts = _surest_turns(detector, pixels, box, found)
        elif detector.leans:
            starts = [found]
        else:
            continue
        settled = [_settle(detector, pixels, box, start) for start in starts]
        surest = max(settled, key=lambda look: look.score)
        turned = _angle_between(roll_deg(surest.landmarks), found.residual_deg)
        if detector.leans or turned > _ANOTHER_TURN_DEG:
            landmarks[index] = surest.landmarks
    return RawFaces(faces.boxes, faces.scores, landmarks)


def roll_deg(landmarks: Landmarks5) -> float:
    """How far a face is turned clockwise in the picture, from the directions of eyes and mouth below eyes.

    The line through the eyes and the one from between the eyes to between the mouth's corners are
    both followed, each as heavy as it is long: yaw shortens the first, pitch the second.
    """
    across = landmarks[1] - landmarks[0]
    down = landmarks[3:].mean(axis=0) - landmarks[:2].mean(axis=0)
    return math.degrees(math.atan2(across[1] - down[0], across[0] + down[1]))


def _angle_between(first_deg: float, second_deg: float) -> float:
    return abs((first_deg - second_deg + 180) % 360 - 180)


def _surest_turns(detector: Detector, pixels: Pixels, box: Box, found: _Look) -> list[_Look]:
    """Where to begin: as found, and the two quarter turns that the detector is surest of."""
    width = detector.refined_widths_px[0]
    looks = [_look(detector, pixels, box, turn, width) for turn in (0.0, 90.0, 180.0, 270.0)]
    seen = sorted((look for look in looks if look is not None), key=lambda look: -look.score)
    return [found, *seen[:2]]


def _settle(detector: Detector, pixels: Pixels, box: Box, first: _Look) -> _Look:
    """Look until the face is upright; the mean of the looks in which it nearly was.

    Its score is that of the surest of those looks; 0 if the face never became upright.
    """
    widths = _widths_for(detector, box)
    looks: list[_Look] = []
    before, turn = first, first.turn_deg + first.residual_deg
    while len(looks) < _MAX_LOOKS:
        look = _look(detector, pixels, box, turn, widths[len(looks) % len(widths)])
        if look is None:
            break
        looks.append(look)
        if abs(look.residual_deg) > _UPRIGHT_DEG:
            before, turn = look, _next_turn(before, look)
        elif len(looks) >= len(widths):
            break
    upright = [look for look in looks if abs(look.residual_deg) <= _UPRIGHT_DEG][-len(widths) :]
    if not upright:
        return replace((looks or [first])[-1], score=0.0)
    mean = np.asarray(np.mean([look.landmarks for look in upright], axis=0), np.float32)
    return replace(upright[-1], score=max(look.score for look in upright), landmarks=mean)


def _widths_for(detector: Detector, box: Box) -> tuple[int, ...]:
    """The widths to look at a face in: all but those that it would have to be enlarged too much for."""
    first, *others = detector.refined_widths_px
    face_px = float(box[2] - box[0])
    return (first, *(width for width in others if width <= _MOST_ENLARGED * face_px))


def _next_turn(before: _Look, now: _Look) -> float:
    """Where the line through two looks has no residual."""
    step = now.turn_deg - before.turn_deg
    slope = (before.residual_deg - now.residual_deg) / step if abs(step) > 1 else 1.0
    return now.turn_deg + now.residual_deg / min(max(slope, _LEAST_GAIN), 1.0)


def _look(detector: Detector, pixels: Pixels, box: Box, turn_deg: float, width_px: int) -> _Look | None:
    """Look at one face, turned back by `turn_deg` and `width_px` wide; None if it is not found again."""
    left, top, right, bottom = map(float, box)
    scale = width_px / math.sqrt((right - left) * (bottom - top))
    side = math.ceil(width_px * _CROP_OVER_FACE / _INPUT_MULTIPLE) * _INPUT_MULTIPLE
    centre = ((left + right) / 2, (top + bottom) / 2)
    transform = centred_transform(centre, scale=scale, turn_deg=-turn_deg, width=side, height=side)
    found = detector.find(crop(pixels, transform, width=side, height=side))
    if not len(found):
        return None
    centres = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    distances = np.linalg.norm(centres - side / 2, axis=1)
    nearest = int(np.argmin(distances))
    if distances[nearest] > _SAME_FACE * width_px:
        return None
    landmarks, score = found.landmarks[nearest], float(found.scores[nearest])
    return _Look(turn_deg, roll_deg(landmarks), score, moved_points(landmarks, inverse(transform)))
