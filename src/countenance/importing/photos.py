"""From a file to what is sent: its bytes as they are, or made smaller where the API would not take them."""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from countenance.importing.records import Verdict

MOST_BYTES: Final = 5 * 1024 * 1024
"""That a request's photo may have."""
MOST_SIDE_PX: Final = 10_000
MOST_PX: Final = 100_000_000
LEAST_SIDE_PX: Final = 80
_LARGEST_FILE: Final = 256 * 1024 * 1024
_SHRUNK_PX: Final = (4096, 2896, 2048, 1448)
"""Longer side of a photo that was made smaller: the first that fits."""
_QUALITY: Final = 92
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_OTHERS: Final = (
    (0, b"GIF8", "GIF"),
    (0, b"BM", "BMP"),
    (0, b"II*\x00", "TIFF"),
    (0, b"MM\x00*", "TIFF"),
    (8, b"WEBP", "WebP"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIC"),
    (4, b"ftypmsf1", "HEIC"),
)


class NotSent(Exception):
    """A file that is not sent, and why."""

    def __init__(self, verdict: Verdict, detail: str, sha256: bytes | None = None) -> None:
        super().__init__(detail)
        self.verdict, self.detail, self.sha256 = verdict, detail, sha256


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo ready to be sent; `note` says if it is not the file's own bytes. `sha256`: of the file."""

    data: bytes
    sha256: bytes
    note: str = ""


def load_photo_file(root: Path, path: str) -> PhotoFile:
    """The photo at `path` beneath `root`.

    Raises:
        NotSent: it is not there, lies elsewhere, or is no photo that can be sent.
    """
    data = _read(_within(root, path))
    digest = hashlib.sha256(data).digest()
    if not data.startswith((_JPEG, _PNG)):
        kind = next((kind for at, mark, kind in _OTHERS if data[at : at + len(mark)] == mark), None)
        if kind is not None:
            raise NotSent(Verdict.UNSUPPORTED, f"a {kind} file", digest)
        raise NotSent(Verdict.BROKEN, "neither a JPEG nor a PNG" if data else "an empty file", digest)
    width, height = _size(data)
    if 0 < min(width, height) < LEAST_SIDE_PX:
        raise NotSent(
            Verdict.TOO_SMALL,
            f"{width} x {height} px, and at least {LEAST_SIDE_PX} a side are needed",
            digest,
        )
    if len(data) <= MOST_BYTES and max(width, height) <= MOST_SIDE_PX and width * height <= MOST_PX:
        return PhotoFile(data, digest)
    small, longer = _shrunk(data, digest)
    told = f"sent at {longer} px: the file has {len(data) / 2**20:.1f} MB and {width} x {height} px"
    return PhotoFile(small, digest, told)


def _within(root: Path, path: str) -> Path:
    """Where the file is, links followed.

    # INVARIANT: nothing outside the root is read, whatever a table or a link says.
    """
    base, found = os.path.realpath(root), os.path.realpath(root / path)
    if os.path.commonpath([base, found]) != base:
        raise NotSent(Verdict.MISSING, "it lies outside the source's folder")
    return Path(found)


def _read(path: Path) -> bytes:
    try:
        # Not to wait for whoever should write into a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise NotSent(Verdict.BROKEN, "no file")
            if found.st_size > _LARGEST_FILE:
                raise NotSent(Verdict.TOO_LARGE, f"{found.st_size / 2**20:.0f} MB")
            return file.read(_LARGEST_FILE)
    except (FileNotFoundError, NotADirectoryError):
        raise NotSent(Verdict.MISSING, "") from None
    except OSError as error:
        raise NotSent(Verdict.BROKEN, f"it cannot be read: {error.strerror or error}") from None


def _size(data: bytes) -> tuple[int, int]:
    """Width and height as the file's head says; 0 where it does not: the server says what is wrong."""
    with suppress(Exception), warnings.catch_warnings(), Image.open(BytesIO(data)) as photo:
        warnings.simplefilter("ignore")
        return photo.size
    return 0, 0


def _shrunk(data: bytes, digest: bytes) -> tuple[bytes, int]:
    """A JPEG of the photo that fits, upright, and its longer side in pixels."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a picture that takes more memory than one should have
            with Image.open(BytesIO(data)) as photo:
                photo.draft("RGB", (_SHRUNK_PX[0], _SHRUNK_PX[0]))
                upright = ImageOps.exif_transpose(photo).convert("RGB")
        for side in _SHRUNK_PX:
            upright.thumbnail((side, side), Image.Resampling.LANCZOS)
            target = BytesIO()
            upright.save(target, "JPEG", quality=_QUALITY)
            if target.tell() <= MOST_BYTES:
                return target.getvalue(), max(upright.size)
    except Image.DecompressionBombError:
        raise NotSent(Verdict.TOO_LARGE, "it has too many pixels", digest) from None
    except Image.DecompressionBombWarning:
        raise NotSent(Verdict.TOO_LARGE, "it has too many pixels", digest) from None
    except Exception as error:  # noqa: BLE001  # whatever a broken file makes a decoder say
        raise NotSent(Verdict.BROKEN, f"it cannot be made smaller: {type(error).__name__}", digest) from None
    raise NotSent(Verdict.TOO_LARGE, "it does not fit, however small", digest)
