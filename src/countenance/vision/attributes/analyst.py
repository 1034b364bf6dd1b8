"""All that is said of faces beside the default members: each network loads when it is first needed.

Only what was asked for is computed. Emotions, age and gender have networks of their own, which run for
nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from countenance.types import Face, Pixels
from countenance.vision.align import DegenerateLandmarks
from countenance.vision.attributes import fitted
from countenance.vision.attributes.age_gender import AgeGender
from countenance.vision.attributes.attribute_pack import InstalledAttributes, Role
from countenance.vision.attributes.certainty import judge, trust_in
from countenance.vision.attributes.covers import CoverNet, SunglassesNet, share_outside
from countenance.vision.attributes.description import (
    ATTRIBUTES,
    Attribute,
    Description,
    Judgement,
    YesNoAttribute,
)
from countenance.vision.attributes.expressions import Blendshapes, Expression
from countenance.vision.attributes.face_mesh import FaceMesh, Mesh
from countenance.vision.attributes.gaze import eye_direction, mouth_gap
from countenance.vision.attributes.light_q_net import LightQNet
from countenance.vision.attributes.mesh_points import LANDMARKS
from countenance.vision.attributes.mesh_pose import estimate_mesh_pose
from countenance.vision.attributes.patches import measure_patches

_NEEDS: Final[dict[Attribute, tuple[Role, ...]]] = {
    "AGE_RANGE": ("mesh", "age-gender"),
    "BEARD": ("mesh",),
    "EMOTIONS": ("mesh", "expression"),
    "EYEGLASSES": ("mesh",),
    "EYES_OPEN": ("mesh", "blendshapes"),
    "EYE_DIRECTION": ("mesh", "blendshapes"),
    "FACE_OCCLUDED": ("mesh", "cover", "sunglasses"),
    "GENDER": ("mesh", "age-gender"),
    "MOUTH_OPEN": ("mesh",),
    "MUSTACHE": ("mesh",),
    "SMILE": ("mesh", "blendshapes"),
    "SUNGLASSES": ("mesh", "sunglasses"),
}
_PATCHED: Final = frozenset({"BEARD", "EYEGLASSES", "MUSTACHE"})
_POINTS: Final = list(LANDMARKS.values())
_BATCH: Final = 8
"""Faces that the mesh looks at in one run: more take memory, and no less time each."""

_Net = TypeVar("_Net")


class Analyst:
    """What can be said of faces with the files that are installed. Thread safety: any number of threads."""

    def __init__(self, pack: InstalledAttributes, *, threads: int = 1) -> None:
        """Nothing is loaded yet. `threads` is what one call uses inside a network."""
        self._pack = pack
        self._threads = threads
        self._lock = threading.Lock()
        self._loaded: dict[Role, object] = {}

    @property
    def supported(self) -> frozenset[Attribute]:
        """The attributes whose networks are installed."""
        return frozenset(
            attribute
            for attribute in ATTRIBUTES
            if all(role in self._pack.files for role in _NEEDS[attribute])
        )

    @property
    def has_landmarks(self) -> bool:
        """Whether the 30 landmarks can be had."""
        return "mesh" in self._pack.files

    def describe(
        self, pixels: Pixels, faces: Sequence[Face], wanted: frozenset[Attribute], *, landmarks: bool = False
    ) -> list[Description]:
        """One for each face, in their order; what is not supported is left out.

        Args:
            pixels: the photograph that the faces were found in.
            wanted: what is asked for; of nothing, and without landmarks, nothing is looked at.
            landmarks: whether the 30 landmarks are asked for.

        Raises:
            SetupError: a file was exchanged or damaged since it was installed.
        """
        wanted &= self.supported
        if not self.has_landmarks or not (wanted or landmarks):
            return [Description() for _ in faces]
        meshes = self._meshes(pixels, faces)
        return [
            Description() if mesh is None else self._describe(pixels, mesh, wanted, landmarks=landmarks)
            for mesh in meshes
        ]

    def meshes(self, pixels: Pixels, faces: Sequence[Face]) -> list[Mesh | None]:
        """The mesh of each face; None of each where the network is not installed."""
        return self._meshes(pixels, faces) if self.has_landmarks else [None] * len(faces)

    def qualities(self, pixels: Pixels, faces: Sequence[Face]) -> list[float | None]:
        """LightQNet's word on each face, 0-1; None where it is not installed or the points coincide."""
        if "quality" not in self._pack.files:
            return [None] * len(faces)
        network = self._require("quality", LightQNet)
        found: list[float | None] = []
        for face in faces:
            try:
                found.append(network.measure(pixels, face.landmarks))
            except DegenerateLandmarks:
                found.append(None)
        return found

    def _meshes(self, pixels: Pixels, faces: Sequence[Face]) -> list[Mesh | None]:
        network = self._require("mesh", FaceMesh)
        found: list[Mesh | None] = []
        for first in range(0, len(faces), _BATCH):
            found += network.find(pixels, faces[first : first + _BATCH])
        return found

    def _describe(
        self, pixels: Pixels, mesh: Mesh, wanted: frozenset[Attribute], *, landmarks: bool
    ) -> Description:
        trust = trust_in(mesh)
        age, gender = None, None
        if wanted & {"AGE_RANGE", "GENDER"}:
            age, gender = self._require("age-gender", self._age_gender).read(pixels, mesh, trust)
        shut = 0.0
        judgements: dict[YesNoAttribute, Judgement] = {}
        if wanted & {"EYES_OPEN", "EYE_DIRECTION", "SMILE"}:
            muscles = self._require("blendshapes", Blendshapes).read(mesh)
            shut = fitted.EYES_SHUT.probability(muscles.blink)
            if "EYES_OPEN" in wanted:
                judgements["EYES_OPEN"] = judge(1 - shut, trust)
            if "SMILE" in wanted:
                judgements["SMILE"] = judge(fitted.SMILE.probability(muscles.smile), trust)
        if "MOUTH_OPEN" in wanted:
            judgements["MOUTH_OPEN"] = judge(fitted.MOUTH_OPEN.probability(mouth_gap(mesh)), trust)
        judgements |= self._of_patches(pixels, mesh, wanted, trust)
        judgements |= self._of_covers(pixels, mesh, wanted, trust)
        return Description(
            pose=estimate_mesh_pose(mesh.points),
            landmarks=mesh.points[_POINTS, :2].copy() if landmarks else None,
            judgements=judgements,
            age_range=age if "AGE_RANGE" in wanted else None,
            gender=gender if "GENDER" in wanted else None,
            emotions=self._require("expression", Expression).read(pixels, mesh, trust)
            if "EMOTIONS" in wanted
            else (),
            eye_direction=eye_direction(mesh, trust, open_=1 - shut) if "EYE_DIRECTION" in wanted else None,
        )

    def _of_patches(
        self, pixels: Pixels, mesh: Mesh, wanted: frozenset[Attribute], trust: float
    ) -> dict[YesNoAttribute, Judgement]:
        if not wanted & _PATCHED:
            return {}
        found = measure_patches(pixels, mesh)
        if found is None:
            return {}
        odds: dict[YesNoAttribute, float] = {
            "EYEGLASSES": fitted.EYEGLASSES.probability(found.bridge, found.side),
            "MUSTACHE": fitted.MUSTACHE.probability(found.lip_dark, found.lip_pale, found.lip_over_chin),
            "BEARD": fitted.BEARD.probability(found.chin_dark, found.chin_pale),
        }
        return {name: judge(each, trust) for name, each in odds.items() if name in wanted}

    def _of_covers(
        self, pixels: Pixels, mesh: Mesh, wanted: frozenset[Attribute], trust: float
    ) -> dict[YesNoAttribute, Judgement]:
        if not wanted & {"SUNGLASSES", "FACE_OCCLUDED"}:
            return {}
        dark = fitted.SUNGLASSES.probability(self._require("sunglasses", SunglassesNet).measure(pixels, mesh))
        found: dict[YesNoAttribute, Judgement] = {}
        if "SUNGLASSES" in wanted:
            found["SUNGLASSES"] = judge(dark, trust)
        if "FACE_OCCLUDED" in wanted:
            cover = fitted.COVER.probability(self._require("cover", CoverNet).measure(pixels, mesh))
            outside = fitted.OUTSIDE.probability(share_outside(pixels, mesh))
            found["FACE_OCCLUDED"] = judge(max(dark, cover, outside), trust)
        return found

    def _age_gender(self, model: bytes, *, threads: int) -> AgeGender:
        return AgeGender(model, fitted.FEMALE, threads=threads)

    def _require(self, role: Role, load: Callable[..., _Net]) -> _Net:
        """The network of a role, loaded once."""
        with self._lock:
            if role not in self._loaded:
                self._loaded[role] = load(self._pack.read(role), threads=self._threads)
            network: _Net = self._loaded[role]  # type: ignore[assignment]  # one class a role
            return network
