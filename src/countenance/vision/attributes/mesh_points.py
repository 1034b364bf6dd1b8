"""Where on the mesh things are: numbers of MediaPipe's face mesh. "Left" is the image's left.

Checked by drawing them (`make sheet`); the topology is MediaPipe's canonical face model (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANDMARKS: Final[Mapping[str, int]] = {
    "eyeLeft": 468,
    "eyeRight": 473,
    "mouthLeft": 61,
    "mouthRight": 291,
    "nose": 1,
    "leftEyeBrowLeft": 70,
    "leftEyeBrowRight": 107,
    "leftEyeBrowUp": 105,
    "rightEyeBrowLeft": 336,
    "rightEyeBrowRight": 300,
    "rightEyeBrowUp": 334,
    "leftEyeLeft": 33,
    "leftEyeRight": 133,
    "leftEyeUp": 159,
    "leftEyeDown": 145,
    "rightEyeLeft": 362,
    "rightEyeRight": 263,
    "rightEyeUp": 386,
    "rightEyeDown": 374,
    "noseLeft": 129,
    "noseRight": 358,
    "mouthUp": 0,
    "mouthDown": 17,
    "leftPupil": 468,
    "rightPupil": 473,
    "upperJawlineLeft": 234,
    "midJawlineLeft": 172,
    "chinBottom": 152,
    "midJawlineRight": 397,
    "upperJawlineRight": 454,
}
"""AWS's 30 names, in its order; the eyes' centres are the pupils', as in its answers."""

LEFT_EYE, RIGHT_EYE = (33, 133, 159, 145), (362, 263, 386, 374)
"""Image-left corner, image-right corner, upper lid, lower lid."""
LEFT_IRIS, RIGHT_IRIS = 468, 473
NOSE_TIP, NOSE_BASE, NOSE_BRIDGE, FOREHEAD, CHIN = 1, 2, 168, 10, 152
UPPER_LIP, LOWER_LIP = 13, 14
"""The inner edges: apart when the mouth is open."""
MOUTH_LEFT, MOUTH_RIGHT = 61, 291
SYMMETRIC: Final = (
    *((33, 263), (133, 362), (61, 291), (234, 454)),
    *((127, 356), (172, 397), (129, 358), (70, 300)),
)
"""Pairs that mirror one another in a face at rest: image-left, image-right."""

BLENDSHAPE_INPUT: Final = (
    *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39),
    *(40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80),
    *(81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133),
    *(136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160),
    *(161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246),
    *(249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295),
    *(296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334),
    *(336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382),
    *(384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454),
    *(466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477),
)
"""The 146 points that the blendshape network takes, in its order (MediaPipe's face_blendshapes_graph)."""
