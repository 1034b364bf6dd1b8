"""From pixels to the array that a network takes, as the manifest states it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from countenance.types import Pixels
from countenance.vision.manifest import ColourOrder


class _Channels(Protocol):
    """What a manifest says of a network's input channels."""

    @property
    def colour_order(self) -> ColourOrder: ...
    @property
    def mean(self) -> tuple[float, float, float]: ...
    @property
    def scale(self) -> tuple[float, float, float]: ...


def to_network_input(picture: Pixels, channels: _Channels, *, multiple: int = 1) -> NDArray[np.float32]:
    """(1, 3, H, W) float32, black below and to the right up to a `multiple` of pixels a side."""
    height, width = picture.shape[:2]
    padded = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
    array = np.zeros((1, 3, *padded), np.float32)
    ordered = picture[..., ::-1] if channels.colour_order == "BGR" else picture
    array[0, :, :height, :width] = ordered.transpose(2, 0, 1)
    mean, scale = np.array(channels.mean, np.float32), np.array(channels.scale, np.float32)
    if mean.any():
        array -= mean[:, None, None]
    if (scale != 1).any():
        array *= scale[:, None, None]
    return array
