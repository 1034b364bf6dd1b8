"""Which looks are taken at a photograph, and how they are merged."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from countenance.vision.align import centred_transform, crop
from countenance.vision.detect import LARGEST_LOOK_PX, find_faces, resized, scales, tiles
from countenance.vision.pipeline import Vision


@pytest.fixture(scope="module")
def detector(default_pack):
    """The real detector of the default pack."""
    return Vision(default_pack)._require_detector()


@pytest.fixture(scope="module")
def portrait(portraits):
    """A face of about 100 px in 512 x 512 px."""
    return np.asarray(Image.open(portraits.stranger).convert("RGB"))


def _placed(portrait, *, side, width, height, left, top):
    canvas = np.full((height, width, 3), 120, np.uint8)
    canvas[top : top + side, left : left + side] = resized(portrait, side / portrait.shape[0])[:side, :side]
    return canvas


def test_a_face_is_found_where_it_is(detector, portrait):
    """The box holds the points, and the points lie where the face is."""
    faces = find_faces(detector, portrait)
    assert len(faces) == 1
    left, top, right, bottom = faces.boxes[0]
    assert 170 < (left + right) / 2 < 270
    assert 60 < (top + bottom) / 2 < 180
    assert ((faces.landmarks[0] > [left, top]) & (faces.landmarks[0] < [right, bottom])).all()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (4000, 3000)])
def test_a_tiny_face_in_a_large_picture_is_found(detector, portrait, width, height):
    """About 25 px wide in a picture of megapixels: the full size is looked at as well."""
    picture = _placed(portrait, side=128, width=width, height=height, left=width - 400, top=height - 300)
    faces = find_faces(detector, picture)
    assert len(faces) == 1
    assert abs((faces.boxes[0][0] + faces.boxes[0][2]) / 2 - (width - 400 + 55)) < 15


@pytest.mark.parametrize("enlarged", [2.5, 5.0, 9.0])
def test_a_face_that_fills_the_frame_is_found_whole_and_once(detector, portrait, enlarged):
    """A face of up to 1,400 px: seen from too near, its pieces look like smaller faces."""
    small = find_faces(detector, portrait)
    picture = resized(portrait[20:220, 130:310], enlarged)
    faces = find_faces(detector, picture)
    assert len(faces) == 1
    expected = (small.landmarks[0] - [130, 20]) * enlarged
    assert faces.landmarks[0] == pytest.approx(expected, abs=0.12 * float(small.widths_px[0]) * enlarged)
    assert faces.scores[0] > 0.8


def test_a_small_face_before_a_giant_one_is_no_part_of_it(detector, portrait):
    """Somebody in front of a screen with a face on it."""
    picture = resized(portrait[0:260, 90:350], 5.0).copy()
    picture[500:628, 700:828] = resized(portrait, 0.45)[:128, 30:158]
    widths = find_faces(detector, picture).widths_px
    assert widths[0] > 380
    assert ((widths > 30) & (widths < 90)).sum() == 1


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_lying_on_its_side_is_turned(detector, portrait, turns):
    """Boxes and points come back in the frame of the photograph as it was given."""
    upright = find_faces(detector, portrait)
    turned = np.ascontiguousarray(np.rot90(portrait, turns))
    faces = find_faces(detector, turned)
    assert len(faces) >= 1
    x, y = upright.landmarks[0].mean(axis=0)
    side = portrait.shape[0]
    expected = {1: (y, side - x), 2: (side - x, side - y), 3: (side - y, x)}[turns]
    assert faces.landmarks[0].mean(axis=0) == pytest.approx(expected, abs=12)
    eyes, mouth = faces.landmarks[0][:2].mean(axis=0), faces.landmarks[0][3:].mean(axis=0)
    down = mouth - eyes
    assert np.sign(down[np.argmax(np.abs(down))]) == {1: 1, 2: -1, 3: -1}[turns]


def test_nobody_in_the_picture_is_no_face(detector):
    """Also after every turn."""
    ramp = np.tile(np.linspace(40, 210, 640, dtype=np.uint8)[None, :, None], (480, 1, 3))
    assert len(find_faces(detector, np.ascontiguousarray(ramp))) == 0


def test_faces_come_largest_first(detector, portrait):
    """Rekognition's order, and what `the largest face` means."""
    small, large = resized(portrait, 0.5), portrait
    picture = np.full((512, 800, 3), 120, np.uint8)
    picture[:256, :256] = small
    picture[:, 288:] = large
    faces = find_faces(detector, picture)
    assert len(faces) == 2
    assert faces.areas_px[0] > 2 * faces.areas_px[1]
    assert faces.boxes[0][0] > 288


@pytest.mark.parametrize(
    "size", [(80, 80), (640, 480), (1920, 1080), (5000, 2000), (10_000, 10_000), (10_000, 80)]
)
def test_tiles_cover_a_picture_and_none_is_too_large(size):
    """Every pixel is looked at, and the memory of a look is bounded."""
    width, height = size
    covered = np.zeros((height // 10 + 1, width // 10 + 1), bool)
    for left, top, right, bottom in tiles(width, height):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert (right - left) * (bottom - top) <= LARGEST_LOOK_PX
        covered[top // 10 : bottom // 10 + 1, left // 10 : right // 10 + 1] = True
    assert covered.all()


def test_small_pictures_are_one_look_and_large_ones_two(detector):
    """What a call costs; for YuNet a VGA picture is small."""
    side = detector.spec.largest_face_px
    assert scales(side, side * 3 // 4, detector) == (1.0,)
    finest, whole = scales(4000, 3000, detector)
    assert whole < finest <= 1
    assert 4000 * 3000 * finest**2 <= detector.finest_px * 1.001


@pytest.mark.parametrize("turn_deg", [-30, 30])
def test_a_tilted_head_is_found(detector, portrait, turn_deg):
    """Heads are rarely straight."""
    transform = centred_transform((220, 130), scale=1, turn_deg=turn_deg, width=400, height=400)
    assert len(find_faces(detector, crop(portrait, transform, width=400, height=400))) >= 1


def test_a_mirrored_picture_has_mirrored_faces(detector, portrait):
    """Left and right are the image's."""
    mirrored = np.asarray(ImageOps.mirror(Image.fromarray(portrait)))
    one, other = find_faces(detector, portrait).landmarks[0], find_faces(detector, mirrored).landmarks[0]
    assert other[0] == pytest.approx([512 - one[1][0], one[1][1]], abs=8)
