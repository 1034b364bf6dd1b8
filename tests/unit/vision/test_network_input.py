"""What a network is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from countenance.vision.manifest import ColourOrder
from countenance.vision.network_input import to_network_input


@dataclass(frozen=True)
class Channels:
    colour_order: ColourOrder = "RGB"
    mean: tuple[float, float, float] = (0, 0, 0)
    scale: tuple[float, float, float] = (1, 1, 1)


PICTURE = np.random.default_rng(2).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def test_channels_come_first_and_values_stay():
    """Each pixel in its place, as float32 of 0-255, where the manifest asks for no more."""
    array = to_network_input(PICTURE, Channels())
    assert array.shape == (1, 3, 5, 7)
    assert array.dtype == np.float32
    for row, column, channel in np.ndindex(PICTURE.shape):
        assert array[0, channel, row, column] == PICTURE[row, column, channel]


def test_mean_and_scale_are_in_the_networks_colour_order():
    """As a manifest states them: first the order, then the mean is taken off, then the scale multiplies."""
    array = to_network_input(PICTURE, Channels("BGR", mean=(10, 20, 30), scale=(1, 0.5, 2)))
    red, green, blue = (PICTURE[..., channel].astype(np.float32) for channel in range(3))
    assert np.allclose(array[0, 0], blue - 10)
    assert np.allclose(array[0, 1], (green - 20) * 0.5)
    assert np.allclose(array[0, 2], (red - 30) * 2)


@pytest.mark.parametrize(("multiple", "height", "width"), [(1, 5, 7), (4, 8, 8), (7, 7, 7), (32, 32, 32)])
def test_the_picture_is_padded_below_and_to_the_right(multiple, height, width):
    """Places in the input are then places in the picture, whatever its size."""
    array = to_network_input(PICTURE, Channels(), multiple=multiple)
    assert array.shape == (1, 3, height, width)
    assert np.array_equal(array[0, :, :5, :7], PICTURE.transpose(2, 0, 1))
    assert (array[0, :, 5:] == 0).all()
    assert (array[0, :, :, 7:] == 0).all()


def test_padding_is_black_to_the_network():
    """Zero after normalisation would be a grey, and an edge where the picture is dark."""
    array = to_network_input(PICTURE, Channels(mean=(127.5, 100, 50), scale=(1 / 128, 1, 1)), multiple=8)
    black = np.array([-127.5 / 128, -100, -50], np.float32)
    assert np.allclose(array[0, :, 5:, :], black[:, None, None])
    assert np.allclose(array[0, :, :, 7:], black[:, None, None])


def test_the_picture_is_left_as_it_was():
    """It is looked at again, at other sizes."""
    picture = PICTURE.copy()
    to_network_input(picture, Channels("BGR", mean=(1, 2, 3), scale=(2, 2, 2)), multiple=8)
    assert np.array_equal(picture, PICTURE)


def test_a_view_of_a_larger_photograph_will_do():
    """Tiles are cut without copying."""
    view = np.flip(np.tile(PICTURE, (3, 3, 1)), axis=1)[2:7, 3:10]
    assert np.array_equal(to_network_input(view, Channels())[0], view.transpose(2, 0, 1))
