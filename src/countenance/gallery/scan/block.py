"""A block of rows: their templates, the bytes that a search streams, and whose they are."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.scan.layout import Layout
from countenance.gallery.scan.quantized import quantize
from countenance.gallery.stored import to_unit


class NewRows(NamedTuple):
    """N rows as they come in.

    Attributes:
        stored: (N, D), at the precision in which they are kept.
        ordinals: (N,) int64; decide between equal cosines, lowest first.
        ids: (N, 2) uint64, the halves of a UUID.
        owners: (N,) uint64, 0 for nobody.
    """

    stored: NDArray[np.floating]
    ordinals: NDArray[np.int64]
    ids: NDArray[np.uint64]
    owners: NDArray[np.uint64]

    def part(self, which: slice) -> NewRows:
        return NewRows(self.stored[which], self.ordinals[which], self.ids[which], self.owners[which])


class Block:
    """Numbers in memory that others may map as well.

    Attributes:
        codes, scales, errors: see `QuantizedRows`; scales as float64, in which products of bytes come.
        stored, ordinals, ids, owners: see `NewRows`.
    """

    __slots__ = (
        "_largest_error",
        "_version",
        "codes",
        "errors",
        "ids",
        "ordinals",
        "owners",
        "scales",
        "stored",
    )

    def __init__(self, layout: Layout, memory: memoryview) -> None:
        views: dict[str, NDArray[Any]] = layout.views(memory)
        self._largest_error: NDArray[np.float32] = views["largest_error"]
        self._version: NDArray[np.int64] = views["version"]
        self.codes: NDArray[np.int8] = views["codes"]
        self.stored: NDArray[np.floating] = views["stored"]
        self.scales: NDArray[np.float64] = views["scales"]
        self.errors: NDArray[np.float32] = views["errors"]
        self.ordinals: NDArray[np.int64] = views["ordinals"]
        self.ids: NDArray[np.uint64] = views["ids"]
        self.owners: NDArray[np.uint64] = views["owners"]

    @property
    def largest_error(self) -> float:
        """Of any row that is or was in it: it may be larger than need be, never smaller."""
        return float(self._largest_error[0])

    @property
    def version(self) -> int:
        """Another one after each change, by any process; never one that there was before."""
        return int(self._version[0])

    def put(self, place: slice, rows: NewRows) -> None:
        """Write rows, codes and all."""
        quantized = quantize(to_unit(rows.stored))
        self.stored[place] = rows.stored
        self.codes[place] = quantized.codes
        self.scales[place] = quantized.scales
        self.errors[place] = quantized.errors
        self.ordinals[place], self.ids[place], self.owners[place] = rows.ordinals, rows.ids, rows.owners
        self._allow_for(float(quantized.errors.max(initial=0.0)))
        self._change()

    def copy_row(self, row: int, source: Block, from_row: int) -> None:
        """Put another block's row in the place of one of this one's."""
        for mine, other in zip(self._columns(), source._columns(), strict=True):
            mine[row] = other[from_row]
        self._allow_for(float(source.errors[from_row]))
        self._change()

    def clear_row(self, row: int) -> None:
        """A deleted template does not stay in memory."""
        for column in self._columns():
            column[row] = 0
        self._change()

    def _change(self) -> None:
        # By the machine's clock, which nobody sets back: a block that was wiped, and so forgot its version,
        # does not come to one that somebody knows.
        self._version[0] = max(self.version + 1, time.monotonic_ns())

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.codes, self.stored, self.scales, self.errors, self.ordinals, self.ids, self.owners

    def _allow_for(self, error: float) -> None:
        self._largest_error[0] = max(self._largest_error[0], np.float32(error))
