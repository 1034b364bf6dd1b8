"""Faces with something drawn on them, so that it is known what should be said of them."""

from __future__ import annotations

import cv2
import numpy as np

LEFT_LIDS = ([33, 246, 161, 160, 159, 158, 157, 173, 133], [33, 7, 163, 144, 145, 153, 154, 155, 133])
RIGHT_LIDS = ([362, 398, 384, 385, 386, 387, 388, 466, 263], [362, 382, 381, 380, 374, 373, 390, 249, 263])
LOWER_FACE = [
    *(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 280, 6, 50),
]


def with_sunglasses(pixels, mesh):
    """Two dark lenses and a bridge."""
    drawn, points = pixels.copy(), mesh.points[:, :2]
    for corners in ((33, 133, 159, 145), (362, 263, 386, 374)):
        centre = points[list(corners)].mean(axis=0)
        width = float(np.linalg.norm(points[corners[0]] - points[corners[1]]))
        middle = (int(centre[0]), int(centre[1] + width * 0.1))
        cv2.ellipse(drawn, middle, (int(width * 0.85), int(width * 0.65)), 0, 0, 360, (15, 15, 18), -1)
    ends = [tuple(int(at) for at in points[corner]) for corner in (133, 362)]
    cv2.line(drawn, ends[0], ends[1], (15, 15, 18), max(2, int(mesh.eye_distance_px / 25)))
    return drawn


def with_mask(pixels, mesh):
    """A pale surface from the nose to below the chin."""
    drawn = pixels.copy()
    cv2.fillPoly(drawn, [mesh.points[LOWER_FACE, :2].astype(int)], (205, 218, 226))
    return drawn


def with_closed_eyes(pixels, mesh):
    """The upper lids pulled down to the lower ones: skin from above each eye, and a line of lashes."""
    drawn, height, width = pixels.copy(), *pixels.shape[:2]
    for upper, lower in (LEFT_LIDS, RIGHT_LIDS):
        above, below = mesh.points[upper, :2], mesh.points[lower, :2]
        open_px = float((below - above)[:, 1].max())
        for column in range(int(above[:, 0].min()), int(above[:, 0].max()) + 1):
            top = np.interp(column, above[:, 0], above[:, 1]) - 0.15 * open_px
            bottom = np.interp(column, below[:, 0], below[:, 1]) + 0.1 * open_px
            begin, end = int(top), min(height - 1, int(bottom))
            if not (0 <= column < width and end > begin):
                continue
            source = np.linspace(top - 1.1 * open_px, top - 0.1 * open_px, end - begin + 1)
            rows = np.clip(source, 0, height - 1).astype(int)
            drawn[begin : end + 1, column] = pixels[rows, column]
            lash = max(1, int(open_px * 0.15))
            drawn[end : min(height, end + lash), column] = pixels[rows[0], column] // 4
    return drawn


def turned(pixels, degrees):
    """Clockwise as a viewer sees it, about the middle; what comes in from outside is black."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1)
    return cv2.warpAffine(pixels, turn, (width, height))
