"""The vision of one pack: decode, detect, embed. The whole way from bytes to templates is here."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from countenance.similarity import Calibration
from countenance.types import Confidence, Detection, Face, PixelBox, Pixels, Templates, WeighedTemplate
from countenance.vision.centerface import CenterFace
from countenance.vision.decode import count_pixels, decode
from countenance.vision.detect import LARGEST_LOOK_PX, Detector, find_faces
from countenance.vision.embed import Embedder, EmbedderPart
from countenance.vision.face_crop import cut_crop, open_crop
from countenance.vision.landmarker import Landmarker
from countenance.vision.packs import InstalledPack
from countenance.vision.pixel_budget import PixelBudget
from countenance.vision.pose import estimate_pose
from countenance.vision.quality import measure_quality
from countenance.vision.raw_faces import RawFaces
from countenance.vision.refine import refine_landmarks
from countenance.vision.same_face import find_same
from countenance.vision.scene import scene_hash
from countenance.vision.yunet import YuNet

_LOOKS_AT_ONCE: Final = 4
"""Looks of the largest size: each takes some hundreds of megabytes inside the network."""
_DETECTORS: Final[Mapping[str, Callable[..., Detector]]] = {"yunet": YuNet, "centerface": CenterFace}


class Vision:
    """What one model pack sees.

    Thread safety: any number of threads may call any method at once. Each network is loaded by the
    first call that needs it, once. A call keeps no reference to the pixels that it is given.
    """

    def __init__(self, pack: InstalledPack, *, threads: int = 1, decoded: PixelBudget | None = None) -> None:
        """Nothing is loaded yet.

        Args:
            threads: what one call uses inside a network; a server runs calls beside one another and
                keeps it at 1.
            decoded: the pixels that may be held at once; None where the caller holds what it likes. Whoever
                holds one picture must let go of it before it decodes another.
        """
        self._pack = pack
        self._threads = threads
        self._decoded = decoded
        self._looks = PixelBudget(_LOOKS_AT_ONCE * LARGEST_LOOK_PX)
        self._lock = threading.Lock()
        self._detector: Detector | None = None
        self._embedder: Embedder | None = None

    @property
    def pack_name(self) -> str:
        return self._pack.manifest.name

    @property
    def face_model_version(self) -> str:
        return self._pack.manifest.face_model_version

    @property
    def dimensions(self) -> int:
        return self._pack.manifest.dimensions

    @property
    def calibration(self) -> Calibration:
        return self._pack.manifest.calibration

    @property
    def pack_digest(self) -> str:
        """SHA-256 of all that templates depend on but this program."""
        return self._pack.manifest.digest

    @property
    def licence(self) -> str:
        """Of the pack, as its manifest has it."""
        return self._pack.manifest.licence

    @property
    def measured_on(self) -> str:
        """What the calibration's trials were, as the manifest has it."""
        return self._pack.manifest.measured_on

    def warm_up(self) -> None:
        """Load and run all networks once, so that the first call need not.

        Raises:
            SetupError: a file of the pack is not what the runtime takes.
        """
        blank = np.zeros((96, 96, 3), np.uint8)
        points = self._pack.manifest.embedder.reference_landmarks
        self._require_detector().find(blank)
        self._require_embedder().embed(blank, [points])

    def decode(self, data: bytes) -> Pixels:
        """(H, W, 3) RGB of a JPEG or PNG; errors as `countenance.vision.decode.decode`.

        Raises:
            ThrottlingException: no room among the pixels that may be held at once.
        """
        if self._decoded is None:
            return decode(data)
        give_back = self._decoded.take(count_pixels(data))
        try:
            pixels = decode(data)
        except BaseException:
            give_back()
            raise
        weakref.finalize(pixels, give_back)  # the room is free when the pixels are
        return pixels

    def detect(self, pixels: Pixels) -> Detection:
        """The faces of a photograph, largest box first, at most 100, whatever their size and turn."""
        detector = self._require_detector()
        height, width = pixels.shape[:2]
        with self._looks.hold(min(width * height, LARGEST_LOOK_PX)):
            found = refine_landmarks(detector, pixels, find_faces(detector, pixels))
        return Detection(
            image_width=width,
            image_height=height,
            faces=tuple(_to_face(found, index, pixels) for index in range(len(found))),
        )

    def scene_hash(self, pixels: Pixels, faces: Sequence[Face]) -> int:
        """64 bits that near-identical backgrounds share; of the faces nothing is in it (`scene`)."""
        return scene_hash(pixels, [face.box for face in faces])

    def embed(self, pixels: Pixels, faces: Sequence[Face]) -> Templates:
        """(N, D) float32 unit rows for faces that `detect` found in these pixels, in their order."""
        return self._require_embedder().embed(pixels, [face.landmarks for face in faces])

    def embed_weighed(self, pixels: Pixels, faces: Sequence[Face]) -> tuple[Templates, NDArray[np.float32]]:
        """As `embed`, and (N,) how much each counts among the faces of one user, [1/4, 4]."""
        return self._require_embedder().embed_weighed(pixels, [face.landmarks for face in faces])

    def cut_crop(self, pixels: Pixels, face: Face) -> bytes:
        """A picture of one face that `detect` found in these pixels, for `embed_crop` of any pack."""
        return cut_crop(pixels, face)

    def embed_crop(self, data: bytes) -> WeighedTemplate:
        """Of the face that `cut_crop` kept, as this pack finds it, or else where it was.

        Raises:
            InvalidImageFormatException: it is no such picture, or a broken one.
            DegenerateLandmarks: the points that were kept all coincide.
        """
        pixels, box, points = open_crop(data)
        height, width = pixels.shape[:2]
        found = find_same(self.detect(pixels), box.to_ratio(image_width=width, image_height=height))
        landmarks = points if found is None else found.landmarks
        templates, weights = self._require_embedder().embed_weighed(pixels, [landmarks])
        return WeighedTemplate(templates[0], float(weights[0]))

    def _require_detector(self) -> Detector:
        with self._lock:
            if self._detector is None:
                # OpenCV's own threads, one pool for the process, would fight with ours over the cores.
                cv2.setNumThreads(1)
                spec = self._pack.manifest.detector
                path = self._pack.path_of(spec.artifact)
                self._detector = _DETECTORS[spec.kind](path, spec, threads=self._threads)
            return self._detector

    def _require_embedder(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                cv2.setNumThreads(1)
                self._embedder = self._load_embedder()
            return self._embedder

    def _load_embedder(self) -> Embedder:
        manifest, threads = self._pack.manifest, self._threads
        parts = [
            EmbedderPart(self._pack.path_of(spec.artifact), spec, threads=threads)
            for spec in manifest.embedders
        ]
        spec = manifest.landmarker
        if spec is None:
            return Embedder(parts)
        return Embedder(parts, Landmarker(self._pack.path_of(spec.artifact), spec, threads=threads))


def _to_face(found: RawFaces, index: int, pixels: Pixels) -> Face:
    left, top, right, bottom = map(float, found.boxes[index])
    box = PixelBox(left=left, top=top, width=right - left, height=bottom - top)
    landmarks = found.landmarks[index]
    return Face(
        box=box,
        landmarks=landmarks,
        confidence=Confidence(100 * float(found.scores[index])),
        pose=estimate_pose(landmarks),
        quality=measure_quality(pixels, box),
    )
