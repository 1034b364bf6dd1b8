"""The vision of one pack, as operations and library use it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from countenance.vision.pipeline import Vision


def test_it_says_which_pack_it_is(vision: Vision, default_pack):
    """What collections are bound to, and what galleries compare with."""
    manifest = default_pack.manifest
    assert (vision.pack_name, vision.face_model_version) == (manifest.name, manifest.face_model_version)
    assert vision.dimensions == manifest.embedder.dimensions
    assert vision.calibration is manifest.calibration
    assert len(vision.pack_digest) == 64


def test_nothing_is_loaded_before_it_is_needed(default_pack):
    """A server knows packs that it may never run."""
    vision = Vision(default_pack)
    assert vision._detector is None
    assert vision._embedder is None
    vision.warm_up()
    assert vision._detector is not None
    assert vision._embedder is not None


def test_people_are_told_apart(vision: Vision, portraits):
    """Every pair of portraits: one man's photos are similar, all others are not."""
    photos = [(name, path) for name, paths in portraits.known.items() for path in paths]
    photos.append(("stranger", portraits.stranger))
    templates = []
    for _, path in photos:
        pixels = vision.decode(path.read_bytes())
        templates.append(vision.embed(pixels, vision.detect(pixels).faces[:1])[0])
    similarity = vision.calibration.to_similarity(np.array(templates) @ np.array(templates).T)
    for row, (one, _) in enumerate(photos):
        for column, (other, _) in enumerate(photos[:row]):
            if one == other:
                assert similarity[row, column] >= 90
            else:
                assert similarity[row, column] < 50


def test_answers_do_not_depend_on_who_else_asks(vision: Vision, portraits):
    """Eight threads on one pack see what one thread sees, to the last bit."""
    data = [path.read_bytes() for paths in portraits.known.values() for path in paths]

    def see(photo):
        pixels = vision.decode(photo)
        return vision.embed(pixels, vision.detect(pixels).faces)

    alone = [see(photo) for photo in data]
    with ThreadPoolExecutor(8) as pool:
        for expected, found in zip(alone * 2, pool.map(see, data * 2), strict=True):
            assert np.array_equal(expected, found)


@pytest.mark.parametrize("shape", [(80, 80), (81, 333), (1000, 90)])
def test_odd_sizes_are_no_error(vision: Vision, shape):
    """The networks want multiples of 32; photographs come as they come."""
    noise = np.random.default_rng(1).integers(0, 255, (*shape, 3), np.uint8)
    detection = vision.detect(noise)
    assert (detection.image_height, detection.image_width) == shape


def test_every_face_is_described_within_its_scales(vision: Vision, portraits):
    """Confidence and quality 0-100, angles within half a turn."""
    for path in (*portraits.known["obama"], portraits.stranger):
        for face in vision.detect(vision.decode(path.read_bytes())).faces:
            assert 0 < face.confidence <= 100
            assert 0 <= face.quality.brightness <= 100
            assert 0 <= face.quality.sharpness <= 100
            angles = (face.pose.roll_deg, face.pose.yaw_deg, face.pose.pitch_deg)
            assert all(-180 <= angle <= 180 for angle in angles)
