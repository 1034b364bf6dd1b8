"""From the wire's `Image` to a photograph with its faces."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from countenance.errors import InvalidParameterException, InvalidS3ObjectException
from countenance.operations.call_report import Shown
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import ratio_box
from countenance.types import Detection, Face, ImageId, Pixels, Templates, WeighedTemplate
from countenance.vision.pipeline import Vision
from countenance.vision.quality_filter import Level, reasons_against
from countenance.vision.same_face import find_same
from countenance.wire.shapes import Image, Reason

MAX_S3_OBJECT_BYTES: Final = 15 * 1024 * 1024
NO_FACE: Final = "There are no faces in the image. Should be at least 1."
"""Word for word as AWS says it: clients match on it."""
_IMAGE_IDS: Final = uuid.UUID("7b0f4c5e-5f5c-4b41-9c68-0b9f2a3f6d11")
"""Namespace of ImageIds; changing it would make known pictures look new."""


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photograph with the faces found in it.

    Attributes:
        image_id: the same for the same bytes, everywhere and always.
    """

    image_id: ImageId
    pixels: Pixels
    detection: Detection
    _vision: Vision
    _shown: list[list[Shown]] | None = None

    def reasons_against(self, face: Face, level: Level) -> tuple[Reason, ...]:
        """Why the quality filter rejects one of the photo's faces; empty if it does not."""
        width, height = self.detection.image_width, self.detection.image_height
        reasons = reasons_against(face, image_width=width, image_height=height, level=level)
        return cast("tuple[Reason, ...]", reasons)

    def find_probe(self, level: Level) -> Face | None:
        """The largest face, if there is one and the quality filter lets it pass.

        A smaller face never takes its place: a search must not be about somebody else than the
        person whom the picture shows first.
        """
        largest = next(iter(self.detection.faces), None)
        return None if largest is None or self.reasons_against(largest, level) else largest

    def require_probe(self, level: Level) -> Face:
        """As `find_probe`.

        Raises:
            InvalidParameterException: there is none.
        """
        probe = self.find_probe(level)
        if probe is None:
            raise InvalidParameterException(NO_FACE)
        return probe

    def embed(self, *faces: Face) -> Templates:
        """(N, D) float32, a unit row for each of the photo's faces given.

        Where people will look at what is found, pictures of these faces are kept for them.
        """
        if self._shown is not None:
            self._shown.append([self._show(face) for face in faces])
        return self._vision.embed(self.pixels, faces)

    def embed_weighed(self, *faces: Face) -> list[WeighedTemplate]:
        """As `embed`, for enrolment."""
        return _weighed(self._vision, self.pixels, faces)

    def embed_with(self, vision: Vision, *faces: Face) -> list[WeighedTemplate | None]:
        """What another pack makes of each of the photo's faces given; None where it does not find it."""
        detection = vision.detect(self.pixels)
        same = [find_same(detection, ratio_box(face, self.detection)) for face in faces]
        found = [face for face in same if face is not None]
        templates = iter(_weighed(vision, self.pixels, found))
        return [None if face is None else next(templates) for face in same]

    def _show(self, face: Face) -> Shown:
        quality = {
            "Confidence": float(face.confidence),
            "Brightness": face.quality.brightness,
            "Sharpness": face.quality.sharpness,
        }
        return Shown(ratio_box(face, self.detection), self.cut_crop(face), quality)

    def cut_crop(self, face: Face) -> bytes:
        """A picture of one of the photo's faces, for a vault."""
        return self._vision.cut_crop(self.pixels, face)


def _weighed(vision: Vision, pixels: Pixels, faces: Sequence[Face]) -> list[WeighedTemplate]:
    templates, weights = vision.embed_weighed(pixels, faces)
    return [
        WeighedTemplate(template, float(weight)) for template, weight in zip(templates, weights, strict=True)
    ]


def image_id_of(digest: str) -> ImageId:
    """What a photograph is known by: the same for the same bytes; `digest` is their SHA-256, hexadecimal."""
    return ImageId(uuid.uuid3(_IMAGE_IDS, digest))


def load_photo(image: Image, vision: Vision, deps: Deps) -> Photo:
    """Read, decode and detect.

    Raises:
        InvalidParameterException: not exactly one of Bytes and S3Object; under 80 px a side.
        InvalidS3ObjectException: the object is not there or not for this account.
        InvalidImageFormatException: not a JPEG or PNG, or a broken one.
        ImageTooLargeException: an object over 15 MB; over 10,000 px a side or 100 megapixels.
    """
    data = read_image(image, deps)
    digest = hashlib.sha256(data).hexdigest()
    deps.report.inputs.append(digest)
    pixels = vision.decode(data)
    detection = vision.detect(pixels)
    deps.report.scenes.append(vision.scene_hash(pixels, detection.faces))
    return Photo(image_id_of(digest), pixels, detection, vision, deps.shown)


def read_image(image: Image, deps: Deps) -> bytes:
    """The bytes that `image` holds or names; for the errors see `load_photo`."""
    data, reference = image.get("Bytes"), image.get("S3Object")
    if (data is None) == (reference is None):
        raise InvalidParameterException
    if data is not None:
        return data
    assert reference is not None
    bucket, key = reference.get("Bucket"), reference.get("Name")
    if bucket is None or key is None:
        raise InvalidS3ObjectException("Request has invalid S3 object")
    return deps.objects.read(
        deps.caller.account_id,
        bucket,
        key,
        version=reference.get("Version"),
        max_bytes=MAX_S3_OBJECT_BYTES,
    )
