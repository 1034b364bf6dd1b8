"""The member `detection` of an evaluation: how many of the labelled faces the detector finds.

Whether what else it finds is a face, nobody says: in a data set of people the others in a photo are not
labelled. So there is recall, and no precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from countenance.evaluation.detection import LabelledImage, Share, detection_of
from countenance.evaluation.figures_shapes import interval_to_dict, refused
from countenance.evaluation.protocol import Protocol
from countenance.measuring.data_sets import DataSet
from countenance.measuring.embedding import SAME_FACE_IOU
from countenance.measuring.template_cache import Look
from countenance.types import PixelBox

_SIZE_EDGES: Final = (0.0, 32.0, 64.0, 128.0, 256.0, np.inf)
"""Of a face's longer side, pixels."""


def detection_figures(
    data: DataSet, looks: Sequence[Look | None], protocol: Protocol
) -> dict[str, Any] | None:
    """Recall over the photos that could be decoded and have a labelled face; None where none has."""
    labelled: dict[str, list[PixelBox]] = {}
    seen: dict[str, Look] = {}
    for photo, look in zip(data.photos, looks, strict=True):
        if photo.box is not None and look is not None and look.width:
            labelled.setdefault(photo.path, []).append(photo.box)
            seen[photo.path] = look
    if not labelled:
        return None
    faces = sum(map(len, labelled.values()))
    counted = {"iou": SAME_FACE_IOU, "images": len(labelled), "faces": faces}
    if len(labelled) < 2:
        return {**counted, "recall": refused("recall takes two photos with a labelled face", trials_needed=2)}
    found = detection_of(
        [_to_image(boxes, seen[path]) for path, boxes in labelled.items()],
        least_confidence=0.0,
        iou=SAME_FACE_IOU,
        size_edges=_SIZE_EDGES,
        replicates=protocol.replicates,
        seed=protocol.seed,
    )
    return {
        **counted,
        "recall": _to_dict(found.recall, found.images),
        "by_size": [
            {
                "from_px": band.from_px,
                **({} if np.isinf(band.to_px) else {"to_px": band.to_px}),
                "recall": _to_dict(band.recall, found.images),
            }
            for band in found.by_size
            if band.recall is not None
        ],
    }


def _to_image(labelled: Sequence[PixelBox], look: Look) -> LabelledImage:
    faces = np.array(
        [(box.left, box.top, box.left + box.width, box.top + box.height) for box in labelled], np.float64
    )
    found = np.asarray(look.faces[:, :4], np.float64).copy()
    found[:, 2:] += found[:, :2]
    return LabelledImage(
        faces=faces,
        ignored=np.zeros(len(faces), np.bool_),
        found=found,
        confidence=np.asarray(look.faces[:, 4], np.float64),
    )


def _to_dict(share: Share, images: int) -> dict[str, Any]:
    """Faces of one photo are no independent draws: there are at most as many of these as photos."""
    return {
        "rate": float(share.rate),
        "interval": interval_to_dict(share.interval),
        "trials": int(share.trials),
        "effective": float(min(share.trials, images)),
    }
