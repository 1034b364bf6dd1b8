"""One probe's way through the blocks, by bytes: which rows may be in its answer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.scan.block import Block
from countenance.gallery.scan.candidates import Candidates
from countenance.gallery.scan.quantized import Codes, QuantizedProbe
from countenance.types import Cosine, Template

_ROUNDING = 1e-6
"""Of estimates in float32: they are 1 at most."""


class FirstPass:
    """Thread-safe: threads may look at different blocks.

    Attributes:
        probe: (D,) float32 of unit length.
        codes: (D,) the probe as bytes.
    """

    def __init__(self, probe: Template, floor: Cosine, limit: int) -> None:
        self.probe = probe
        self._quantized = QuantizedProbe.of(probe)
        self._candidates = Candidates(floor, limit)

    @property
    def codes(self) -> Codes:
        return self._quantized.codes

    def least(self, block: Block) -> float:
        """What a row's product of bytes times its scale has to reach, by the largest error in the block.

        One comparison leaves out nearly all of it; `take` judges the rest one by one.
        """
        asked = self._quantized
        least = self._candidates.floor - asked.constant - asked.per_error * block.largest_error
        # A little less, so that rounding on the way leaves out nothing.
        return (least - _ROUNDING) / asked.scale

    def take(
        self, block: Block, start: int, offsets: NDArray[np.int64], scaled: NDArray[np.floating]
    ) -> None:
        """Rows of a block that reached `least`, with their products times their scales.

        Args:
            start: the number of the block's first row.
        """
        if len(offsets):
            asked = self._quantized
            estimates = scaled.astype(np.float64) * asked.scale
            margins = block.errors[offsets] * asked.per_error + asked.constant
            self._candidates.add(offsets + start, estimates - margins, estimates + margins)

    def rows(self) -> NDArray[np.int64]:
        """All that may be in the answer, in no order."""
        return self._candidates.rows()
