"""What a JPEG or PNG file says of itself, read before any pixel is: size, orientation, and no more.

Decoders have their accidents in metadata (EXIF, colour profiles, compressed text) that faces do not
need. So the file is walked here, its size judged from its header, and only the parts that make the
picture are handed on.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from countenance.errors import InvalidImageFormatException

_JPEG_START = b"\xff\xd8\xff"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS_OF_THE_PICTURE = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})

_TEMPORARY, _RESTART_0, _START, _END, _SCAN = 0x01, 0xD0, 0xD8, 0xD9, 0xDA
_APP_0, _APP_1, _APP_14, _APP_15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF_HEADER = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112
_SHORT = 3
# In coded data 0xFF is followed by 0x00 or a restart marker.
_AMONG_SCANS = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")


@dataclass(frozen=True, slots=True)
class Container:
    """A picture file, understood but not decoded.

    Attributes:
        kind: by content; a file's name is never asked.
        width: in pixels, as stored (before orientation).
        height: in pixels, as stored.
        orientation: EXIF 1-8; 1 where a JPEG says nothing valid, and for every PNG.
        scans: how often a decoder goes over the whole picture (progressive JPEG); 1 for PNG.
        picture: the file less its metadata.
    """

    kind: Literal["JPEG", "PNG"]
    width: int
    height: int
    orientation: int
    scans: int
    picture: bytes


def parse_container(data: bytes) -> Container:
    """Read the header of a JPEG or PNG file.

    Raises:
        InvalidImageFormatException: neither, or broken before its pixels begin.
    """
    try:
        if data.startswith(_JPEG_START):
            return _parse_jpeg(data)
        if data.startswith(_PNG_SIGNATURE):
            return _parse_png(data)
    except (struct.error, IndexError):
        raise InvalidImageFormatException from None
    raise InvalidImageFormatException


def _parse_jpeg(data: bytes) -> Container:
    kept = [b"\xff\xd8"]
    frame: tuple[int, int] | None = None
    orientation = 1
    at = 2
    while True:
        marker, at = _next_marker(data, at)
        if marker == _TEMPORARY or _RESTART_0 <= marker <= _START:
            continue
        if marker == _END:
            raise InvalidImageFormatException
        (length,) = struct.unpack_from(">H", data, at)
        segment = data[at : at + length]
        if length < 2 or len(segment) < length:
            raise InvalidImageFormatException
        if marker == _SCAN:
            break
        if marker in _FRAMES and frame is None:
            height, width = struct.unpack_from(">HH", segment, 3)
            frame = width, height
        if marker == _APP_1 and orientation == 1:
            orientation = parse_exif_orientation(segment[2:])
        if not _is_jpeg_metadata(marker):
            kept.append(bytes((0xFF, marker)) + segment)
        at += length
    if frame is None or 0 in frame:
        raise InvalidImageFormatException
    kept.append(data[at - 2 :])
    return Container("JPEG", *frame, orientation, _count_scans(data, at - 2), b"".join(kept))


def _count_scans(data: bytes, at: int) -> int:
    """From the first scan to the picture's end; cameras append further pictures and films."""
    scans = 0
    while (found := _AMONG_SCANS.search(data, at)) and found[1][0] != _END:
        scans += found[1][0] == _SCAN
        length = int.from_bytes(data[found.end() : found.end() + 2])
        at = found.end() + max(length, 2)
    return scans


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    if data[at] != 0xFF:
        raise InvalidImageFormatException
    while data[at] == 0xFF:
        at += 1
    return data[at], at + 1


def _is_jpeg_metadata(marker: int) -> bool:
    """APP0 (JFIF) and APP14 (Adobe) say how colours are stored: they are part of the picture."""
    return marker == _COMMENT or (_APP_0 <= marker <= _APP_15 and marker not in {_APP_0, _APP_14})


def parse_exif_orientation(segment: bytes) -> int:
    """The orientation, 1-8, that a JPEG's APP1 segment states; 1 if it states none that is valid."""
    if not segment.startswith(_EXIF_HEADER):
        return 1
    tiff = segment[len(_EXIF_HEADER) :]
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, directory + 2 + 12 * entry)
            if tag == _ORIENTATION_TAG:
                return value if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:  # the directory lies outside the segment
        return 1
    return 1


def _parse_png(data: bytes) -> Container:
    kept = [_PNG_SIGNATURE]
    at = len(_PNG_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        if len(chunk) < 12 + length:
            raise InvalidImageFormatException
        if kind in _PNG_CHUNKS_OF_THE_PICTURE:
            kept.append(chunk)
        at += 12 + length
    if len(kept) < 2 or kept[1][4:8] != b"IHDR":
        raise InvalidImageFormatException
    width, height = struct.unpack_from(">II", kept[1], 8)
    if 0 in {width, height}:
        raise InvalidImageFormatException
    return Container("PNG", width, height, 1, 1, b"".join(kept))
