"""The photographs that are measured on: whole data sets, and pictures of a given size made from them."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from countenance.errors import SetupError
from countenance.measuring import data_sets
from countenance.measuring.folders import load_folder
from countenance.measuring.photos import data_digest, hash_photos

REPOSITORY = Path(__file__).resolve().parent.parent
OUT = REPOSITORY / "bench" / "out"
DEFAULT_PHOTOS = REPOSITORY.parent / "shared" / "data" / "lfw-dev"
SIZES = {"VGA": (640, 480), "1080p": (1920, 1080)}


@dataclass(frozen=True)
class DataSet:
    """A folder of folders, one a person.

    Attributes:
        root: the folder.
        files: every photo, relative to `root`, sorted.
        subjects: (n,) the person's number of each file.
        people: names, by number.
        digest: SHA-256 over names and bytes.
        listed: the same as `countenance evaluate` has it.
        digests: SHA-256 of each file.
    """

    root: Path
    files: tuple[str, ...]
    subjects: NDArray[np.int64]
    people: tuple[str, ...]
    digest: str
    listed: data_sets.DataSet
    digests: tuple[bytes | None, ...]

    @property
    def name(self) -> str:
        return self.root.name


def load_data_set(root: Path) -> DataSet:
    try:
        listed = load_folder(root)
    except SetupError as error:
        raise SystemExit(f"{error.problem}: give --photos DIR, a folder of folders, one a person") from None
    digests = hash_photos(listed.root, listed.photos, threads=os.cpu_count() or 1)
    return DataSet(
        root=listed.root,
        files=listed.files,
        subjects=listed.subjects,
        people=listed.people,
        digest=data_digest(listed, digests),
        listed=listed,
        digests=tuple(digests),
    )


def one_photo_of_each(data: DataSet, *, people: int, seed: int = 7) -> list[Path]:
    """The first photos of so many people drawn at random."""
    chosen = np.random.default_rng(seed).permutation(len(data.people))[:people]
    first = {
        int(subject): file for subject, file in reversed(list(zip(data.subjects, data.files, strict=True)))
    }
    return [data.root / first[int(person)] for person in chosen]


def picture_of(photo: Path, *, size: tuple[int, int]) -> bytes:
    """The photo at the height of the picture, before itself enlarged and blurred, as JPEG.

    The way television shows an upright photo: one face, a third to a half of the picture's height.
    """
    width, height = size
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    background = image.resize((width, width)).crop((0, (width - height) // 2, width, (width + height) // 2))
    background = background.filter(ImageFilter.GaussianBlur(height / 12))
    background.paste(image.resize((height, height), Image.Resampling.LANCZOS), ((width - height) // 2, 0))
    encoded = io.BytesIO()
    background.save(encoded, "JPEG", quality=90)
    return encoded.getvalue()
