"""Probes for `quality`: photos made worse by known steps, and what is measured of each beside its similarity.

Kept in the user's cache folder for each state of pipeline and photos: the first run takes minutes, the next
seconds.
"""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.types import Cosine, Face, Pixels
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.attributes.light_q_net import LightQNet
from countenance.vision.pipeline import Vision
from countenance.vision.pipeline_digest import syntax_of
from embeddings import code_digest
from packs import bench_settings, installed_pack
from photographs import DataSet

PEOPLE, PHOTOS, REFERENCES, SEED = 400, 5, 3, 17
_CLIPPED = 250
"""Luma from which a pixel says nothing any more."""
COLUMNS = (
    *("subject", "similarity", "sharpness", "brightness", "eyes_px", "size_px", "yaw", "pitch"),
    *("confidence", "glare", "weight", "lightqnet"),
)


def blurred(pixels: Pixels, share: float, eyes_px: float) -> Pixels:
    """`share`: sigma over the distance of the eyes."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), share * eyes_px), np.uint8)


def smaller(pixels: Pixels, wanted_px: float, eyes_px: float) -> Pixels:
    """The photo made smaller until the eyes are so far apart, in a frame of the size that it had."""
    height, width = pixels.shape[:2]
    factor = wanted_px / eyes_px
    if factor >= 1:
        return pixels
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    return np.asarray(
        cv2.copyMakeBorder(
            small, top, height - size[1] - top, left, width - size[0] - left, cv2.BORDER_REPLICATE
        )
    )


def darker(pixels: Pixels, light: float, eyes_px: float) -> Pixels:
    """So much of the light, as a sensor of eight bits with some noise has it."""
    del eyes_px
    linear = (pixels.astype(np.float32) / 255) ** 2.2 * light
    noise = np.random.default_rng(SEED).normal(0, 1.0, pixels.shape)
    return np.clip(255 * linear ** (1 / 2.2) + noise, 0, 255).astype(np.uint8)


def overexposed(pixels: Pixels, light: float, eyes_px: float) -> Pixels:
    """So many times the light, clipped at white."""
    del eyes_px
    linear = np.minimum((pixels.astype(np.float32) / 255) ** 2.2 * light, 1.0)
    return (255 * linear ** (1 / 2.2)).astype(np.uint8)


def noisy(pixels: Pixels, sigma: float, eyes_px: float) -> Pixels:
    del eyes_px
    noise = np.random.default_rng(SEED).normal(0, sigma, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def compressed(pixels: Pixels, quality: float, eyes_px: float) -> Pixels:
    """By JPEG."""
    del eyes_px
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, round(quality)])
    return np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


WAYS: dict[str, tuple[Callable[[Pixels, float, float], Pixels], tuple[float, ...]]] = {
    "blur": (blurred, (0.04, 0.06, 0.08, 0.10, 0.13)),
    "distance": (smaller, (20, 14, 11, 9, 7, 6)),
    "darkness": (darker, (0.3, 0.1, 0.03, 0.01, 0.004)),
    "overexposure": (overexposed, (1.6, 2.2, 3, 6, 12)),
    "noise": (noisy, (10, 20, 35)),
    "jpeg": (compressed, (12, 5)),
}
"""What is done to a photo, and how much, from little to much."""


@dataclass(frozen=True)
class Probes:
    """What was measured.

    Attributes:
        rows: way and level → (N, COLUMNS) of the faces that were found; `natural` with level 0 is of photos
            as they are, `clean` of the one photo of each person that is then made worse.
        tried: way and level → probes, found or not.
    """

    rows: dict[tuple[str, float], NDArray[np.float64]]
    tried: dict[tuple[str, float], int]

    def column(self, name: str, way: str, level: float = 0.0) -> NDArray[np.float64]:
        return self.rows[way, level][:, COLUMNS.index(name)]


@dataclass(frozen=True)
class Seen:
    """One face: `told` are the COLUMNS from the third on."""

    template: NDArray[np.float32]
    told: tuple[float, ...]
    apart_px: float


class Measurer:
    """Similarity and measures of the face in the middle of a photo."""

    def __init__(self) -> None:
        self.vision = Vision(installed_pack("standard"))
        settings = bench_settings()
        attributes = AttributeStore(settings.cache_dir, settings.models).at_hand()
        if "quality" not in attributes.files:
            raise SystemExit("LightQNet is missing: countenance models install attributes --models DIR")
        self.lightqnet = LightQNet(attributes.read("quality"))

    def face(self, pixels: Pixels) -> Face | None:
        """The one over the middle, if there is any."""
        height, width = pixels.shape[:2]
        found = [
            (_off_middle(face, width, height), face)
            for face in self.vision.detect(pixels).faces
            if _off_middle(face, width, height) < 0.2 * width
        ]
        return min(found, key=lambda each: each[0])[1] if found else None

    def look(self, pixels: Pixels) -> Seen | None:
        """What is measured of the face in the middle; None where there is none."""
        face = self.face(pixels)
        if face is None:
            return None
        (template,), (weight,) = self.vision.embed_weighed(pixels, [face])
        told = [
            *(face.quality.sharpness, face.quality.brightness, eyes_px(face)),
            *(min(face.box.width, face.box.height), face.pose.yaw_deg, face.pose.pitch_deg),
            *(face.confidence, glare(pixels, face), float(weight)),
            self.lightqnet.measure(pixels, face.landmarks),
        ]
        return Seen(np.asarray(template), tuple(told), eyes_px(face))

    def rows(self, subject: int, seen: Seen | None, references: Sequence[Seen]) -> list[list[float]]:
        """A row for each reference; none where no face was found."""
        if seen is None:
            return []
        similarity = self.vision.calibration.similarity_of
        return [
            [subject, float(similarity(Cosine(float(each.template @ seen.template)))), *seen.told]
            for each in references
        ]


def eyes_px(face: Face) -> float:
    return float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))


def glare(pixels: Pixels, face: Face) -> float:
    """The share of the face's box that is as good as white."""
    left, top = max(0, int(face.box.left)), max(0, int(face.box.top))
    part = pixels[top : int(face.box.top + face.box.height), left : int(face.box.left + face.box.width)]
    return float((cv2.cvtColor(part, cv2.COLOR_RGB2GRAY) >= _CLIPPED).mean()) if part.size else 0.0


def _off_middle(face: Face, width: int, height: int) -> float:
    return math.hypot(
        face.box.left + face.box.width / 2 - width / 2, face.box.top + face.box.height / 2 - height / 2
    )


def load_probes(data: DataSet) -> Probes:
    recipe = f"{code_digest()} {data.digest}".encode() + syntax_of(Path(__file__).read_bytes())
    digest = hashlib.sha256(recipe).hexdigest()[:24]
    kept = bench_settings().cache_dir / "bench" / f"quality-{digest}.npz"
    if not kept.is_file():
        found = _measure_all(data)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            kept,
            tried=np.array([found.tried[key] for key in found.rows]),
            keys=np.array([f"{way} {level}" for way, level in found.rows]),
            **{str(index): rows for index, rows in enumerate(found.rows.values())},
        )
    with np.load(kept) as read:
        keys = [(word.split()[0], float(word.split()[1])) for word in read["keys"].tolist()]
        rows = {key: read[str(index)] for index, key in enumerate(keys)}
        return Probes(rows, dict(zip(keys, read["tried"].tolist(), strict=True)))


def _measure_all(data: DataSet) -> Probes:
    measurer = Measurer()
    cases = [("natural", 0.0), ("clean", 0.0), *((way, level) for way in WAYS for level in WAYS[way][1])]
    rows: dict[tuple[str, float], list[list[float]]] = {case: [] for case in cases}
    tried: dict[tuple[str, float], int] = dict.fromkeys(cases, 0)
    people = _people(data)
    begun_s = told_s = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        for done, each in enumerate(pool.map(lambda person: _of_person(measurer, data, person), people), 1):
            for case, (found, trials) in each.items():
                rows[case] += found
                tried[case] += trials
            if time.monotonic() - told_s > 15:
                told_s = time.monotonic()
                left_s = (told_s - begun_s) / done * (len(people) - done)
                print(f"  quality: {done} of {len(people)} people, {left_s:.0f} s left", file=sys.stderr)
    return Probes({case: np.array(found).reshape(-1, len(COLUMNS)) for case, found in rows.items()}, tried)


def _people(data: DataSet) -> list[int]:
    counts = np.bincount(data.subjects)
    several = np.flatnonzero(counts >= 2)
    return [int(each) for each in np.random.default_rng(SEED).permutation(several)[:PEOPLE]]


def _of_person(
    measurer: Measurer, data: DataSet, person: int
) -> dict[tuple[str, float], tuple[list[list[float]], int]]:
    """The first photo is made worse and compared with the next; each photo as it is, with all others."""
    files = [data.files[index] for index in np.flatnonzero(data.subjects == person)[:PHOTOS]]
    photos = [measurer.vision.decode((data.root / file).read_bytes()) for file in files]
    seen = [measurer.look(pixels) for pixels in photos]
    first, references = seen[0], [each for each in seen[1 : REFERENCES + 1] if each is not None]
    if first is None or not references:
        return {}
    natural: list[list[float]] = []
    for index, each in enumerate(seen):
        others = [other for place, other in enumerate(seen) if other is not None and place != index]
        natural += measurer.rows(person, each, others)
    found = {
        ("natural", 0.0): (natural, len(photos)),
        ("clean", 0.0): (measurer.rows(person, first, references), 1),
    }
    for way, (make, levels) in WAYS.items():
        for level in levels:
            worse = measurer.look(make(photos[0], level, first.apart_px))
            found[way, level] = measurer.rows(person, worse, references), 1
    return found
