"""Rows in blocks: growing copies one block at most, never the gallery."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray

from countenance.gallery.scan.quantized import QuantizedRows, quantize
from countenance.gallery.stored import to_unit

_FIRST_ROWS = 64


class Block:
    """Up to `most_rows` rows, their codes beside them.

    Attributes:
        rows: how many are in use.
        stored: (capacity, D), at stored precision.
        codes, scales, errors: see `QuantizedRows`; scales as float64, which products of bytes come in.
        ordinals: (capacity,) int64.
        largest_error: of any row that is or was in it.
    """

    __slots__ = (
        "codes",
        "errors",
        "largest_error",
        "ordinals",
        "rows",
        "scales",
        "stored",
    )

    def __init__(self, dimensions: int, precision: DTypeLike) -> None:
        self.rows = 0
        self.stored: NDArray[np.floating] = np.empty((0, dimensions), precision)
        self.codes = np.empty((0, dimensions), np.int8)
        self.scales = np.empty(0, np.float64)
        self.errors = np.empty(0, np.float32)
        self.ordinals = np.empty(0, np.int64)
        self.largest_error = 0.0

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self._arrays().values())

    def append(self, stored: NDArray[np.floating], ordinals: NDArray[np.int64], *, most_rows: int) -> int:
        """Take as many rows as there is room for, from the first on; how many."""
        taken = min(len(stored), most_rows - self.rows)
        self._make_room(self.rows + taken, most_rows)
        place = slice(self.rows, self.rows + taken)
        self._put(place, stored[:taken], quantize(to_unit(stored[:taken])), ordinals[:taken])
        self.rows += taken
        return taken

    def copy_row(self, row: int, source: Block, from_row: int) -> None:
        """Put another block's row in the place of one of this one's."""
        part, place = slice(from_row, from_row + 1), slice(row, row + 1)
        scales = source.scales[part].astype(np.float32)
        quantized = QuantizedRows(source.codes[part], scales, source.errors[part])
        self._put(place, source.stored[part], quantized, source.ordinals[part])

    def drop_last(self) -> None:
        """Forget the last row: a deleted template does not stay in memory."""
        self.rows -= 1
        for array in self._arrays().values():
            array[self.rows] = 0

    def _put(
        self,
        place: slice,
        stored: NDArray[np.floating],
        quantized: QuantizedRows,
        ordinals: NDArray[np.int64],
    ) -> None:
        self.stored[place] = stored
        self.codes[place] = quantized.codes
        self.scales[place] = quantized.scales
        self.errors[place] = quantized.errors
        self.ordinals[place] = ordinals
        self.largest_error = max(self.largest_error, float(quantized.errors.max(initial=0.0)))

    def _make_room(self, wanted_rows: int, most_rows: int) -> None:
        """Blocks start small and double, so that a thousand small galleries do not take a block each."""
        held = len(self.ordinals)
        if wanted_rows <= held:
            return
        capacity = min(max(wanted_rows, 2 * held, _FIRST_ROWS), most_rows)
        for name, array in self._arrays().items():
            grown = np.zeros((capacity, *array.shape[1:]), array.dtype)
            grown[:held] = array
            array.fill(0)
            setattr(self, name, grown)

    def _arrays(self) -> dict[str, NDArray[np.generic]]:
        names = ("stored", "codes", "scales", "errors", "ordinals")
        return {name: getattr(self, name) for name in names}
