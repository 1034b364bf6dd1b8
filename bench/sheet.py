"""`make sheet`: photos with everything that is said of their faces, as one PNG, for a person to look at.

python bench/sheet.py [--photos DIR] [--count N] [--out FILE]; without DIR lfw-dev beside the checkout, else
the public-domain portraits of `make demo`
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from countenance import library
from countenance.cli.portraits import load_portraits
from countenance.settings import Settings
from countenance.types import Face, Pixels, Pose
from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.attributes.description import ATTRIBUTES, Description
from countenance.vision.attributes.mesh_points import LANDMARKS
from countenance.vision.install import PackStore
from countenance.vision.pipeline import Vision
from photographs import DEFAULT_PHOTOS, REPOSITORY, load_data_set, one_photo_of_each

_TILE_PX, _WORDS_PX, _MARGIN_PX, _COLUMNS = 300, 128, 10, 8
_MARKS = {"BEARD": "beard", "EYEGLASSES": "glasses", "FACE_OCCLUDED": "occluded", "MUSTACHE": "moustache"}
_MARKS |= {"EYES_OPEN": "eyes open", "MOUTH_OPEN": "mouth open", "SMILE": "smile", "SUNGLASSES": "sunglasses"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, default=None, help="a folder of folders, one a person")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "countenance-sheet.png")
    given = parser.parse_args()
    vision, analyst = _models()
    missing = sorted(ATTRIBUTES - analyst.supported)
    if missing:
        print(f"not read here: {', '.join(missing)} (countenance models install attributes --models DIR)")
    photos = _photos(given.photos)[: given.count]
    rows = -(-len(photos) // _COLUMNS)
    cell = _TILE_PX + _MARGIN_PX
    height = _TILE_PX + _WORDS_PX + _MARGIN_PX
    sheet = Image.new("RGB", (_COLUMNS * cell + _MARGIN_PX, rows * height + _MARGIN_PX), "white")
    for place, photo in enumerate(photos):
        at = _MARGIN_PX + place % _COLUMNS * cell, _MARGIN_PX + place // _COLUMNS * height
        _draw(sheet, at, photo, vision, analyst)
    sheet.save(given.out)
    print(f"{len(photos)} photos with everything that is said of them: {given.out.resolve()}")


def _models() -> tuple[Vision, Analyst]:
    settings = Settings.from_env()
    beside = REPOSITORY.parent / "shared" / "models"
    models = settings.models or (beside if beside.is_dir() else None)
    return (
        Vision(PackStore(settings.cache_dir, models).default_pack(settings.pack)),
        Analyst(AttributeStore(settings.cache_dir, models).at_hand()),
    )


def _photos(given: Path | None) -> list[Path]:
    if given is None and not DEFAULT_PHOTOS.is_dir():
        portraits = load_portraits(Settings.from_env().cache_dir)
        return [*(photo for photos in portraits.known.values() for photo in photos), portraits.stranger]
    return one_photo_of_each(load_data_set(given or DEFAULT_PHOTOS), people=40, seed=3)


def _draw(sheet: Image.Image, at: tuple[int, int], photo: Path, vision: Vision, analyst: Analyst) -> None:
    pixels = library.load_image(photo)
    faces = vision.detect(pixels).faces[:1]
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    if not faces:
        pen.text(at, "no face", fill="#cf222e", font=font)
        return
    face, (said,) = faces[0], analyst.describe(pixels, faces, ATTRIBUTES, landmarks=True)
    sheet.paste(_tile(pixels, face, said), at)
    for line, words in enumerate(_words(face, said)):
        pen.text((at[0], at[1] + _TILE_PX + 2 + 15 * line), words, fill="black", font=font)


def _tile(pixels: Pixels, face: Face, said: Description) -> Image.Image:
    """The face in the middle, 1.6 times as large as its box, with landmarks and the nose's direction."""
    side = max(face.box.width, face.box.height) * 1.6
    left, top = face.box.left + face.box.width / 2 - side / 2, face.box.top + face.box.height / 2 - side / 2
    whole = Image.fromarray(pixels)
    tile = whole.transform(
        (_TILE_PX, _TILE_PX),
        Image.Transform.EXTENT,
        (left, top, left + side, top + side),
        Image.Resampling.BILINEAR,
    )
    pen, scale = ImageDraw.Draw(tile), _TILE_PX / side
    if said.landmarks is not None:
        for name, point in zip(LANDMARKS, (said.landmarks - (left, top)) * scale, strict=True):
            colour = "#ffd33d" if "left" in name.lower() else "#58a6ff"
            x, y = float(point[0]), float(point[1])
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
        nose = (said.landmarks[list(LANDMARKS).index("nose")] - (left, top)) * scale
        pen.line([tuple(map(float, nose)), _nose_end(nose, said.pose or face.pose)], fill="#ff5555", width=2)
    return tile


def _nose_end(nose: np.ndarray, pose: Pose) -> tuple[float, float]:
    length = _TILE_PX / 4
    across = math.sin(math.radians(pose.yaw_deg)) * length
    down = -math.sin(math.radians(pose.pitch_deg)) * length
    roll = math.radians(pose.roll_deg)
    return (
        float(nose[0]) + across * math.cos(roll) - down * math.sin(roll),
        float(nose[1]) + across * math.sin(roll) + down * math.cos(roll),
    )


def _words(face: Face, said: Description) -> list[str]:
    yes = [f"{_MARKS[name]} {each.confidence:.0f}" for name, each in said.judgements.items() if each.value]
    no = [f"{_MARKS[name]} {each.confidence:.0f}" for name, each in said.judgements.items() if not each.value]
    pose, gaze = said.pose or face.pose, said.eye_direction
    who = [] if said.gender is None else [f"{said.gender.value} {said.gender.confidence:.0f}"]
    who += [] if said.age_range is None else [f"{said.age_range.low}-{said.age_range.high} years"]
    return [
        ", ".join(who),
        ", ".join(f"{name} {share:.0f}" for name, share in said.emotions[:3]),
        f"yes: {', '.join(yes[:3])}",
        f"     {', '.join(yes[3:])}",
        f"no: {', '.join(no[:3])}",
        f"     {', '.join(no[3:6])}",
        f"yaw {pose.yaw_deg:.0f} pitch {pose.pitch_deg:.0f} roll {pose.roll_deg:.0f}",
        "" if gaze is None else f"eyes {gaze.yaw_deg:.0f} {gaze.pitch_deg:.0f} ({gaze.confidence:.0f})",
    ]


if __name__ == "__main__":
    main()
