"""Rows in blocks of memory: a gallery grows block by block and nothing of it is ever copied for that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.scan.block import Block, NewRows
from countenance.gallery.scan.layout import Layout
from countenance.gallery.stored import to_unit
from countenance.types import Template

Memory = Callable[[int], memoryview]
"""The memory of a block, by its number: `block_bytes`, zeros at first."""


class Rows:
    """Rows one after the other. Not thread-safe: whoever changes them is alone with them.

    How many there are lies in memory as well: what one process appends is there for every other that maps the
    same memory, once it looks.
    """

    def __init__(self, layout: Layout, memory: Memory, count: NDArray[np.int64]) -> None:
        """`count`: (1,), the number of rows."""
        self.layout = layout
        self._memory = memory
        self._count = count
        self._blocks: list[Block] = []
        self._mapping = threading.Lock()

    def __len__(self) -> int:
        return int(self._count[0])

    @property
    def nbytes(self) -> int:
        """Of what is in use, to within a few pages."""
        return len(self) * self.layout.row_bytes

    def parts(self, most_rows: int, *, first: int | None = None) -> Iterator[tuple[Block, int, slice]]:
        """Blocks, the numbers of their first rows, and which of their rows.

        Args:
            first: how many rows the very first part has at most.
        """
        for number in range(self._blocks_in_use()):
            start = number * self.layout.block_rows
            inside = min(self.layout.block_rows, len(self) - start)
            begin, end = 0, min(most_rows if number or first is None else first, inside)
            while begin < end:
                yield self._block(number), start, slice(begin, end)
                begin, end = end, min(end + most_rows, inside)

    def place(self, row: int) -> tuple[Block, int]:
        """Where a row lies."""
        number, offset = divmod(row, self.layout.block_rows)
        return self._block(number), offset

    def gather(self, rows: NDArray[np.int64]) -> Iterator[tuple[Block, NDArray[np.int64], NDArray[np.int64]]]:
        """Block by block: which of `rows` are in it, as places in `rows`, and as offsets in the block."""
        numbers = rows // self.layout.block_rows
        for number in np.unique(numbers):
            here = np.flatnonzero(numbers == number)
            yield self._block(int(number)), here, rows[here] % self.layout.block_rows

    def template(self, row: int) -> Template:
        """A row as a unit vector."""
        block, offset = self.place(row)
        template: Template = to_unit(block.stored[offset : offset + 1])[0]
        return template

    def stored(self, row: int) -> NDArray[np.floating]:
        """(D,) a row as it lies there: a copy, at stored precision and of the length that it has."""
        block, offset = self.place(row)
        return np.array(block.stored[offset])

    def find(self, ids: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The rows of (M, 2) ids: (M,), -1 where there is none. Looks at all rows, once."""
        found = np.full(len(ids), -1, np.int64)
        places = {(int(high), int(low)): place for place, (high, low) in enumerate(ids)}
        for block, start, part in self.parts(self.layout.block_rows):
            for offset in _among(block.ids[part, 0], ids[:, 0]):
                high, low = block.ids[offset]
                place = places.get((int(high), int(low)))
                if place is not None:
                    found[place] = start + offset
        return found

    def owned(self, owners: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The rows of any of these owners, in no order. Looks at all rows, once."""
        found = [
            start + _among(block.owners[part], owners)
            for block, start, part in self.parts(self.layout.block_rows)
        ]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def owners(self) -> Iterator[NDArray[np.uint64]]:
        """Of all rows, block by block: each owner once a block, 0 for nobody."""
        for block, _, part in self.parts(self.layout.block_rows):
            yield np.unique(block.owners[part])

    def extend(self, rows: NewRows) -> None:
        """Add rows behind the last."""
        done = 0
        while done < len(rows.stored):
            block, offset = self.place(len(self))
            taken = min(len(rows.stored) - done, self.layout.block_rows - offset)
            block.put(slice(offset, offset + taken), rows.part(slice(done, done + taken)))
            self._count[0] += taken
            done += taken

    def put(self, row: int, rows: NewRows) -> None:
        """Write the one row of `rows` in the place of `row`."""
        block, offset = self.place(row)
        block.put(slice(offset, offset + 1), rows)

    def remove(self, row: int) -> int:
        """Take a row out and answer the number of the row that takes its place (itself, if it was last)."""
        last = len(self) - 1
        ending, end = self.place(last)
        if row != last:
            block, offset = self.place(row)
            block.copy_row(offset, ending, end)
        ending.clear_row(end)
        self._count[0] = last
        return last

    def _blocks_in_use(self) -> int:
        return -(-len(self) // self.layout.block_rows)

    def _block(self, number: int) -> Block:
        if number >= len(self._blocks):
            with self._mapping:  # searches side by side may meet a block that another process has begun
                while number >= len(self._blocks):
                    self._blocks.append(Block(self.layout, self._memory(len(self._blocks))))
        return self._blocks[number]


def _among(column: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Places in `column` of values that are among `wanted`; both are evenly spread over all of uint64.

    By their first sixteen bits at first: one look-up a row, however many are wanted.
    """
    table = np.zeros(1 << 16, np.bool_)
    table[wanted >> np.uint64(48)] = True
    likely = np.flatnonzero(table[column >> np.uint64(48)])
    return likely[np.isin(column[likely], wanted)]
