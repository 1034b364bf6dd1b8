"""Where the numbers of a block of rows lie in its memory, the same for every process that maps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

_PAGE_BYTES: Final = 4096
_VERSION_AT: Final = 8
"""In a block's first page, behind its largest error."""
BLOCK_ROWS: Final = 65_536
"""Of every block but in tests: large enough for the system to use large pages, and few enough to map."""


@dataclass(frozen=True)
class Layout:
    """Of blocks of `block_rows` rows.

    Attributes:
        dimensions: of a template.
        precision: in which rows are kept and compared: "float16" or "float32".
    """

    dimensions: int
    precision: str = "float16"
    block_rows: int = BLOCK_ROWS

    @cached_property
    def columns(self) -> Mapping[str, tuple[np.dtype[np.generic], tuple[int, ...]]]:
        """What is kept of a row: name, type and shape."""
        whole: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {
            "codes": (np.int8, (self.dimensions,)),
            "stored": (self.precision, (self.dimensions,)),
            "scales": (np.float64, ()),
            "errors": (np.float32, ()),
            "ordinals": (np.int64, ()),
            "ids": (np.uint64, (2,)),
            "owners": (np.uint64, ()),
        }
        return {name: (np.dtype(dtype), shape) for name, (dtype, shape) in whole.items()}

    @cached_property
    def row_bytes(self) -> int:
        """Of all columns together."""
        return sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in self.columns.values())

    @cached_property
    def block_bytes(self) -> int:
        """A whole number of pages."""
        return self._offsets[-1]

    def views(self, memory: memoryview) -> dict[str, NDArray[np.generic]]:
        """The columns of a block, and `largest_error` and `version` (1,), in `block_bytes` of memory.

        Memory that was never written reads as zeros, and costs nothing until it is.
        """
        found: dict[str, NDArray[np.generic]] = {
            "largest_error": np.frombuffer(memory, np.float32, 1),
            "version": np.frombuffer(memory, np.int64, 1, _VERSION_AT),
        }
        for (name, (dtype, shape)), offset in zip(self.columns.items(), self._offsets[:-1], strict=True):
            whole = (self.block_rows, *shape)
            column = np.frombuffer(memory, dtype, int(np.prod(whole)), offset)
            found[name] = column.reshape(whole)
        return found

    @cached_property
    def _offsets(self) -> list[int]:
        """Of each column, on pages of their own, behind one for the block itself; and of the end."""
        offsets = [_PAGE_BYTES]
        for dtype, shape in self.columns.values():
            size = self.block_rows * dtype.itemsize * int(np.prod(shape))
            offsets.append(offsets[-1] + -(-size // _PAGE_BYTES) * _PAGE_BYTES)
        return offsets
