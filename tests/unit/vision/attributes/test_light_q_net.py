"""LightQNet: one number, within its scale, whatever it is shown."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.settings import Settings
from countenance.vision.align import DegenerateLandmarks
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.attributes.light_q_net import LightQNet


@pytest.fixture(scope="module")
def network(pack_store):
    del pack_store
    found = AttributeStore(Settings.from_env({}).cache_dir).at_hand()
    if "quality" not in found.files:
        pytest.skip("LightQNet is not installed")
    return LightQNet(found.read("quality"))


def test_a_portrait_is_better_than_noise(network, vision, portraits):
    pixels = vision.decode(portraits.stranger.read_bytes())
    points = vision.detect(pixels).faces[0].landmarks
    noise = np.random.default_rng(3).integers(0, 256, pixels.shape, dtype=np.uint8)
    assert 1 >= network.measure(pixels, points) > 0.4 > network.measure(noise, points) >= 0


def test_points_that_coincide_are_an_error_with_a_name(network):
    with pytest.raises(DegenerateLandmarks):
        network.measure(np.zeros((96, 96, 3), np.uint8), np.zeros((5, 2), np.float32))
