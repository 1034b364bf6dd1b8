"""Templates of a whole data set through the real pipeline, computed once for each state of things.

Two of each photo: of its largest face, which is what the service takes, and of the face over the
middle of the photo, which is the one that Labeled Faces in the Wild labels. In some photos somebody
else is larger; the first kind counts that as an error of the pipeline, the second shows the rest.

The cache is keyed by what a template depends on: the pack's digest, the pipeline's code (as its
syntax tree, so that a comment changes nothing), the libraries that decode, warp and run, the data.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from countenance.evaluation.trials import Samples
from countenance.types import Detection
from countenance.vision.packs import InstalledPack
from countenance.vision.pipeline import Vision
from photographs import OUT, REPOSITORY, DataSet

_VISION = REPOSITORY / "src" / "countenance" / "vision"
_NOT_IN_A_TEMPLATE = (
    "install",
    "fetch",
    "progress",
    "pinned_files",
    "packs",
    "manifest",
    "parse_",
    "quality_filter",
)
_LAYOUT = 2  # of the cached file
_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class Embedded:
    """The templates of a data set and what making them took.

    Attributes:
        samples: of the largest faces, rows in the order of the data set's files.
        labelled: of the faces nearest to the middle.
        faces: (n,) how many faces were found in each.
        digest: of all that the templates depend on.
        seconds_a_photo: wall time over photos when they were computed; on a shared machine a hint only.
    """

    samples: Samples
    labelled: Samples
    faces: np.ndarray
    digest: str
    seconds_a_photo: float


def embed_data_set(pack: InstalledPack, data: DataSet) -> Embedded:
    digest = _digest(pack, data)
    cached = OUT / "embeddings" / f"{pack.manifest.name}-{digest[:16]}.npz"
    if not cached.is_file():
        _compute(pack, data, cached)
    with np.load(cached) as arrays:
        faces = arrays["faces"]
        return Embedded(
            samples=Samples(arrays["largest"], data.subjects, faces > 0),
            labelled=Samples(arrays["middle"], data.subjects, faces > 0),
            faces=faces,
            digest=digest,
            seconds_a_photo=float(arrays["seconds_a_photo"]),
        )


def code_digest() -> str:
    """SHA-256 of the pipeline's syntax, docstrings and comments left out."""
    digest = hashlib.sha256()
    for path in sorted(_VISION.glob("*.py")):
        if not path.stem.startswith(_NOT_IN_A_TEMPLATE):
            digest.update(path.name.encode() + _syntax_of(path))
    digest.update(json.dumps({name: version(name) for name in _LIBRARIES}).encode())
    return digest.hexdigest()


def _digest(pack: InstalledPack, data: DataSet) -> str:
    return hashlib.sha256(
        f"{_LAYOUT} {pack.manifest.digest} {code_digest()} {data.digest}".encode()
    ).hexdigest()


def _syntax_of(path: Path) -> bytes:
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree).encode()


def _from_middle(detection: Detection, face: int) -> float:
    """Distance of a face's middle from the photo's, pixels."""
    box = detection.faces[face].box
    across = box.left + box.width / 2 - detection.image_width / 2
    down = box.top + box.height / 2 - detection.image_height / 2
    return math.hypot(across, down)


def _compute(pack: InstalledPack, data: DataSet, cached: Path) -> None:
    vision = Vision(pack, threads=1)
    largest = np.zeros((len(data.files), vision.dimensions), np.float32)
    middle = np.zeros_like(largest)
    faces = np.zeros(len(data.files), np.int32)

    def embed(row: int) -> None:
        pixels = vision.decode((data.root / data.files[row]).read_bytes())
        detection = vision.detect(pixels)
        faces[row] = len(detection.faces)
        if detection.faces:
            labelled = min(range(len(detection.faces)), key=lambda face: _from_middle(detection, face))
            chosen = [detection.faces[0], *([detection.faces[labelled]] if labelled else [])]
            templates = vision.embed(pixels, chosen)
            largest[row], middle[row] = templates[0], templates[-1]

    started = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(embed, range(len(data.files))), start=1):
            if done % 250 == 0:
                each = (time.monotonic() - started) / done
                left = each * (len(data.files) - done)
                print(
                    f"  {pack.manifest.name}: {done} of {len(data.files)} photos, {left:.0f} s left",
                    file=sys.stderr,
                )
    cached.parent.mkdir(parents=True, exist_ok=True)
    part = cached.with_suffix(".part.npz")
    seconds = (time.monotonic() - started) / len(data.files)
    np.savez(part, largest=largest, middle=middle, faces=faces, seconds_a_photo=seconds)
    part.replace(cached)
