"""Templates of a whole data set through the real pipeline, computed once for each state of things.

The cache is keyed by what a template depends on: the pack's digest, the pipeline's code (as its
syntax tree, so that a comment changes nothing), the libraries that decode, warp and run, the data.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from countenance.vision.pipeline import Vision
from photographs import OUT, REPOSITORY, DataSet

from countenance.evaluation.trials import Samples
from countenance.vision.packs import InstalledPack

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
_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class Embedded:
    """One template a photo (its largest face) and what making them took.

    Attributes:
        samples: rows in the order of the data set's files.
        faces: (n,) how many faces were found in each.
        digest: of all that the templates depend on.
        seconds_a_photo: wall time over photos when they were computed; on a shared machine a hint only.
    """

    samples: Samples
    faces: np.ndarray
    digest: str
    seconds_a_photo: float


def embed_data_set(pack: InstalledPack, data: DataSet) -> Embedded:
    digest = _digest(pack, data)
    cached = OUT / "embeddings" / f"{pack.manifest.name}-{digest[:16]}.npz"
    if not cached.is_file():
        _compute(pack, data, cached)
    with np.load(cached) as arrays:
        samples = Samples(arrays["templates"], data.subjects, arrays["faces"] > 0)
        return Embedded(samples, arrays["faces"], digest, float(arrays["seconds_a_photo"]))


def code_digest() -> str:
    """SHA-256 of the pipeline's syntax, docstrings and comments left out."""
    digest = hashlib.sha256()
    for path in sorted(_VISION.glob("*.py")):
        if not path.stem.startswith(_NOT_IN_A_TEMPLATE):
            digest.update(path.name.encode() + _syntax_of(path))
    digest.update(json.dumps({name: version(name) for name in _LIBRARIES}).encode())
    return digest.hexdigest()


def _digest(pack: InstalledPack, data: DataSet) -> str:
    return hashlib.sha256(f"{pack.manifest.digest} {code_digest()} {data.digest}".encode()).hexdigest()


def _syntax_of(path: Path) -> bytes:
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
            and ast.get_docstring(node) is not None
        ):
            node.body = node.body[1:]
    return ast.dump(tree).encode()


def _compute(pack: InstalledPack, data: DataSet, cached: Path) -> None:
    vision = Vision(pack, threads=1)
    templates = np.zeros((len(data.files), vision.dimensions), np.float32)
    faces = np.zeros(len(data.files), np.int32)

    def embed(row: int) -> None:
        pixels = vision.decode((data.root / data.files[row]).read_bytes())
        found = vision.detect(pixels).faces
        faces[row] = len(found)
        if found:
            templates[row] = vision.embed(pixels, found[:1])[0]

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
    np.savez(part, templates=templates, faces=faces, seconds_a_photo=seconds)
    part.replace(cached)
