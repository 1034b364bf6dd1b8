"""Files of a data set: read within its folder alone, hashed, and told apart from what cannot be read."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet, Photo

_LARGEST_FILE: Final = 256 * 1024 * 1024


class Amiss(StrEnum):
    """Why a sample has no template (ISO/IEC 19795-1: failure to enrol)."""

    MISSING = "file missing"
    UNREADABLE = "file unreadable"
    BROKEN = "no picture, or a broken one"
    TOO_SMALL = "picture too small"
    TOO_LARGE = "picture too large"
    NO_FACE = "no face found"
    NO_POINTS = "the face's points coincide"
    OTHER_FACE = "labelled face not found"


class PhotoAmiss(Exception):
    """A photograph that cannot be looked at, and why."""

    def __init__(self, reason: Amiss) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Photographs that are the same byte for byte as an earlier one.

    Attributes:
        within_subjects: of the same subject: their mated trials compare a photo with itself.
        across_subjects: of another subject: one of the two labels is wrong.
    """

    within_subjects: int
    across_subjects: int


def is_within(root: Path, path: str) -> bool:
    """Whether the path, links followed, stays beneath `root`.

    # INVARIANT: nothing outside a data set's folder is read, whatever a table or a link says.
    """
    return _find_within(root, path) is not None


def read_photo(root: Path, path: str) -> bytes:
    """The bytes of a photograph.

    Raises:
        PhotoAmiss: it is not there or cannot be read.
        SetupError: it lies outside the folder.
    """
    found_at = _find_within(root, path)
    if found_at is None:
        raise SetupError(
            "a photo of the data set lies outside its folder", remedy="copy it in: links out are not followed"
        )
    try:
        # Not to wait for whoever should write into a pipe.
        descriptor = os.open(found_at, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise PhotoAmiss(Amiss.UNREADABLE)
            if found.st_size > _LARGEST_FILE:
                raise PhotoAmiss(Amiss.TOO_LARGE)
            return file.read(_LARGEST_FILE)
    except (FileNotFoundError, NotADirectoryError):
        raise PhotoAmiss(Amiss.MISSING) from None
    except OSError:
        raise PhotoAmiss(Amiss.UNREADABLE) from None


def _find_within(root: Path, path: str) -> str | None:
    """Where the file is, links followed; None where that is not beneath `root`."""
    if "\0" in path:
        return None
    base, found = os.path.realpath(root), os.path.realpath(root / path)
    return found if os.path.commonpath([base, found]) == base else None


def hash_photos(
    root: Path, photos: Sequence[Photo], *, threads: int, done: Callable[[int], None] = lambda _: None
) -> list[bytes | None]:
    """SHA-256 of each photograph, None where it cannot be read.

    Args:
        done: told how many are, now and then.
    """

    def of(photo: Photo) -> bytes | None:
        try:
            return hashlib.sha256(read_photo(root, photo.path)).digest()
        except PhotoAmiss:
            return None

    digests: list[bytes | None] = []
    with ThreadPoolExecutor(threads) as pool:
        try:
            for digest in pool.map(of, photos):
                digests.append(digest)
                done(len(digests))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return digests


def data_digest(data: DataSet, digests: Sequence[bytes | None]) -> str:
    """SHA-256, hex, over all that the data set states and the bytes of its photographs.

    Args:
        digests: of `photos` and then of `attacks`, as `hash_photos` makes them.
    """
    whole = hashlib.sha256()
    for photo, digest in zip((*data.photos, *data.attacks), digests, strict=True):
        members = asdict(photo)
        if photo.pad_score is None:  # INVARIANT: data sets without scores keep the digests on record
            del members["pad_score"]
        stated = json.dumps(members, sort_keys=True, ensure_ascii=True)
        whole.update(f"{stated}\0{digest.hex() if digest else 'unreadable'}\n".encode())
    if data.pairs is not None:
        for column in (data.pairs.first, data.pairs.second, data.pairs.mated, data.pairs.fold):
            whole.update(column.astype("<i8").tobytes())
    return whole.hexdigest()


def count_duplicates(photos: Sequence[Photo], digests: Sequence[bytes | None]) -> Duplicates:
    """How many photographs repeat the bytes of another."""
    subjects: dict[bytes, list[str]] = defaultdict(list)
    for photo, digest in zip(photos, digests, strict=False):
        if digest is not None:
            subjects[digest].append(photo.subject)
    within = sum(len(names) - len(set(names)) for names in subjects.values())
    return Duplicates(within, sum(len(set(names)) - 1 for names in subjects.values()))
