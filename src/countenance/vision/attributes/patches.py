"""Eyeglasses, beard and moustache, by patches of skin: heuristics, for want of a model that may be used.

The face is brought upright, its eyes 56 px apart, and measured where the mesh says that cheeks, upper lip,
chin, the bridge of the nose and the temples are. Each measure is one number; what they are worth together
was fitted (`fitted`) and is in docs/models/attributes.md. On a face in shadow from one side, under a
microphone or with a strong make-up they are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Pixels
from countenance.vision.align import DegenerateLandmarks, crop, moved_points, similarity_transform
from countenance.vision.attributes.face_mesh import Mesh

_SIDE_PX: Final = 160
_EYES_AND_MOUTH: Final = np.array([[52, 56], [108, 56], [80, 116]], np.float32)
_CHEEKS: Final = [50, 205, 118, 101, 36, 280, 425, 347, 330, 266]
_CHIN: Final = [200, 199, 208, 428, 175, 171, 396]
_UPPER_LIP: Final = [165, 391]
_LEFT_LID, _RIGHT_LID = [27, 23, 230, 223], [257, 253, 450, 443]
"""Skin above and below each eye."""
_IRIS_DARKER: Final = 0.35
"""In units of the logarithm: a shut eye's lashes are dark as well, but thin."""
_EYES: Final = [
    *(33, 133, 159, 145, 468, 469, 471, 160, 158, 153, 144, 130, 243, 23, 27),
    *(362, 263, 386, 374, 473, 474, 476, 385, 387, 380, 373, 359, 463, 253, 257),
]

Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Patches:
    """Differences from the cheeks, and edges over the contrast of the face.

    Attributes:
        bridge: the strongest horizontal edge across the bridge of the nose: of a frame.
        side: the same at the temples.
        eyes_dark: how much darker three quarters of the eyes and their surroundings are, at least, in units
            of the logarithm: of dark glasses, or of deep shadow.
        iris_dark: how much darker the irises are than the lids above them, in units of the logarithm.
        open_rows: how much of the height of the eyes is that dark, 0-1, across the irises.
        lip_dark: how much darker the upper lip's skin is, in units of the logarithm.
        lip_pale: how much less red it is, in units of Cr (0-255).
        lip_over_chin: how much darker it is than the chin.
        chin_dark: as `lip_dark`, of the chin.
        chin_pale: as `lip_pale`, of the chin.
    """

    bridge: float
    side: float
    eyes_dark: float
    iris_dark: float
    open_rows: float
    lip_dark: float
    lip_pale: float
    lip_over_chin: float
    chin_dark: float
    chin_pale: float


def measure_patches(pixels: Pixels, mesh: Mesh) -> Patches | None:
    """None where all points coincide."""
    points = mesh.points[:, :2]
    anchors = np.array([points[[33, 133]].mean(0), points[[362, 263]].mean(0), points[[61, 291]].mean(0)])
    try:
        transform = similarity_transform(anchors.astype(np.float32), _EYES_AND_MOUTH)
    except DegenerateLandmarks:
        return None
    face = crop(pixels, transform, width=_SIDE_PX, height=_SIDE_PX)
    places = moved_points(points, transform)
    colours = np.asarray(cv2.cvtColor(face, cv2.COLOR_RGB2YCrCb), np.float32)
    luma = np.ascontiguousarray(colours[..., 0])
    dark = np.log(cv2.GaussianBlur(luma, (0, 0), 2) + 8)
    red = cv2.GaussianBlur(np.ascontiguousarray(colours[..., 1]), (0, 0), 2)
    lip = np.concatenate(
        [_mixed(places, [97, 2, 326], [37, 0, 267], share) for share in (0.35, 0.5, 0.65)]
        + [places[_UPPER_LIP]]
    )
    chin = np.concatenate(
        [_mixed(places, [18], [152], share) for share in (0.35, 0.5, 0.65, 0.8)] + [places[_CHIN]]
    )
    cheeks_dark, cheeks_red = _median(dark, places[_CHEEKS]), _median(red, places[_CHEEKS])
    lip_dark, chin_dark = _median(dark, lip), _median(dark, chin)
    bridge, side = _frame_edges(luma, places)
    iris_dark, open_rows = _openness(luma, places)
    return Patches(
        bridge=bridge,
        side=side,
        eyes_dark=cheeks_dark - _quantile(dark, places[_EYES], 0.75),
        iris_dark=iris_dark,
        open_rows=open_rows,
        lip_dark=cheeks_dark - lip_dark,
        lip_pale=cheeks_red - _median(red, lip),
        lip_over_chin=chin_dark - lip_dark,
        chin_dark=cheeks_dark - chin_dark,
        chin_pale=cheeks_red - _median(red, chin),
    )


def _frame_edges(luma: Grey, places: NDArray[np.float32]) -> tuple[float, float]:
    """Of `bridge` and `side`."""
    smooth = cv2.GaussianBlur(luma, (0, 0), 1.0)
    edges = np.abs(cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    contrast = float(smooth[30:110, 30:130].std()) + 5
    inner_left, inner_right = float(places[133, 0]), float(places[362, 0])
    middle, reach = (inner_left + inner_right) / 2, (inner_right - inner_left) * 0.22
    bridge = _strongest_row(
        edges, (middle - reach, middle + reach), (float(places[168, 1]) - 4, float(places[197, 1]) + 2)
    )
    temples = []
    for corner, edge, outwards in ((33, 234, -1), (263, 454, 1)):
        at = float(places[corner, 0])
        across = sorted((at + outwards * 6, float(places[edge, 0])))
        height = float(places[corner, 1])
        temples.append(_strongest_row(edges, (across[0], across[1]), (height - 14, height + 10)))
    return bridge / contrast, max(temples) / contrast


def _openness(luma: Grey, places: NDArray[np.float32]) -> tuple[float, float]:
    """Of `iris_dark` and `open_rows`: an open eye has a dark iris, a shut one skin and a thin line."""
    dark = np.log(cv2.GaussianBlur(luma, (0, 0), 1.0) + 8)
    found = []
    for corners, iris, lid in (((33, 133), 468, _LEFT_LID), ((362, 263), 473, _RIGHT_LID)):
        (across, down), width = places[iris], float(np.linalg.norm(places[corners[1]] - places[corners[0]]))
        skin, middle = _median(dark, places[lid]), float(places[list(corners), 1].mean())
        near = _window(
            dark, (across - 0.2 * width, across + 0.2 * width), (down - 0.2 * width, down + 0.2 * width)
        )
        rows = _window(
            dark, (across - 0.1 * width, across + 0.1 * width), (middle - 0.35 * width, middle + 0.35 * width)
        ).mean(axis=1)
        found.append((skin - float(near.mean()), float((rows < skin - _IRIS_DARKER).mean())))
    iris_dark, open_rows = np.mean(found, axis=0)
    return float(iris_dark), float(open_rows)


def _window(image: Any, across: tuple[float, float], down: tuple[float, float]) -> NDArray[np.float32]:
    """A rectangle of at least one pixel, inside the crop."""
    left, top = (round(min(max(at, 0.0), _SIDE_PX - 1)) for at in (across[0], down[0]))
    right, bottom = (round(min(max(at, 0.0), _SIDE_PX - 1)) for at in (across[1], down[1]))
    return np.asarray(image[top : bottom + 1, left : right + 1], np.float32)


def _strongest_row(edges: Grey, across: tuple[float, float], down: tuple[float, float]) -> float:
    """Of the rows of a window, the largest mean; 0 where it is too narrow to say."""
    left, right = (round(min(max(at, 0.0), _SIDE_PX)) for at in across)
    top, bottom = (round(min(max(at, 0.0), _SIDE_PX)) for at in down)
    if right - left < 4 or bottom <= top:
        return 0.0
    return float(edges[top:bottom, left:right].mean(axis=1).max())


def _mixed(
    places: NDArray[np.float32], above: list[int], below: list[int], share: float
) -> NDArray[np.float32]:
    return np.asarray(places[above] * (1 - share) + places[below] * share, np.float32)


def _median(image: Any, places: NDArray[np.float32]) -> float:
    return _quantile(image, places, 0.5)


def _quantile(image: Any, places: NDArray[np.float32], share: float) -> float:
    at = np.clip(np.round(places).astype(int), 1, _SIDE_PX - 2)
    return float(np.quantile(image[at[:, 1], at[:, 0]], share))
