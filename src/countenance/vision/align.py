"""Geometry: least-squares similarity transforms and the crops that they make. Numbers in, numbers out."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Landmarks5, Pixels

Transform = NDArray[np.float64]
"""(2, 3) taking pixels (x, y, 1) of the photograph to pixels of a crop."""

_SHRINKING = 0.5
"""Below this scale interpolation skips pixels: the photograph is reduced by areas first."""
_MARGIN_PX = 2


class DegenerateLandmarks(ValueError):
    """All points coincide, so that no scale or rotation follows from them."""


def similarity_transform(source: Landmarks5, target: Landmarks5) -> Transform:
    """Least-squares similarity transform taking `source` to `target` (Umeyama, 1991), without reflection.

    In the plane the solution is closed: with points as complex numbers about their means, rotation
    and scale are one complex factor, the regression of target on source.

    Args:
        source: (5, 2) pixel (x, y) in the photograph; any number of points will do.
        target: (5, 2) pixel (x, y) in the crop, in the same order.

    Returns:
        (2, 3): scale-rotation in the first two columns, translation in the last.

    Raises:
        DegenerateLandmarks: all source points coincide.
    """
    from_points = np.asarray(source, np.float64)
    to_points = np.asarray(target, np.float64)
    from_mean, to_mean = from_points.mean(axis=0), to_points.mean(axis=0)
    z = (from_points - from_mean) @ np.array([1, 1j])
    w = (to_points - to_mean) @ np.array([1, 1j])
    spread = float(np.vdot(z, z).real)
    if not spread > 0:
        raise DegenerateLandmarks
    factor = complex(np.vdot(z, w)) / spread
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([linear, to_mean - linear @ from_mean])


def centred_transform(
    centre: tuple[float, float], *, scale: float, turn_deg: float, width: int, height: int
) -> Transform:
    """The transform whose crop has `centre` of the photograph in its middle.

    Args:
        centre: pixel (x, y) of the photograph.
        scale: pixels of the crop for one of the photograph.
        turn_deg: how far the content is turned clockwise as a viewer sees it.
        width: of the crop.
        height: of the crop.
    """
    angle = math.radians(turn_deg)
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cosine, -sine], [sine, cosine]])
    middle = np.array([width / 2, height / 2])
    return np.column_stack([linear, middle - linear @ np.array(centre)])


def inverse(transform: Transform) -> Transform:
    """The transform that undoes a similarity transform."""
    linear = np.linalg.inv(transform[:, :2])
    return np.column_stack([linear, -linear @ transform[:, 2]])


def moved_points(points: NDArray[np.float32], transform: Transform) -> NDArray[np.float32]:
    """(..., 2) points under a transform."""
    return (points @ transform[:, :2].T + transform[:, 2]).astype(np.float32)


def crop(
    pixels: Pixels, transform: Transform, *, width: int, height: int, interpolation: int = cv2.INTER_LINEAR
) -> Pixels:
    """(height, width, 3): what `transform` shows of the photograph, black where it shows none.

    Where the photograph is shrunk to less than half, it is reduced by areas first, so that a large
    face does not alias. Costs as much as the crop, not as the photograph.
    """
    scale = math.sqrt(abs(float(np.linalg.det(transform[:, :2]))))
    if scale < _SHRINKING:
        pixels, transform = _reduced(pixels, transform, scale=scale, width=width, height=height)
    return np.asarray(cv2.warpAffine(pixels, transform, (width, height), flags=interpolation), dtype=np.uint8)


def _reduced(
    pixels: Pixels, transform: Transform, *, scale: float, width: int, height: int
) -> tuple[Pixels, Transform]:
    """The part of the photograph that the crop shows, about as large as the crop, and its transform."""
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32)
    seen = moved_points(corners, inverse(transform))
    margin = _MARGIN_PX / scale
    left, top = np.clip(np.floor(seen.min(axis=0) - margin), 0, None).astype(int)
    right, bottom = np.minimum(np.ceil(seen.max(axis=0) + margin), pixels.shape[1::-1]).astype(int)
    if right <= left or bottom <= top:  # nothing of the photograph is seen
        return pixels, transform
    region = pixels[top:bottom, left:right]
    columns, rows = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    small = np.asarray(cv2.resize(region, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    # pixel centres lie at halves: x_photograph = (x_small + 1/2) * step - 1/2 + left
    steps = np.array([(right - left) / columns, (bottom - top) / rows])
    origin = 0.5 * steps - 0.5 + np.array([left, top])
    linear = transform[:, :2] * steps
    return small, np.column_stack([linear, transform[:, :2] @ origin + transform[:, 2]])
