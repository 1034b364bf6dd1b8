"""Templates of a data set through the installed pipeline, the one that the service runs.

Looking at a photo costs most of an evaluation, so what was seen is kept (`template_cache`) and a larger data
set costs its new photos only.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from countenance.errors import ImageTooLargeException, InvalidImageFormatException, InvalidParameterException
from countenance.evaluation.trials import Samples
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.photos import Amiss, PhotoAmiss, read_photo
from countenance.measuring.template_cache import FACE_COLUMNS, Look, Seen, TemplateCache
from countenance.types import Detection, Face, PixelBox, Pixels, Template, Templates
from countenance.vision.align import DegenerateLandmarks

SAME_FACE_IOU: Final = 0.5
"""Overlap from which a face that was found is the labelled one."""
_KEEP_EVERY_S: Final = 2.0
_AT_ONCE: Final = 1024
_NOTHING: Final = np.empty((0, len(FACE_COLUMNS)), np.float32)


class FaceChoice(StrEnum):
    """Which face of a photograph is the sample."""

    LARGEST = "largest"
    MIDDLE = "middle"
    LABELLED = "labelled"


class Pipeline(Protocol):
    """What of `vision.pipeline.Vision` is used here."""

    @property
    def dimensions(self) -> int: ...
    def decode(self, data: bytes) -> Pixels: ...
    def detect(self, pixels: Pixels) -> Detection: ...
    def embed(self, pixels: Pixels, faces: Sequence[Face]) -> Templates: ...


@dataclass(frozen=True, slots=True)
class Embedded:
    """The samples of a data set.

    Attributes:
        samples: by the choice of the face; rows in the order of the data set's photos.
        looks: what was seen in each photo; None where its file could not be read.
        amiss: (n,) why each photo has no template, by the choice of the face.
        seconds: spent on looking.
        looked_at: photos that had to be looked at; the others were known.
    """

    samples: Mapping[FaceChoice, Samples]
    looks: tuple[Look | None, ...]
    amiss: Mapping[FaceChoice, tuple[Amiss | None, ...]]
    seconds: float
    looked_at: int

    def reasons(self, choice: FaceChoice) -> Counter[Amiss]:
        """How many photos have no template, by reason."""
        return Counter(reason for reason in self.amiss[choice] if reason is not None)


def embed_data_set(
    vision: Pipeline,
    data: DataSet,
    digests: Sequence[bytes | None],
    *,
    choices: Sequence[FaceChoice],
    cache: TemplateCache,
    threads: int,
    done: Callable[[int, int, int], None] = lambda _done, _total, _amiss: None,
) -> Embedded:
    """Look at every photo that the cache does not know, and take the chosen faces' templates.

    Interrupted, it leaves in the cache what was seen so far.

    Args:
        digests: SHA-256 of each photo, None where it cannot be read (`hash_photos`).
        done: told how many of how many photos are seen and how many of them show no face, in the calling
            thread.
    """
    begun = time.monotonic()
    unknown: dict[bytes, list[Photo]] = {}
    amiss = 0
    for photo, digest in zip(data.photos, digests, strict=False):
        if digest is None or not (digest in unknown or not _is_known(cache, photo, digest, choices)):
            look = None if digest is None else cache.find_look(digest)
            amiss += look is None or look.amiss is not None
        else:
            unknown.setdefault(digest, []).append(photo)
    known, total = len(data.photos) - len(unknown), len(data.photos)
    done(known, total, amiss)
    looking = _look_at_all(vision, data, unknown, choices=choices, cache=cache, threads=threads)
    with closing(looking) as looks:  # Ctrl-C may come in `done`: what was seen is kept all the same
        for seen in looks:
            known += 1
            amiss += seen is None or seen.amiss is not None
            done(known, total, amiss)
    spent = (time.monotonic() - begun, len(unknown))
    return _assembled(data, digests, choices, cache, dimensions=vision.dimensions, spent=spent)


def _look_at_all(
    vision: Pipeline,
    data: DataSet,
    unknown: Mapping[bytes, Sequence[Photo]],
    *,
    choices: Sequence[FaceChoice],
    cache: TemplateCache,
    threads: int,
) -> Generator[Look | None]:
    """Each look as it comes, None where a file is not what was hashed; all are kept, however it ends."""

    def look(digest: bytes) -> Seen | None:
        try:
            content = read_photo(data.root, unknown[digest][0].path)
        except PhotoAmiss:
            return None
        # INVARIANT: what is kept under a digest was seen in those bytes; a file may change meanwhile.
        if hashlib.sha256(content).digest() != digest:
            return None
        return (digest, *look_at(vision, content, unknown[digest], choices))

    waiting: list[Seen] = []
    kept_s = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for digests in _batches(list(unknown)):
                for future in as_completed([pool.submit(look, digest) for digest in digests]):
                    if (seen := future.result()) is not None:
                        waiting.append(seen)
                    if time.monotonic() - kept_s > _KEEP_EVERY_S:
                        cache.put(waiting)
                        waiting, kept_s = [], time.monotonic()
                    yield None if seen is None else seen[1]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            cache.put(waiting)


def _batches(digests: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Few enough at once that what is seen of a million photos is not held until the end."""
    return (digests[start : start + _AT_ONCE] for start in range(0, len(digests), _AT_ONCE))


def look_at(
    vision: Pipeline, content: bytes, photos: Sequence[Photo], choices: Sequence[FaceChoice]
) -> tuple[Look, dict[int, Template]]:
    """What is in a photograph, and the templates of its chosen faces by their place.

    Args:
        photos: entries of the data set with these very bytes: labelled faces may differ.
    """
    try:
        pixels = vision.decode(content)
    except ImageTooLargeException:
        return Look(Amiss.TOO_LARGE, 0, 0, _NOTHING), {}
    except InvalidImageFormatException:
        return Look(Amiss.BROKEN, 0, 0, _NOTHING), {}
    except InvalidParameterException:
        return Look(Amiss.TOO_SMALL, 0, 0, _NOTHING), {}
    detection = vision.detect(pixels)
    seen = _to_look(detection)
    chosen = sorted(
        {face for photo in photos for face in _chosen(seen, photo, choices).values() if face is not None}
    )
    if not chosen:
        return seen, {}
    try:
        templates = vision.embed(pixels, [detection.faces[face] for face in chosen])
    except DegenerateLandmarks:
        return replace(seen, amiss=Amiss.NO_POINTS, faces=_NOTHING), {}
    return seen, dict(zip(chosen, templates, strict=True))


def overlap(a: PixelBox, b: PixelBox) -> float:
    """Intersection over union of two boxes."""
    across = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    down = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    both = max(across, 0.0) * max(down, 0.0)
    return both / (a.area_px + b.area_px - both) if both > 0.0 else 0.0


def boxes_of(look: Look) -> tuple[PixelBox, ...]:
    """The boxes of all faces that were found."""
    return tuple(PixelBox(*map(float, face[:4])) for face in look.faces)


def _chosen(look: Look, photo: Photo, choices: Sequence[FaceChoice]) -> dict[FaceChoice, int | None]:
    return {choice: _choose(look, photo, choice) for choice in choices}


def _choose(look: Look, photo: Photo, choice: FaceChoice) -> int | None:
    """Place of the chosen face among those found; None where it is not among them."""
    boxes = boxes_of(look)
    if not boxes:
        return None
    if choice is FaceChoice.MIDDLE:
        return min(range(len(boxes)), key=lambda face: _from_middle(look, boxes[face]))
    if choice is FaceChoice.LABELLED and photo.box is not None:
        labelled = photo.box
        best = max(range(len(boxes)), key=lambda face: overlap(boxes[face], labelled))
        return best if overlap(boxes[best], labelled) >= SAME_FACE_IOU else None
    return 0


def _from_middle(look: Look, box: PixelBox) -> float:
    """Distance of a face's middle from the photo's, pixels."""
    across = box.left + box.width / 2 - look.width / 2
    down = box.top + box.height / 2 - look.height / 2
    return math.hypot(across, down)


def _to_look(detection: Detection) -> Look:
    rows = [
        (
            *(face.box.left, face.box.top, face.box.width, face.box.height),
            *(face.confidence, face.quality.brightness, face.quality.sharpness),
        )
        for face in detection.faces
    ]
    faces = np.array(rows, np.float32).reshape(-1, len(FACE_COLUMNS))
    return Look(None if rows else Amiss.NO_FACE, detection.image_width, detection.image_height, faces)


def _is_known(cache: TemplateCache, photo: Photo, digest: bytes, choices: Sequence[FaceChoice]) -> bool:
    look = cache.find_look(digest)
    return look is not None and all(
        face is None or cache.find_template(digest, face) is not None
        for face in _chosen(look, photo, choices).values()
    )


def _assembled(
    data: DataSet,
    digests: Sequence[bytes | None],
    choices: Sequence[FaceChoice],
    cache: TemplateCache,
    *,
    dimensions: int,
    spent: tuple[float, int],
) -> Embedded:
    looks = tuple(
        None if digest is None else cache.find_look(digest) for digest in digests[: len(data.photos)]
    )
    samples: dict[FaceChoice, Samples] = {}
    amiss: dict[FaceChoice, tuple[Amiss | None, ...]] = {}
    for choice in choices:
        templates: NDArray[np.float32] = np.zeros((len(data.photos), dimensions), np.float32)
        reasons: list[Amiss | None] = []
        for row, (photo, digest, look) in enumerate(zip(data.photos, digests, looks, strict=False)):
            face = None if look is None else _choose(look, photo, choice)
            template = None if digest is None or face is None else cache.find_template(digest, face)
            if template is not None:
                templates[row] = template
            reasons.append(None if template is not None else _reason(data, photo, look))
        enrolled = np.array([reason is None for reason in reasons], np.bool_)
        samples[choice], amiss[choice] = Samples(templates, data.subjects, enrolled), tuple(reasons)
    return Embedded(samples, looks, amiss, *spent)


def _reason(data: DataSet, photo: Photo, look: Look | None) -> Amiss:
    if look is None:
        return Amiss.UNREADABLE if (data.root / photo.path).exists() else Amiss.MISSING
    return look.amiss or Amiss.OTHER_FACE
