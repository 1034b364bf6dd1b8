"""The certified scan: bytes are looked at first, and nothing that could count is left out.

A first pass streams one byte a dimension instead of two or four, and leaves out only rows whose product of
bytes proves, by a bound of their own (`quantized`), that they cannot be in the answer. What is left is
compared at stored precision. So the answer is the one that a comparison of every row would give.

The cosine of a probe q and a stored row v is *defined* as q·v / |v| in float64, rounded to float32 and cut
to [-1, 1]: the same wherever the row lies, however rows are cut into blocks, whatever a first pass estimates.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.scan.accelerator import Accelerator, DeviceFailed, Mirror
from countenance.gallery.scan.block import Block
from countenance.gallery.scan.first_pass import FirstPass
from countenance.gallery.scan.kernels import Kernel, choose_kernel, products_of_many, to_columns
from countenance.gallery.scan.rows import Rows
from countenance.gallery.stored import lengths
from countenance.types import Cosine, Template, Templates

Matches = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Row numbers and their cosines, best first."""

_ROWS_AT_ONCE = 32_768
"""Rows whose products stay in a core's cache until they are judged."""
_ROWS_AT_FIRST = 1_024
"""The best of so many raise the floor for all the others."""
_LEAST_ON_DEVICE = 65_536
"""Fewer are searched before a device has been asked."""
_PARTS_A_THREAD = 2
"""With fewer than this, handing work to another thread costs more than it saves."""
_PROBES_AT_ONCE = 256
_ROWS_TOGETHER = 4_096
"""With so many probes their products, as floats, take 4 MiB."""
_RESCORE_ROWS = 1_024
"""Rows that are compared at stored precision in one go: in float64 they fit into a core's cache."""


class CertifiedScan:
    """Searches over rows, side by side; whoever changes the rows sees to it that nobody searches then."""

    def __init__(
        self,
        rows: Rows,
        *,
        threads: int | None = None,
        kernel: Kernel | None = None,
        accelerator: Accelerator | None = None,
    ) -> None:
        """
        Args:
            threads: that one search may use; None for one a core.
            kernel: None for the best that is there.
            accelerator: for the first pass over many rows; None for none.
        """
        self._rows = rows
        self._mirror = None if accelerator is None else Mirror(accelerator, rows)
        self._threads = threads or _cores()
        self._kernel = kernel or _kernel()

    def search(self, probe: Template, *, floor: Cosine, limit: int) -> Matches:
        """The `limit` best rows with cosine >= `floor`.

        Args:
            probe: (D,) float32 of unit length.
            floor: inclusive.
            limit: 1 or more; may exceed the number of rows.

        Returns:
            (K,) row numbers and (K,) float32 cosines in [-1, 1], by cosine descending, then ordinal.
        """
        if (there := self._on_device(probe[np.newaxis], floor, limit)) is not None:
            return there[0]
        first = FirstPass(probe, floor, limit)
        self._spread(partial(self._look, first))
        return self._answer(probe, first.rows(), floor, limit)

    def search_many(self, probes: Templates, *, floor: Cosine, limit: int) -> list[Matches]:
        """As `search` for each of (P, D) probes, in fewer passes: where many wait, arithmetic is the bound
        and not memory.
        """
        if (there := self._on_device(probes, floor, limit)) is not None:
            return there
        found: list[Matches] = []
        for begin in range(0, len(probes), _PROBES_AT_ONCE):
            together = [FirstPass(probe, floor, limit) for probe in probes[begin : begin + _PROBES_AT_ONCE]]
            for block, start, part in self._rows.parts(_ROWS_TOGETHER):
                _look_together(block, start, part, together)
            found += [self._answer(each.probe, each.rows(), floor, limit) for each in together]
        return found

    def _on_device(self, probes: Templates, floor: Cosine, limit: int) -> list[Matches] | None:
        """As `search_many`; None where it is to be done without."""
        if self._mirror is None or not self._mirror.is_usable:
            return None
        if len(self._rows) < _LEAST_ON_DEVICE:
            self._mirror.release()  # it may have been larger
            return None
        firsts = [FirstPass(probe, floor, limit) for probe in probes]
        block, start, part = next(self._rows.parts(_ROWS_AT_FIRST))
        for each in firsts:
            self._look(each, block, start, part)
        try:
            self._mirror.look(firsts, skip=part.stop)
        except DeviceFailed:
            return None
        return [self._answer(each.probe, each.rows(), floor, limit) for each in firsts]

    def tidy(self) -> None:
        """What was deleted leaves the device as well, though nobody searches. As for a search, nobody changes
        the rows meanwhile.
        """
        if self._mirror is not None:
            self._mirror.forget_changed()

    def _look(self, first: FirstPass, block: Block, start: int, part: slice) -> None:
        scaled = self._kernel(block.codes[part], first.codes)
        scaled *= block.scales[part]
        offsets = np.flatnonzero(scaled >= first.least(block))
        first.take(block, start, offsets + part.start, scaled[offsets])

    def _spread(self, look: Callable[[Block, int, slice], None]) -> None:
        """Look at every part. Others help as far as they are idle; nobody waits for one that is not."""
        left = deque(self._rows.parts(_ROWS_AT_ONCE, first=_ROWS_AT_FIRST))
        helpers = min(self._threads, len(left) // _PARTS_A_THREAD) - 1

        def run() -> None:
            while True:
                try:
                    part = left.popleft()
                except IndexError:
                    return
                look(*part)

        helping: list[Future[None]] = []
        try:
            helping += (_pool().submit(run) for _ in range(helpers))
            run()
        finally:
            # INVARIANT: when a search has ended, well or badly, nobody looks at the blocks for it.
            left.clear()
            begun = [each for each in helping if not each.cancel()]
            wait(begun)
        for each in begun:
            each.result()

    def cosines(self, probe: Template, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(K,) cosines in [-1, 1] of a probe with (K,) rows, as `search` answers them."""
        return self._compare(probe, rows)[0]

    def _compare(
        self, probe: Template, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Cosines and ordinals of rows."""
        cosines = np.empty(len(rows), np.float32)
        ordinals = np.empty(len(rows), np.int64)
        wide = probe.astype(np.float64)
        for block, here, offsets in self._rows.gather(rows):
            ordinals[here] = block.ordinals[offsets]
            for start in range(0, len(here), _RESCORE_ROWS):
                part = slice(start, start + _RESCORE_ROWS)
                vectors = block.stored[offsets[part]].astype(np.float64)
                cosines[here[part]] = (vectors * wide).sum(axis=1) / lengths(vectors)
        np.clip(cosines, -1.0, 1.0, out=cosines)
        return cosines, ordinals

    def _answer(self, probe: Template, rows: NDArray[np.int64], floor: Cosine, limit: int) -> Matches:
        cosines, ordinals = self._compare(probe, rows)
        reached = cosines >= np.float64(floor)  # not rounded to their precision: it is inclusive
        rows, cosines, ordinals = rows[reached], cosines[reached], ordinals[reached]
        order = np.lexsort((ordinals, -cosines))[:limit]
        return rows[order], cosines[order]


def _look_together(block: Block, start: int, part: slice, together: Sequence[FirstPass]) -> None:
    scaled = products_of_many(block.codes[part], to_columns([each.codes for each in together]))
    scaled *= block.scales[part, np.newaxis]
    least = np.array([each.least(block) for each in together], scaled.dtype)
    offsets, which = np.nonzero(scaled >= least)
    for column in np.unique(which):
        here = offsets[which == column]
        together[column].take(block, start, here + part.start, scaled[here, column])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _kernel() -> Kernel:
    return choose_kernel()


@cache
def _pool() -> ThreadPoolExecutor:
    """Of the process: however many searches run, no more threads than cores help with them."""
    return ThreadPoolExecutor(_cores(), thread_name_prefix="scan")
