"""All that is said of faces beside the default members: each network loads when it is first needed.

Only what was asked for is computed. Emotions, age and gender have networks of their own, which run for
nothing else.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar, get_args

from countenance.types import Confidence, Face, Pixels
from countenance.vision.align import DegenerateLandmarks
from countenance.vision.attributes import fitted
from countenance.vision.attributes.age_gender import AgeGender, to_age_range
from countenance.vision.attributes.attribute_pack import ROLES, InstalledAttributes, Role
from countenance.vision.attributes.certainty import judge, trust_in
from countenance.vision.attributes.covers import CoverNet, SunglassesNet, share_outside
from countenance.vision.attributes.description import (
    Attribute,
    Description,
    EyeDirection,
    Gender,
    Judgement,
    YesNoAttribute,
)
from countenance.vision.attributes.expressions import Blendshapes, Expression, Muscles, nothing_expressed
from countenance.vision.attributes.face_mesh import FaceMesh, Mesh
from countenance.vision.attributes.gaze import eye_direction, mouth_gap
from countenance.vision.attributes.light_q_net import LightQNet
from countenance.vision.attributes.mesh_points import LANDMARKS
from countenance.vision.attributes.mesh_pose import estimate_mesh_pose
from countenance.vision.attributes.near_view import NearView, near_view
from countenance.vision.attributes.patches import Patches, measure_patches

_PATCHED: Final = frozenset(
    {
        *("BEARD", "EYEGLASSES", "EYES_OPEN", "EYE_DIRECTION"),
        *("FACE_OCCLUDED", "MUSTACHE", "SUNGLASSES"),
    }
)
_MUSCULAR: Final = frozenset({"EYES_OPEN", "EYE_DIRECTION", "SMILE"})
_YES_NO: Final[tuple[YesNoAttribute, ...]] = get_args(YesNoAttribute)
_AT_REST: Final = frozenset({"EYES_OPEN"})
"""What most faces are; the others they are not."""
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
        self._locks = {role: threading.Lock() for role in ROLES}
        self._loaded: dict[Role, object] = {}

    @property
    def supported(self) -> frozenset[Attribute]:
        """The attributes whose networks are installed."""
        return self._pack.supported

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
        found: list[Description] = []
        for first in range(0, len(faces), _BATCH):
            views = [near_view(pixels, face) for face in faces[first : first + _BATCH]]
            for view, mesh in zip(views, self._find(views), strict=True):
                found.append(
                    _nothing(wanted)
                    if mesh is None
                    else self._describe(view, mesh, wanted, landmarks=landmarks)
                )
        return found

    def meshes(self, pixels: Pixels, faces: Sequence[Face]) -> list[Mesh | None]:
        """The mesh of each face in the photograph; None of each where the network is not installed."""
        if not self.has_landmarks:
            return [None] * len(faces)
        found: list[Mesh | None] = []
        for first in range(0, len(faces), _BATCH):
            views = [near_view(pixels, face) for face in faces[first : first + _BATCH]]
            found += [
                None if mesh is None else view.back(mesh)
                for view, mesh in zip(views, self._find(views), strict=True)
            ]
        return found

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

    def _find(self, views: Sequence[NearView]) -> list[Mesh | None]:
        """In pixels of the views."""
        return self._require("mesh", FaceMesh).find_each([(view.pixels, view.face) for view in views])

    def _describe(
        self, view: NearView, mesh: Mesh, wanted: frozenset[Attribute], *, landmarks: bool
    ) -> Description:
        pixels, trust = view.pixels, trust_in(mesh, view.face)
        patches = measure_patches(pixels, mesh) if wanted & _PATCHED else None
        muscles = self._require("blendshapes", Blendshapes).read(mesh) if wanted & _MUSCULAR else None
        open_ = 1 - _shut(muscles, patches)
        age, gender = None, None
        if wanted & {"AGE_RANGE", "GENDER"}:
            age, gender = self._require("age-gender", self._age_gender).read(pixels, mesh, trust)
        odds: dict[YesNoAttribute, float] = {"EYES_OPEN": open_}
        if muscles is not None:
            odds["SMILE"] = fitted.SMILE.probability(muscles.smile)
        if "MOUTH_OPEN" in wanted:
            odds["MOUTH_OPEN"] = fitted.MOUTH_OPEN.probability(mouth_gap(mesh))
        odds |= _of_patches(patches)
        odds |= self._of_covers(view, mesh, patches, wanted)
        return Description(
            pose=estimate_mesh_pose(mesh.points),
            landmarks=view.back(mesh).points[_POINTS, :2].copy() if landmarks else None,
            judgements=_judged(wanted, odds, trust),
            age_range=age if "AGE_RANGE" in wanted else None,
            gender=gender if "GENDER" in wanted else None,
            emotions=self._require("expression", Expression).read(pixels, mesh, trust)
            if "EMOTIONS" in wanted
            else (),
            eye_direction=eye_direction(mesh, trust, open_=open_) if "EYE_DIRECTION" in wanted else None,
        )

    def _of_covers(
        self, view: NearView, mesh: Mesh, patches: Patches | None, wanted: frozenset[Attribute]
    ) -> dict[YesNoAttribute, float]:
        if patches is None or not wanted & {"SUNGLASSES", "FACE_OCCLUDED"}:
            return {}
        pixels = view.pixels
        share = self._require("sunglasses", SunglassesNet).measure(pixels, mesh)
        dark = fitted.SUNGLASSES.probability(share, patches.eyes_dark)
        if "FACE_OCCLUDED" not in wanted:
            return {"SUNGLASSES": dark}
        cover = fitted.COVER.probability(self._require("cover", CoverNet).measure(pixels, mesh))
        outside = fitted.OUTSIDE.probability(share_outside(pixels, mesh, view.face))
        return {"SUNGLASSES": dark, "FACE_OCCLUDED": max(dark, cover, outside)}

    def _age_gender(self, model: bytes, *, threads: int) -> AgeGender:
        return AgeGender(model, fitted.FEMALE, threads=threads)

    def _require(self, role: Role, load: Callable[..., _Net]) -> _Net:
        """The network of a role, loaded once; calls for the others do not wait for it."""
        if role not in self._loaded:
            with self._locks[role]:
                if role not in self._loaded:
                    self._loaded[role] = load(self._pack.read(role), threads=self._threads)
        network: _Net = self._loaded[role]  # type: ignore[assignment]  # one class a role
        return network


def _shut(muscles: Muscles | None, patches: Patches | None) -> float:
    """How probable it is that the eyes are shut; 1/2 where it was not looked at."""
    if muscles is None or patches is None:
        return 0.5
    return fitted.EYES_SHUT.probability(muscles.blink, patches.iris_dark, patches.open_rows)


def _of_patches(found: Patches | None) -> dict[YesNoAttribute, float]:
    if found is None:
        return {}
    return {
        "EYEGLASSES": fitted.EYEGLASSES.probability(found.bridge, found.side),
        "MUSTACHE": fitted.MUSTACHE.probability(found.lip_dark, found.lip_pale, found.lip_over_chin),
        "BEARD": fitted.BEARD.probability(found.chin_dark, found.chin_pale),
    }


def _judged(
    wanted: frozenset[Attribute], odds: Mapping[YesNoAttribute, float], trust: float
) -> dict[YesNoAttribute, Judgement]:
    """Whatever is asked for is answered: with a Confidence of 50 where it could not be measured."""
    return {
        name: judge(odds.get(name, 0.5), trust, at_rest=name in _AT_REST)
        for name in _YES_NO
        if name in wanted
    }


def _nothing(wanted: frozenset[Attribute]) -> Description:
    """Of a face that the mesh answers no numbers for."""
    return Description(
        judgements=_judged(wanted, {}, 0.0),
        age_range=to_age_range(math.nan, 0.0) if "AGE_RANGE" in wanted else None,
        gender=Gender("Male", Confidence(50.0)) if "GENDER" in wanted else None,
        emotions=nothing_expressed() if "EMOTIONS" in wanted else (),
        eye_direction=EyeDirection(0.0, 0.0, Confidence(50.0)) if "EYE_DIRECTION" in wanted else None,
    )
