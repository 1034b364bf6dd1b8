"""What a scan is: rows of unit length, searched exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from countenance.types import Cosine, Template

Matches = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Row indices and their cosines, best first."""


class Scan(Protocol):
    """Rows at stored precision, searched exactly.

    The cosine of a probe q and a stored row v is *defined* as q·v / |v| in float64, rounded to float32 and
    cut to [-1, 1]: the same wherever the row lies, however rows are cut into blocks, and whatever a first
    pass estimates.

    Not thread-safe: changes exclude searches and one another; searches may run side by side.
    """

    def __len__(self) -> int: ...

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""

    def extend(self, stored: NDArray[np.floating], ordinals: Sequence[int]) -> None:
        """Add rows behind the last; an ordinal decides between equal cosines, lowest first.

        Args:
            stored: (N, D), in the scan's own precision.
        """

    def remove(self, row: int) -> int:
        """Take a row out and answer the index of the row that takes its place (itself, if it was last)."""

    def template(self, row: int) -> Template:
        """A row as a unit vector."""

    def search(self, probe: Template, *, floor: Cosine, limit: int) -> Matches:
        """The `limit` best rows with cosine >= `floor`.

        Args:
            probe: (D,) float32 of unit length.
            floor: inclusive.
            limit: 1 or more; may exceed the number of rows.

        Returns:
            (K,) row indices and (K,) float32 cosines in [-1, 1], by cosine descending, then ordinal.
        """
