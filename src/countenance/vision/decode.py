"""From the bytes of a JPEG or PNG to pixels.

Sizes are judged from the header before memory is spent, and metadata never reaches the decoder
(vision/container.py). EXIF orientation is applied to JPEG only, as the contract says.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import JpegImagePlugin, PngImagePlugin
from PIL.Image import Image

from countenance.errors import (
    ImageTooLargeException,
    InvalidImageFormatException,
    InvalidParameterException,
)
from countenance.types import Pixels
from countenance.vision.container import Container, parse_container

_STRIP_PX = 1 << 21
"""Pixels handed from the decoder's memory to ours at a time."""

# The plugins themselves, not Image.open: which formats and which sizes are taken is decided here,
# and Image.open would warn of a large picture where this module answers.
_PLUGINS = {"JPEG": JpegImagePlugin.JpegImageFile, "PNG": PngImagePlugin.PngImageFile}

# What Pillow raises on files that are broken, as found by fuzzing it.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError),
    *(AttributeError, AssertionError, struct.error, zlib.error),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may be.

    Attributes:
        min_side_px: AWS's least width and height for face operations.
        max_side_px: largest width and height.
        max_pixels: largest width times height.
        max_decoded_pixels: largest width times height times scans: a progressive JPEG of a few
            kilobytes can ask for hundreds of passes over a hundred megapixels.
    """

    min_side_px: int = 80
    max_side_px: int = 10_000
    max_pixels: int = 100_000_000
    max_decoded_pixels: int = 2_000_000_000


def decode(data: bytes, limits: Limits = Limits()) -> Pixels:
    """Decode a JPEG or PNG, by its content, to what a viewer would show.

    Any colour mode becomes RGB: grey, palette, CMYK, 16 bits a channel (the upper 8 are kept); an
    alpha channel is dropped. Of a file with several pictures (MPO, APNG) it is the first.

    Returns:
        (H, W, 3) RGB uint8, EXIF orientation applied for JPEG.

    Raises:
        InvalidImageFormatException: not a JPEG or PNG, or a broken or truncated one.
        ImageTooLargeException: over `limits`, which the header alone decides.
        InvalidParameterException: a side under `limits.min_side_px`.
    """
    container = parse_container(data)
    _check(container, limits)
    try:
        with _PLUGINS[container.kind](BytesIO(container.picture)) as image:
            if image.size != (container.width, container.height):
                raise InvalidImageFormatException
            image.load()
            pixels = _to_pixels(image)
    except _BROKEN:
        raise InvalidImageFormatException from None
    return _upright(pixels, container.orientation)


def count_pixels(data: bytes, limits: Limits = Limits()) -> int:
    """Width times height that `decode` would come to, from the header alone; errors as there."""
    container = parse_container(data)
    _check(container, limits)
    return container.width * container.height


def _check(container: Container, limits: Limits) -> None:
    width, height = container.width, container.height
    if max(width, height) > limits.max_side_px or width * height > limits.max_pixels:
        raise ImageTooLargeException
    if min(width, height) < limits.min_side_px:
        raise InvalidParameterException
    if width * height * container.scans > limits.max_decoded_pixels:
        raise InvalidImageFormatException


def _to_pixels(image: Image) -> Pixels:
    """Copied strip by strip: a picture of 100 megapixels is held once there and once here."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, _STRIP_PX // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = image.crop((0, top, width, bottom))
        if strip.mode.startswith("I"):  # 16-bit grey, which Pillow would clip instead of scaling
            pixels[top:bottom] = (np.asarray(strip).astype(np.uint32) >> 8).astype(np.uint8)[..., None]
        else:
            pixels[top:bottom] = np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))
    return pixels


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo what EXIF says the camera did (1-8, as in the TIFF specification's table of row 0, column 0)."""
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
