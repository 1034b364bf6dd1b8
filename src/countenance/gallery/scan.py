"""The exact scan: every row is compared, so that no match is ever missed.

A row's cosine is defined as the float64 dot product of two float32 unit vectors, rounded to float32:
the same wherever the row lies and however the rows are cut into blocks. A first pass in float32 leaves
out only rows that cannot count by its own error bound (any order of summing D products of unit vectors
errs by less than D + 2 roundoffs); what is left is computed as defined. The certified scan over
quantised codes keeps this interface.

The first pass is numpy's own loop and not BLAS: both are bound by memory, and BLAS's threads stand in
each other's way when searches run side by side (8 searchers, 2 cores, 100,000 x 256: 270 a second
against 18).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from countenance.types import Cosine, Template, Templates

BLOCK_ROWS = 16_384
_FIRST_ROWS = 64
_RESCORE_ROWS = 4_096
_UNIT_ROUNDOFF = 2.0**-24
_LENGTH_SLACK = 1.001
"""Rows and probes are of unit length to within rounding; the error bound is multiplied by this."""

Matches = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Row indices and their cosines, best first."""


class Scan(Protocol):
    """Rows of unit length, searched exactly.

    Not thread-safe: changes exclude searches and one another; searches may run side by side.
    """

    def __len__(self) -> int: ...

    @property
    def nbytes(self) -> int:
        """Bytes of memory held."""

    def extend(self, templates: Templates, ordinals: Sequence[int]) -> None:
        """Add rows behind the last; an ordinal decides between equal cosines, lowest first."""

    def remove(self, row: int) -> int:
        """Take a row out and answer the index of the row that takes its place (itself, if it was last)."""

    def template(self, row: int) -> Template:
        """A copy of a row."""

    def search(self, probe: Template, *, floor: Cosine, limit: int) -> Matches:
        """The `limit` best rows with cosine >= `floor`.

        Args:
            probe: (D,) float32 of unit length.
            floor: inclusive.
            limit: 1 or more; may exceed the number of rows.

        Returns:
            (K,) row indices and (K,) float32 cosines in [-1, 1], by cosine descending, then ordinal.
        """


class ExactScan:
    """`Scan` over float32 rows in blocks: growing copies one block at most, never the gallery."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._blocks: list[Templates] = []
        self._ordinals: list[NDArray[np.int64]] = []
        self._rows = 0
        self._error = _LENGTH_SLACK * (dimensions + 2) * _UNIT_ROUNDOFF

    def __len__(self) -> int:
        return self._rows

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self._blocks) + sum(part.nbytes for part in self._ordinals)

    def extend(self, templates: Templates, ordinals: Sequence[int]) -> None:
        done = 0
        while done < len(templates):
            block, offset = divmod(self._rows, BLOCK_ROWS)
            room = self._make_room(block, offset + len(templates) - done) - offset
            part = slice(done, done + room)
            added = len(templates[part])
            self._blocks[block][offset : offset + added] = templates[part]
            self._ordinals[block][offset : offset + added] = ordinals[part]
            self._rows += added
            done += added

    def remove(self, row: int) -> int:
        last = self._rows - 1
        if row != last:
            block, offset = divmod(last, BLOCK_ROWS)
            self._put(row, self._blocks[block][offset], self._ordinals[block][offset])
        # A deleted template does not stay in memory.
        self._put(last, np.zeros(self._dimensions, np.float32), np.int64(0))
        self._rows = last
        if last == (len(self._blocks) - 1) * BLOCK_ROWS:
            self._blocks.pop()
            self._ordinals.pop()
        return last

    def template(self, row: int) -> Template:
        block, offset = divmod(row, BLOCK_ROWS)
        return np.array(self._blocks[block][offset], np.float32)

    def search(self, probe: Template, *, floor: Cosine, limit: int) -> Matches:
        rows = self._plausible(probe, floor, limit)
        cosines = self._cosines(probe, rows)
        reached = cosines >= floor
        rows, cosines = rows[reached], cosines[reached]
        order = np.lexsort((self._ordinals_of(rows), -cosines))[:limit]
        return rows[order], cosines[order]

    def _plausible(self, probe: Template, floor: Cosine, limit: int) -> NDArray[np.int64]:
        """Rows that may be among the answer: all of those that are, and few more."""
        cut = float(floor) - self._error
        rows, estimates = np.empty(0, np.int64), np.empty(0, np.float32)
        for start, block in self._filled():
            estimate = np.einsum("nd,d->n", block, probe)
            kept = np.flatnonzero(estimate >= cut)
            if not len(kept):
                continue
            rows = np.concatenate((rows, kept + start))
            estimates = np.concatenate((estimates, estimate[kept]))
            if len(rows) > limit:
                # Twice: the limit-th best may be as much too high as this row is too low.
                worst = float(np.partition(estimates, len(rows) - limit)[len(rows) - limit])
                cut = max(cut, worst - 2 * self._error)
                kept = np.flatnonzero(estimates >= cut)
                rows, estimates = rows[kept], estimates[kept]
        return rows

    def _cosines(self, probe: Template, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        found = np.empty(len(rows), np.float32)
        wide = probe.astype(np.float64)
        for start in range(0, len(rows), _RESCORE_ROWS):
            part = rows[start : start + _RESCORE_ROWS]
            vectors = self._gather(part).astype(np.float64)
            found[start : start + len(part)] = (vectors * wide).sum(axis=1)
        return np.clip(found, -1.0, 1.0)

    def _gather(self, rows: NDArray[np.int64]) -> Templates:
        vectors = np.empty((len(rows), self._dimensions), np.float32)
        blocks, offsets = np.divmod(rows, BLOCK_ROWS)
        for block in np.unique(blocks):
            here = blocks == block
            vectors[here] = self._blocks[block][offsets[here]]
        return vectors

    def _ordinals_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        blocks, offsets = np.divmod(rows, BLOCK_ROWS)
        found = np.empty(len(rows), np.int64)
        for block in np.unique(blocks):
            here = blocks == block
            found[here] = self._ordinals[block][offsets[here]]
        return found

    def _filled(self) -> list[tuple[int, Templates]]:
        return [
            (number * BLOCK_ROWS, block[: self._rows - number * BLOCK_ROWS])
            for number, block in enumerate(self._blocks)
        ]

    def _make_room(self, block: int, wanted_rows: int) -> int:
        """Let `block` hold `wanted_rows`, or as many as a block can; how many it then holds.

        Blocks start small and double, so that a thousand small galleries do not take a block each.
        """
        if block == len(self._blocks):
            self._blocks.append(np.zeros((0, self._dimensions), np.float32))
            self._ordinals.append(np.zeros(0, np.int64))
        held = len(self._blocks[block])
        if wanted_rows <= held:
            return held
        capacity = min(max(wanted_rows, 2 * held, _FIRST_ROWS), BLOCK_ROWS)
        if capacity > held:
            grown = np.zeros((capacity, self._dimensions), np.float32)
            grown[:held] = self._blocks[block]
            self._blocks[block].fill(0.0)
            self._blocks[block] = grown
            self._ordinals[block] = np.concatenate(
                (self._ordinals[block], np.zeros(capacity - held, np.int64))
            )
        return capacity

    def _put(self, row: int, template: Template, ordinal: np.int64) -> None:
        block, offset = divmod(row, BLOCK_ROWS)
        self._blocks[block][offset] = template
        self._ordinals[block][offset] = ordinal
