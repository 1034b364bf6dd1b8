"""A stand-in for the model packs, for tests of what operations do with faces once they are found.

`picture(...)` writes a "photograph" that is a list of faces, and `FakeVision` reads it back. A template
depends on the name of who is in the picture and on a stated likeness. It says nothing about
recognition: the tests of vision and of the whole server use real photographs and real nets.
"""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from types import MappingProxyType

import numpy as np
from PIL import Image

from countenance.errors import InvalidImageFormatException, InvalidParameterException
from countenance.facts import ModelFacts
from countenance.similarity import Calibration
from countenance.types import Confidence, Detection, Face, PixelBox, Pose, Quality, WeighedTemplate

FAKE_CALIBRATION = Calibration(
    cosine=(0.0, 0.5, 1.0), neg_log10_fmr=(1.0, 4.0, 7.0), trials=1, extrapolated_from=1.0
)
"""Cosine 0.5 is Similarity 80 (as the definition of Similarity has it for a rate of 1e-4)."""

GOOD = MappingProxyType({"confidence": 99.9, "yaw": 0.0, "brightness": 80.0, "sharpness": 90.0})


def person(who, *, left=100, top=100, size=200, likeness=1.0, **looks):
    """One face of a picture: a square box of `size` px; `looks` override `GOOD`.

    `likeness` is the cosine to the same person at likeness 1.
    """
    return {"who": who, "box": [left, top, size, size], "likeness": likeness, **GOOD, **looks}


CROP_HEAD = b"\x01" + b"\x00" * 56
"""What the picture of a face in a vault begins with; here it says in its comment whose it is."""
AS_JPEG = b"\xff\xd8\xff"
"""What a picture begins with that is to look like a photo file to a client."""


def picture(*people, width=1000, height=800, note=""):
    """Bytes of a picture; another `note` makes another file with the same faces."""
    return json.dumps({"width": width, "height": height, "faces": list(people), "note": note}).encode()


class FakeVision:
    """What operations use of `countenance.vision.pipeline.Vision`, without a net."""

    def __init__(self, face_model_version, dimensions):
        self.face_model_version = face_model_version
        self.pack_name = f"fake-{face_model_version}"
        self.pack_digest = hashlib.sha256(self.pack_name.encode()).hexdigest()
        self.dimensions = dimensions
        self.calibration = FAKE_CALIBRATION
        self.licence = "none: it is a fake"
        self.measured_on = "nothing: it is a fake"

    def decode(self, data):
        try:
            data = data.removeprefix(AS_JPEG)
            parsed = json.loads(data)
        except ValueError:
            raise InvalidImageFormatException from None
        if min(parsed["width"], parsed["height"]) < 80:
            raise InvalidParameterException
        padded = data + b" " * (-len(data) % 3)
        return np.frombuffer(padded, np.uint8).reshape(1, -1, 3)

    def detect(self, pixels):
        parsed = json.loads(pixels.tobytes())
        faces = sorted((_face(entry) for entry in parsed["faces"]), key=lambda face: -face.box.area_px)
        return Detection(parsed["width"], parsed["height"], faces[:100])

    def scene_hash(self, pixels, faces):
        return int.from_bytes(hashlib.sha256(pixels.tobytes()).digest()[:8], "big")

    def embed(self, pixels, faces):
        parsed = json.loads(pixels.tobytes())
        by_box = {tuple(entry["box"]): entry for entry in parsed["faces"]}
        templates = np.zeros((len(faces), self.dimensions), np.float32)
        for row, face in enumerate(faces):
            box = face.box
            templates[row] = self._template(by_box[box.left, box.top, box.width, box.height])
        return templates

    def embed_weighed(self, pixels, faces):
        """Every face weighs 1, but those of a picture that states another `weight`."""
        by_box = {tuple(entry["box"]): entry for entry in json.loads(pixels.tobytes())["faces"]}
        boxes = [(face.box.left, face.box.top, face.box.width, face.box.height) for face in faces]
        weights = [by_box[box].get("weight", 1.0) for box in boxes]
        return self.embed(pixels, faces), np.array(weights, np.float32)

    def cut_crop(self, pixels, face):
        parsed = json.loads(pixels.tobytes())
        box = face.box
        entry = next(
            each
            for each in parsed["faces"]
            if tuple(each["box"]) == (box.left, box.top, box.width, box.height)
        )
        file = BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", comment=json.dumps(entry).encode())
        return CROP_HEAD + file.getvalue()

    def embed_crop(self, data):
        if not data.startswith(CROP_HEAD):
            raise InvalidImageFormatException
        entry = json.loads(Image.open(BytesIO(data[len(CROP_HEAD) :])).info["comment"])
        return WeighedTemplate(self._template(entry), entry.get("weight", 1.0))

    def _template(self, entry):
        likeness, own = entry["likeness"], _direction(entry["who"], self.dimensions)
        aside = _direction(entry["who"] + " aside", self.dimensions)
        aside -= (aside @ own) * own
        return likeness * own + np.sqrt(1 - likeness**2) * aside / np.linalg.norm(aside)


class FakeModels:
    """Two packs: `1.0`, which new collections get, and `2.0`; `default` may be exchanged."""

    def __init__(self):
        self._visions = {"1.0": FakeVision("1.0", 64), "2.0": FakeVision("2.0", 48)}
        self.default = self._visions["1.0"]

    @property
    def packs(self):
        return {version: vision.pack_name for version, vision in self._visions.items()}

    def facts(self, face_model_version):
        return ModelFacts(face_model_version or self.default.face_model_version, "any")

    def vision(self, face_model_version):
        return self._visions[face_model_version]

    def upgrade(self):
        """What an operator does who installs a better pack: new collections get `2.0`."""
        self.default = self._visions["2.0"]


def _direction(name, dimensions):
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    direction = np.random.default_rng(seed).standard_normal(dimensions).astype(np.float32)
    return direction / np.linalg.norm(direction)


def _face(entry):
    left, top, width, height = entry["box"]
    points = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    landmarks = np.array([(left + x * width, top + y * height) for x, y in points], np.float32)
    return Face(
        box=PixelBox(left, top, width, height),
        landmarks=landmarks,
        confidence=Confidence(entry["confidence"]),
        pose=Pose(roll_deg=1.0, yaw_deg=entry["yaw"], pitch_deg=-2.0),
        quality=Quality(brightness=entry["brightness"], sharpness=entry["sharpness"]),
    )
