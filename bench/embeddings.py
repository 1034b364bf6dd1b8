"""Templates of a whole data set through the real pipeline, computed once for each state of things.

Two of each photo: of its largest face, which is what the service takes, and of the face over the
middle of the photo, which is the one that Labeled Faces in the Wild labels. In some photos somebody
else is larger; the first kind counts that as an error of the pipeline, the second shows the rest.

What was seen is kept photo by photo, where `countenance evaluate` keeps it and finds it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from countenance.evaluation.trials import Samples
from countenance.measuring import embedding
from countenance.measuring.embedding import FaceChoice
from countenance.measuring.template_cache import TemplateCache, cache_file
from countenance.vision.packs import InstalledPack
from countenance.vision.pipeline import Vision
from countenance.vision.pipeline_digest import pipeline_digest, syntax_of
from packs import bench_settings
from photographs import REPOSITORY, DataSet

_VISION = REPOSITORY / "src" / "countenance" / "vision"
_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")
_CHOICES = (FaceChoice.LARGEST, FaceChoice.MIDDLE)
_TELL_EVERY_S = 15.0


@dataclass(frozen=True)
class Embedded:
    """The templates of a data set and what making them took.

    Attributes:
        samples: of the largest faces, rows in the order of the data set's files.
        labelled: of the faces nearest to the middle.
        faces: (n,) how many faces were found in each.
        digest: of all that the templates depend on.
        seconds_a_photo: wall time over photos that were looked at; None where all were known. On a shared
            machine a hint only.
    """

    samples: Samples
    labelled: Samples
    faces: np.ndarray
    digest: str
    seconds_a_photo: float | None


def embed_data_set(pack: InstalledPack, data: DataSet) -> Embedded:
    vision = Vision(pack, threads=1)
    file = cache_file(bench_settings().cache_dir, pack_digest=pack.manifest.digest)
    with TemplateCache(file, dimensions=vision.dimensions) as cache:
        found = embedding.embed_data_set(
            vision,
            data.listed,
            data.digests,
            choices=_CHOICES,
            cache=cache,
            threads=os.cpu_count() or 1,
            done=_Told(pack.manifest.name),
        )
    return Embedded(
        samples=found.samples[FaceChoice.LARGEST],
        labelled=found.samples[FaceChoice.MIDDLE],
        faces=np.array([0 if look is None else len(look.faces) for look in found.looks]),
        digest=hashlib.sha256(f"{pack.manifest.digest} {code_digest()} {data.digest}".encode()).hexdigest(),
        seconds_a_photo=found.seconds / found.looked_at if found.looked_at else None,
    )


def code_digest() -> str:
    """SHA-256 of the pipeline's program and the libraries that decode, warp and run."""
    return hashlib.sha256(f"{pipeline_digest()} {_libraries()}".encode()).hexdigest()


def syntax_digest(modules: Sequence[str]) -> str:
    """SHA-256 of the syntax of some of the pipeline's modules, and of the libraries that they use."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(module.encode() + syntax_of((_VISION / f"{module}.py").read_bytes()))
    digest.update(_libraries().encode())
    return digest.hexdigest()


def _libraries() -> str:
    return json.dumps({name: version(name) for name in _LIBRARIES})


class _Told:
    """Lines on standard error now and then."""

    def __init__(self, pack: str) -> None:
        self._pack = pack
        self._begun_s = self._told_s = time.monotonic()
        self._known: int | None = None

    def __call__(self, done: int, total: int, amiss: int) -> None:
        del amiss
        now_s = time.monotonic()
        self._known = done if self._known is None else self._known
        if now_s - self._told_s < _TELL_EVERY_S or done == self._known:
            return
        self._told_s = now_s
        left_s = (now_s - self._begun_s) / (done - self._known) * (total - done)
        print(f"  {self._pack}: {done} of {total} photos, {left_s:.0f} s left", file=sys.stderr)
