"""Countenance as a library, without a server: detect, embed and compare in three lines.

    import countenance

    faces = countenance.detect("party.jpg")
    similarity = countenance.compare("ada.jpg", "party.jpg")

Photographs are given as paths, as the bytes of a JPEG or PNG file, or as pixels from `load_image`. The
models are those that `countenance models install` put into the cache; what is missing is installed
by the first call (COUNTENANCE_MODELS, COUNTENANCE_CACHE_DIR and COUNTENANCE_PACK say from where, where
to and which). Everything here is thread-safe.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from countenance.errors import InvalidImageFormatException, InvalidParameterException
from countenance.settings import Settings
from countenance.types import Cosine, Face, Pixels, Similarity, Template, Templates
from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.attributes.description import ATTRIBUTES, Description
from countenance.vision.install import PackStore
from countenance.vision.pipeline import Vision

Photograph = str | os.PathLike[str] | bytes | Pixels
"""A path, the bytes of a JPEG or PNG file, or (H, W, 3) RGB uint8 pixels."""


def load_image(photograph: str | os.PathLike[str] | bytes) -> Pixels:
    """Decode a JPEG or PNG file, EXIF orientation applied.

    Args:
        photograph: a path, or the file's bytes.

    Returns:
        (H, W, 3) RGB uint8.

    Raises:
        OSError: the file cannot be read.
        InvalidImageFormatException: not a JPEG or PNG, or a broken one.
        ImageTooLargeException: over 10,000 px a side or 100 megapixels.
        InvalidParameterException: under 80 px a side.
    """
    data = photograph if isinstance(photograph, bytes) else Path(photograph).read_bytes()
    return vision().decode(data)


def detect(photograph: Photograph) -> Sequence[Face]:
    """Find the faces of a photograph: box and five points in pixels, confidence, pose, quality.

    Returns:
        Largest box first, at most 100; empty when there is none.

    Raises:
        As `load_image`.
    """
    return vision().detect(_to_pixels(photograph)).faces


def embed(photograph: Photograph, faces: Sequence[Face] | None = None) -> Templates:
    """A template for each face: what a comparison compares.

    Args:
        photograph: where `faces` were found.
        faces: from `detect` on the same photograph; None for all that it finds.

    Returns:
        (N, D) float32, rows of unit length in the order of the faces; the dot product of two rows is
        their cosine. Templates of different model packs cannot be compared.

    Raises:
        As `load_image`.
    """
    pixels = _to_pixels(photograph)
    return vision().embed(pixels, detect(pixels) if faces is None else faces)


def describe(
    photograph: Photograph,
    faces: Sequence[Face] | None = None,
    *,
    attributes: Collection[str] = ("ALL",),
) -> list[Description]:
    """What the faces look like beside where they are: each value with what it is worth.

    Args:
        photograph: where `faces` were found.
        faces: from `detect` on the same photograph; None for all that it finds.
        attributes: names as DetectFaces has them: SMILE, EYEGLASSES, AGE_RANGE, ...; ALL for all, with the
            30 landmarks. What is not installed is absent: `countenance models install attributes`.

    Returns:
        One for each face, in their order.

    Raises:
        InvalidParameterException: a name that is none.
        SetupError: a file of the attribute pack was exchanged or damaged since it was looked at.
        As `load_image`.
    """
    known = ATTRIBUTES | {"ALL", "DEFAULT"}
    if unknown := sorted(set(attributes) - known):
        raise InvalidParameterException(
            f"there is no attribute `{unknown[0]}`; there are {', '.join(sorted(known))}"
        )
    pixels = _to_pixels(photograph)
    everything = "ALL" in attributes
    wanted = ATTRIBUTES if everything else ATTRIBUTES & set(attributes)
    return analyst().describe(
        pixels, detect(pixels) if faces is None else faces, wanted, landmarks=everything
    )


def compare(a: Photograph, b: Photograph) -> Similarity:
    """How similar the largest face of one photograph is to the largest of another.

    Returns:
        0-100 and calibrated: 80 is a false match rate of 1e-4 per comparison, 99 is 1e-6. Whether that
        is a match depends on what a mistake costs; a search among N faces makes N comparisons.

    Raises:
        InvalidParameterException: a photograph without a face.
        As `load_image`.
    """
    templates = [_largest_template(photograph) for photograph in (a, b)]
    return vision().calibration.similarity_of(Cosine(float(np.vdot(*templates))))


@functools.cache
def vision() -> Vision:
    """The model pack that these functions use, loaded once a process.

    Raises:
        SetupError: no pack is installed and none can be had; says what to do.
    """
    settings = Settings.from_env()
    return Vision(PackStore(settings.cache_dir, settings.models).default_pack(settings.pack))


@functools.cache
def analyst() -> Analyst:
    """What attributes are read with: the files that are installed, loaded when first needed."""
    settings = Settings.from_env()
    return Analyst(AttributeStore(settings.cache_dir, settings.models).at_hand())


def _largest_template(photograph: Photograph) -> Template:
    pixels = _to_pixels(photograph)
    faces = detect(pixels)
    if not faces:
        raise InvalidParameterException("There are no faces in the image. Should be at least 1.")
    return np.asarray(vision().embed(pixels, faces[:1])[0])


def _to_pixels(photograph: Photograph) -> Pixels:
    if not isinstance(photograph, np.ndarray):
        return load_image(photograph)
    if photograph.ndim != 3 or photograph.shape[2] != 3 or photograph.dtype != np.uint8:
        raise InvalidImageFormatException(
            f"pixels must be (H, W, 3) RGB uint8, not {photograph.shape} {photograph.dtype}"
        )
    return photograph
