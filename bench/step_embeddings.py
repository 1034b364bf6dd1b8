"""What each step of the pipeline makes of the photos of a data set, computed once and kept.

Of each photo the largest face and the one over its middle (the labelled one), aligned by the points of
every alignment that is compared, embedded by every network. Raw embeddings are kept, because their lengths
are what weights are made of. Each variant has a file of its own, so that another one costs its own time only.

Degraded photos are all photos made worse in one of three ways, by number: blurred (Gaussian), reduced and
enlarged again, or dark and noisy. The whole pipeline runs on them, and only on those of people with four
photos or more: nobody asks for the others.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Landmarks5, Pixels
from countenance.vision.centerface import CenterFace
from countenance.vision.decode import decode
from countenance.vision.detect import find_faces
from countenance.vision.embed import EmbedderPart
from countenance.vision.landmarker import Landmarker
from countenance.vision.packs import InstalledPack
from countenance.vision.raw_faces import RawFaces
from countenance.vision.refine import refine_landmarks
from countenance.vision.yunet import YuNet
from embeddings import syntax_digest
from photographs import OUT, DataSet

LARGEST, LABELLED = 0, 1
_LAYOUT: Final = 1
_DETECTORS: Final = {"yunet": YuNet, "centerface": CenterFace}
_CODE: Final = (
    "align",
    "centerface",
    "decode",
    "detect",
    "embed",
    "landmarker",
    "network_input",
    "raw_faces",
    "refine",
    "session",
    "yunet",
)
"""Modules that an embedding here depends on."""
_BLUR_PX: Final = 5.0
_REDUCED: Final = 8
_LIGHT: Final = 0.1
_NOISE: Final = 5.0
PHOTOS_OF_A_USER: Final = 3
_MOST_PHOTOS: Final = 13
Raw = NDArray[np.float32]
"""(n, 2, D): embeddings as the network gives them, of each photo's largest and labelled face; 0 of none."""


@dataclass(frozen=True)
class Variant:
    """One way from a found face to an embedding.

    Attributes:
        points: which alignment: `found` by the detector's first look, `refined` by its further looks,
            `landmarker`: the mean of those and the second network's, `alone`: the second network's.
        network: number of the pack's embedder.
        mirrored: of the crop's mirror image.
        scale: of the face in the crop, over the manifest's.
        linear: bilinear instead of bicubic interpolation.
        degraded: of the photo made worse.
    """

    points: str
    network: int = 0
    mirrored: bool = False
    scale: float = 1.0
    linear: bool = False
    degraded: bool = False


@dataclass(frozen=True)
class Points:
    """The points of two faces of each photo, the largest and the labelled one; zeros of none.

    Attributes:
        found: (n, 2, 5, 2) as the detector's first look has them.
        refined: (n, 2, 5, 2) as its further looks have them.
        faces: (n,) how many faces were found.
    """

    found: NDArray[np.float32]
    refined: NDArray[np.float32]
    faces: NDArray[np.int64]


class StepEmbeddings:
    """What one pack makes of a data set, step by step; computed when it is asked for, then kept."""

    def __init__(self, pack: InstalledPack, data: DataSet) -> None:
        self.pack, self.data = pack, data
        self._looked_at_worse = {int(row) for rows in photos_of_users(data) for row in rows}
        manifest = pack.manifest
        found_by = manifest.detector
        self.detector = _DETECTORS[found_by.kind](pack.path_of(found_by.artifact), found_by)
        spec = manifest.landmarker
        self.landmarker = None if spec is None else Landmarker(pack.path_of(spec.artifact), spec)

    def raw(self, variants: Mapping[str, Variant]) -> dict[str, Raw]:
        """By name; those that are missing are computed in one pass over the photos."""
        missing = {name: each for name, each in variants.items() if not self._kept(each).is_file()}
        if missing:
            self._embed(missing)
        return {name: np.load(self._kept(each)) for name, each in variants.items()}

    def points(self, *, worse: bool) -> Points:
        kept = self._file(f"points {worse}", ".npz")
        if not kept.is_file():
            self._find(kept, worse=worse)
        with np.load(kept) as arrays:
            return Points(arrays["found"], arrays["refined"], arrays["faces"])

    def picture(self, row: int, *, worse: bool) -> Pixels:
        pixels = decode((self.data.root / self.data.files[row]).read_bytes())
        return degraded(pixels, row) if worse else pixels

    def aligned_by(
        self, variant: Variant, pixels: Pixels, points: Points, place: tuple[int, int]
    ) -> Landmarks5:
        """The points that a variant aligns by."""
        if variant.points == "found":
            return points.found[place]
        refined = points.refined[place]
        if variant.points == "refined":
            return refined
        assert self.landmarker is not None, "the pack states a landmarker"
        improved = self.landmarker.improved(pixels, refined)
        return improved if variant.points == "landmarker" else 2 * improved - refined

    def part(self, variant: Variant) -> EmbedderPart:
        """The network of a variant, with its reference points."""
        spec = self.pack.manifest.embedders[variant.network]
        middle = np.array([spec.input_width_px, spec.input_height_px]) / 2
        moved = (np.array(spec.reference_points) - middle) * variant.scale + middle
        points = tuple((float(x), float(y)) for x, y in moved)
        return EmbedderPart(self.pack.path_of(spec.artifact), replace(spec, reference_points=points))

    def timed(self, row: int, parts: Sequence[EmbedderPart]) -> Iterator[tuple[str, float]]:
        """Step and seconds of processor time, of one photo's largest face."""
        begun = time.thread_time()
        pixels = self.picture(row, worse=False)
        faces = find_faces(self.detector, pixels)
        found = time.thread_time()
        yield "decode and detect", found - begun
        refined = refine_landmarks(self.detector, pixels, faces.take(np.array([0]))).landmarks[0]
        looked = time.thread_time()
        yield "looks", looked - found
        if self.landmarker is not None:
            self.landmarker.improved(pixels, refined)
            yield "landmarker", time.thread_time() - looked
        for number, part in enumerate(parts):
            begun = time.thread_time()
            part.raw(part.aligned(pixels, refined))
            yield f"embedder {number}", time.thread_time() - begun

    def _find(self, kept: Path, *, worse: bool) -> None:
        count = len(self.data.files)
        found, refined = (np.zeros((count, 2, 5, 2), np.float32) for _ in range(2))
        faces = np.zeros(count, np.int64)

        def look(row: int) -> None:
            if worse and row not in self._looked_at_worse:
                return
            pixels = self.picture(row, worse=worse)
            seen = find_faces(self.detector, pixels)
            faces[row] = len(seen)
            if len(seen):
                chosen = [0, _labelled(seen, pixels)]
                found[row] = seen.landmarks[chosen]
                refined[row] = refine_landmarks(self.detector, pixels, seen).landmarks[chosen]

        self._for_all(look, "looked at")
        _write(kept, lambda part: np.savez(part, found=found, refined=refined, faces=faces))

    def _embed(self, variants: Mapping[str, Variant]) -> None:
        points = {worse: self.points(worse=worse) for worse in {each.degraded for each in variants.values()}}
        parts = {name: self.part(each) for name, each in variants.items()}
        count = len(self.data.files)
        raw = {name: np.zeros((count, 2, part.spec.dimensions), np.float32) for name, part in parts.items()}

        def embed(row: int) -> None:
            for worse, of_all in points.items():
                if not of_all.faces[row]:
                    continue
                pixels = self.picture(row, worse=worse)
                of_both = of_all.refined[row]
                places = (0, 1) if np.any(of_both[0] != of_both[1]) else (0,)
                for name, each in variants.items():
                    if each.degraded == worse:
                        for place in places:
                            aligned = self.aligned_by(each, pixels, of_all, (row, place))
                            raw[name][row, place:] = _run(parts[name], each, pixels, aligned)

        self._for_all(embed, "embedded")
        for name, each in variants.items():
            _write(self._kept(each), lambda part, of=raw[name]: np.save(part, of))

    def _for_all(self, one: Callable[[int], None], done_so: str) -> None:
        count, begun = len(self.data.files), time.monotonic()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done, _ in enumerate(pool.map(one, range(count)), start=1):
                if done % 500 == 0:
                    left = (time.monotonic() - begun) / done * (count - done)
                    print(f"  {done} of {count} photos {done_so}, {left:.0f} s left", file=sys.stderr)

    def _kept(self, variant: Variant) -> Path:
        return self._file(str(variant), ".npy")

    def _file(self, what: str, suffix: str) -> Path:
        key = f"{_LAYOUT} {what} {self.pack.manifest.digest} {syntax_digest(_CODE)} {self.data.digest}"
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        return OUT / "steps" / f"{self.pack.manifest.name}-{name}{suffix}"


def photos_of_users(data: DataSet) -> list[NDArray[np.int64]]:
    """Rows of everybody with photos enough to be enrolled with three and searched with others; 13 at most."""
    photos = np.bincount(data.subjects)
    return [
        np.flatnonzero(data.subjects == person)[:_MOST_PHOTOS]
        for person in np.flatnonzero(photos > PHOTOS_OF_A_USER)
    ]


def degraded(pixels: Pixels, number: int) -> Pixels:
    """A photo made worse in one of three ways; the same for the same number."""
    if number % 3 == 0:
        return np.asarray(cv2.GaussianBlur(pixels, (0, 0), _BLUR_PX), np.uint8)
    if number % 3 == 1:
        height, width = pixels.shape[:2]
        small = cv2.resize(pixels, (width // _REDUCED, height // _REDUCED), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    noise = np.random.default_rng(1000 + number).normal(0, _NOISE, pixels.shape)
    return np.asarray(np.clip(np.rint(_LIGHT * pixels + noise), 0, 255), np.uint8)


def _run(part: EmbedderPart, variant: Variant, pixels: Pixels, points: Landmarks5) -> NDArray[np.float32]:
    how = cv2.INTER_LINEAR if variant.linear else cv2.INTER_CUBIC
    crop = part.aligned(pixels, points, interpolation=how)
    return part.raw(crop[:, ::-1] if variant.mirrored else crop)


def _write(kept: Path, write: Callable[[Path], None]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_name(f"part-{kept.name}")
    write(part)
    part.replace(kept)


def _labelled(faces: RawFaces, pixels: Pixels) -> int:
    middles = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    away = [math.hypot(*(each - np.array(pixels.shape[1::-1]) / 2)) for each in middles]
    return int(np.argmin(away))
