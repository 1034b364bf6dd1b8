"""What is said of real faces, and which networks were asked."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import NO_ATTRIBUTES, InstalledAttributes
from countenance.vision.attributes.description import ATTRIBUTES, Description
from countenance.vision.attributes.mesh_points import LANDMARKS
from countenance.vision.decode import decode
from drawn_faces import turned, with_closed_eyes, with_mask, with_sunglasses

NAMES = list(LANDMARKS)


def of(analyst, vision, pixels, wanted=ATTRIBUTES, *, landmarks=True):
    """The description of the largest face."""
    (said,) = analyst.describe(pixels, vision.detect(pixels).faces[:1], wanted, landmarks=landmarks)
    return said


def mesh_of(analyst, vision, pixels):
    (mesh,) = analyst.meshes(pixels, vision.detect(pixels).faces[:1])
    return mesh


def without(pack, *roles):
    files = {role: path for role, path in pack.files.items() if role not in roles}
    return Analyst(InstalledAttributes(files))


def test_without_files_nothing_is_supported_and_nothing_said(vision, portrait_pixels):
    analyst = Analyst(NO_ATTRIBUTES)
    assert analyst.supported == frozenset()
    assert of(analyst, vision, portrait_pixels) == Description()


@pytest.mark.parametrize(
    ("missing", "unsupported"),
    [
        ("mesh", ATTRIBUTES),
        ("blendshapes", {"EYES_OPEN", "EYE_DIRECTION", "SMILE"}),
        ("age-gender", {"AGE_RANGE", "GENDER"}),
        ("expression", {"EMOTIONS"}),
        ("sunglasses", {"FACE_OCCLUDED", "SUNGLASSES"}),
        ("cover", {"FACE_OCCLUDED"}),
        ("quality", set()),
    ],
)
def test_an_attribute_whose_network_is_missing_is_not_answered(
    attribute_pack, vision, portrait_pixels, missing, unsupported
):
    analyst = without(attribute_pack, missing)
    assert analyst.supported == ATTRIBUTES - unsupported
    assert told(of(analyst, vision, portrait_pixels)) == analyst.supported


def told(said):
    """The attributes that a description answers."""
    found = set(said.judgements)
    members = {"AGE_RANGE": said.age_range, "GENDER": said.gender, "EYE_DIRECTION": said.eye_direction}
    found |= {name for name, member in members.items() if member is not None}
    return found | ({"EMOTIONS"} if said.emotions else set())


NETWORKS = {
    "AGE_RANGE": {"mesh", "age-gender"},
    "EMOTIONS": {"mesh", "expression"},
    "EYES_OPEN": {"mesh", "blendshapes"},
    "EYE_DIRECTION": {"mesh", "blendshapes"},
    "FACE_OCCLUDED": {"mesh", "sunglasses", "cover"},
    "GENDER": {"mesh", "age-gender"},
    "SMILE": {"mesh", "blendshapes"},
    "SUNGLASSES": {"mesh", "sunglasses"},
}


@pytest.mark.parametrize("attribute", sorted(ATTRIBUTES))
def test_a_network_runs_for_what_was_asked_for_and_for_nothing_else(
    attribute_pack, vision, portrait_pixels, attribute
):
    """Whoever asks for a smile has no emotion inferred."""
    analyst = Analyst(attribute_pack)
    assert told(of(analyst, vision, portrait_pixels, frozenset({attribute}), landmarks=False)) == {attribute}
    assert set(analyst._loaded) == NETWORKS.get(attribute, {"mesh"})


def test_every_pair_of_attributes_is_answered_as_asked(analyst, vision, portrait_pixels):
    """And by itself an attribute is answered as it is among all: what else is asked for changes nothing."""
    face = vision.detect(portrait_pixels).faces[:1]
    (everything,) = analyst.describe(portrait_pixels, face, ATTRIBUTES)
    for pair in itertools.combinations(sorted(ATTRIBUTES), 2):
        (said,) = analyst.describe(portrait_pixels, face, frozenset(pair))
        assert told(said) == set(pair)
        assert all(everything.judgements[name] == judgement for name, judgement in said.judgements.items())
        assert said.age_range in {None, everything.age_range}
        assert said.gender in {None, everything.gender}


def test_nothing_is_looked_at_where_nothing_is_asked(attribute_pack, vision, portrait_pixels):
    analyst = Analyst(attribute_pack)
    assert of(analyst, vision, portrait_pixels, frozenset(), landmarks=False) == Description()
    assert analyst._loaded == {}


def test_a_batch_says_of_each_face_what_is_said_of_it_alone(analyst, vision, portrait_pixels, portraits):
    """More than one batch of them, in their order."""
    other = decode(portraits.stranger.read_bytes())
    height = max(portrait_pixels.shape[0], other.shape[0])
    row = [np.pad(each, ((0, height - each.shape[0]), (0, 0), (0, 0))) for each in (portrait_pixels, other)]
    pixels = np.concatenate(row, axis=1)
    faces = [*vision.detect(pixels).faces] * 5
    alone = [analyst.describe(pixels, [face], ATTRIBUTES, landmarks=True)[0] for face in faces[:2]]
    for place, said in enumerate(analyst.describe(pixels, faces, ATTRIBUTES, landmarks=True)):
        expected = alone[place % 2]
        assert said.landmarks == pytest.approx(expected.landmarks, abs=0.01)
        assert (said.gender.value, said.age_range) == (expected.gender.value, expected.age_range)
        assert {name: each.value for name, each in said.judgements.items()} == {
            name: each.value for name, each in expected.judgements.items()
        }


def test_a_smiling_man_with_open_eyes_is_described_as_one(analyst, vision, portrait_pixels):
    """A portrait that anybody would describe alike."""
    said = of(analyst, vision, portrait_pixels)
    assert {name for name, each in said.judgements.items() if each.value} == {
        "SMILE",
        "EYES_OPEN",
        "MOUTH_OPEN",
    }
    assert said.gender.value == "Male"
    assert said.age_range.low <= 51 <= said.age_range.high
    assert said.emotions[0][0] == "HAPPY"
    assert all(50 <= each.confidence <= 99 for each in said.judgements.values())


def test_a_mirror_image_changes_sides_and_nothing_else(analyst, vision, portraits):
    """Yaw and roll change their signs, and what is left is right."""
    pixels = decode(portraits.known["obama"][1].read_bytes())
    mirrored = np.ascontiguousarray(pixels[:, ::-1])
    said, seen = of(analyst, vision, pixels), of(analyst, vision, mirrored)
    assert said.pose.yaw_deg == pytest.approx(-seen.pose.yaw_deg, abs=4)
    assert abs(said.pose.yaw_deg) > 10
    assert said.pose.roll_deg == pytest.approx(-seen.pose.roll_deg, abs=3)
    assert said.pose.pitch_deg == pytest.approx(seen.pose.pitch_deg, abs=4)
    other_side = [NAMES.index(_mirrored(name)) for name in NAMES]
    back = seen.landmarks[other_side]
    back[:, 0] = pixels.shape[1] - 1 - back[:, 0]
    eyes_px = float(np.linalg.norm(said.landmarks[1] - said.landmarks[0]))
    assert np.linalg.norm(back - said.landmarks, axis=1).mean() < 0.06 * eyes_px
    assert said.eye_direction.yaw_deg == pytest.approx(-seen.eye_direction.yaw_deg, abs=10)


def _mirrored(name):
    """`leftEyeBrowRight` is the inner end of one brow, and in a mirror that of the other."""
    swapped = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    return re.sub("left|right|Left|Right", lambda found: swapped[found[0]], name)


@pytest.mark.parametrize("degrees", [15, -15, 30])
def test_a_turned_photo_has_its_roll_turned_as_far(analyst, vision, portrait_pixels, degrees):
    straight = of(analyst, vision, portrait_pixels).pose
    leaning = of(analyst, vision, turned(portrait_pixels, degrees)).pose
    assert leaning.roll_deg - straight.roll_deg == pytest.approx(degrees, abs=3)
    assert leaning.yaw_deg == pytest.approx(straight.yaw_deg, abs=5)


@pytest.mark.parametrize("who", ["obama", "biden"])
def test_drawn_sunglasses_are_sunglasses_and_cover_the_face(analyst, vision, portraits, who):
    pixels = decode(portraits.known[who][0].read_bytes())
    plain = of(analyst, vision, pixels).judgements
    shaded = of(analyst, vision, with_sunglasses(pixels, mesh_of(analyst, vision, pixels))).judgements
    assert [plain[name].value for name in ("SUNGLASSES", "EYEGLASSES", "FACE_OCCLUDED")] == [False] * 3
    assert [shaded[name].value for name in ("SUNGLASSES", "EYEGLASSES", "FACE_OCCLUDED")] == [True] * 3


@pytest.mark.parametrize("who", ["obama", "biden"])
def test_a_drawn_mask_covers_the_face_and_is_no_pair_of_glasses(analyst, vision, portraits, who):
    pixels = decode(portraits.known[who][0].read_bytes())
    masked = of(analyst, vision, with_mask(pixels, mesh_of(analyst, vision, pixels))).judgements
    assert masked["FACE_OCCLUDED"].value
    assert masked["FACE_OCCLUDED"].confidence > 90
    assert not masked["SUNGLASSES"].value


@pytest.mark.parametrize("who", ["obama", "biden"])
def test_eyes_that_are_drawn_shut_are_shut(analyst, vision, portraits, who):
    pixels = decode(portraits.known[who][0].read_bytes())
    assert of(analyst, vision, pixels).judgements["EYES_OPEN"].value
    shut = of(analyst, vision, with_closed_eyes(pixels, mesh_of(analyst, vision, pixels)))
    assert not shut.judgements["EYES_OPEN"].value
    assert shut.eye_direction.confidence == 50


def test_a_face_that_is_partly_out_of_the_photo_is_covered(analyst, vision, portrait_pixels):
    box = vision.detect(portrait_pixels).faces[0].box
    cut = np.ascontiguousarray(portrait_pixels[:, int(box.left + box.width * 0.3) :])
    faces = vision.detect(cut).faces
    (said,) = analyst.describe(cut, faces[:1], frozenset({"FACE_OCCLUDED"}))
    assert said.judgements["FACE_OCCLUDED"].value
    assert said.judgements["FACE_OCCLUDED"].confidence > 60


@pytest.mark.parametrize("harm", ["blur", "darkness"])
def test_a_face_that_shows_little_is_described_with_little_confidence(analyst, vision, portrait_pixels, harm):
    """Blurred until nothing is left, an adult is no child; in the dark, nobody is surely clean-shaven."""
    import cv2

    plain = of(analyst, vision, portrait_pixels)
    width = vision.detect(portrait_pixels).faces[0].box.width
    spoiled = (
        cv2.GaussianBlur(portrait_pixels, (0, 0), width * 0.06)
        if harm == "blur"
        else (portrait_pixels.astype(np.float32) * 0.05).astype(np.uint8)
    )
    said = of(analyst, vision, spoiled)
    assert all(each.confidence <= 75 for each in said.judgements.values())
    assert said.gender.confidence <= 75
    assert said.age_range.high - said.age_range.low > plain.age_range.high - plain.age_range.low
    assert said.age_range.high >= plain.age_range.low


def test_a_large_face_is_described_as_the_same_face_is_at_a_middle_size(analyst, vision, portrait_pixels):
    """It is brought near once; its landmarks are in the large photo all the same."""
    import cv2

    box = vision.detect(portrait_pixels).faces[0].box
    factor = 900 / box.width
    large = cv2.resize(portrait_pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    middle, big = of(analyst, vision, portrait_pixels), of(analyst, vision, large)
    eyes_px = float(np.linalg.norm(big.landmarks[1] - big.landmarks[0]))
    assert np.linalg.norm(big.landmarks / factor - middle.landmarks, axis=1).mean() < 0.05 * eyes_px / factor
    assert {name: each.value for name, each in big.judgements.items()} == {
        name: each.value for name, each in middle.judgements.items()
    }
    (mesh,) = analyst.meshes(large, vision.detect(large).faces[:1])
    assert mesh.points[468, :2] == pytest.approx(big.landmarks[0], abs=0.02 * eyes_px)


def test_a_mesh_of_no_numbers_leaves_every_member_there_and_nothing_known(
    attribute_pack, vision, portrait_pixels
):
    """Nothing that was asked for is left out in silence."""
    analyst = Analyst(attribute_pack)
    analyst._loaded["mesh"] = Blind()
    said = of(analyst, vision, portrait_pixels)
    assert told(said) == ATTRIBUTES
    assert {name for name, each in said.judgements.items() if each.value} == {"EYES_OPEN"}
    assert {each.confidence for each in said.judgements.values()} == {50}
    assert (said.gender.confidence, said.age_range.low, said.age_range.high) == (50, 0, 120)


class Blind:
    """A mesh network that answers no numbers."""

    def find_each(self, looks):
        return [None] * len(looks)


def test_a_tiny_face_is_described_without_any_certainty(analyst, vision, portrait_pixels):
    """Eyes 5 px apart show nothing: each Confidence is 50, and the years are wide."""
    import cv2

    face = vision.detect(portrait_pixels).faces[0]
    scale = 5 / float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    small = cv2.resize(portrait_pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shrunk = type(face)(
        box=type(face.box)(
            *(value * scale for value in (face.box.left, face.box.top, face.box.width, face.box.height))
        ),
        landmarks=face.landmarks * np.float32(scale),
        confidence=face.confidence,
        pose=face.pose,
        quality=face.quality,
    )
    (said,) = analyst.describe(small, [shrunk], ATTRIBUTES)
    assert {each.confidence for each in said.judgements.values()} == {50}
    assert {name for name, each in said.judgements.items() if each.value} == {"EYES_OPEN"}
    assert said.gender.confidence == 50
    assert said.age_range.high - said.age_range.low >= 30
    assert said.eye_direction.confidence == 50


@pytest.mark.parametrize("seed", range(5))
def test_a_box_of_noise_breaks_nothing(analyst, vision, seed):
    """Detectors err: whatever is said of it is within the ranges of the API."""
    chance = np.random.default_rng(seed)
    pixels = chance.integers(0, 256, (200, 160, 3)).astype(np.uint8)
    face = _somewhere(chance)
    (said,) = analyst.describe(pixels, [face], ATTRIBUTES, landmarks=True)
    assert all(50 <= each.confidence <= 100 for each in said.judgements.values())
    assert 0 <= said.age_range.low <= said.age_range.high
    assert np.isfinite(said.landmarks).all()
    assert -180 <= said.pose.roll_deg <= 180


def _somewhere(chance):
    from countenance.types import Confidence, Face, PixelBox, Pose, Quality

    left, top, size = chance.uniform(-80, 160), chance.uniform(-80, 200), chance.uniform(0, 300)
    return Face(
        box=PixelBox(left, top, size, size),
        landmarks=chance.uniform(-50, 250, (5, 2)).astype(np.float32),
        confidence=Confidence(60.0),
        pose=Pose(0, 0, 0),
        quality=Quality(0, 0),
    )
