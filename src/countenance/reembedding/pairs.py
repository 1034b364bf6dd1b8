"""Which faces of a gallery match one another under a model: each against all, or a sample against all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.scan import CertifiedScan, Layout, NewRows, Rows
from countenance.gallery.stored import to_unit
from countenance.similarity import Calibration, meets
from countenance.types import Similarity

_AT_ONCE: Final = 256
MOST_MATCHES: Final = 4_096
"""Of one face that are looked at, the best: as many as a search answers at most."""

Matches = Mapping[int, float]
"""Other rows that match a row, best first, with their similarities as a search would answer them."""


class Matcher:
    """One model's templates, compared as searches compare them."""

    def __init__(self, stored: NDArray[np.floating], calibration: Calibration) -> None:
        """`stored`: (N, D) at the precision in which they are kept, in order of enrolment."""
        layout = Layout(stored.shape[1], stored.dtype.name)
        memory: dict[int, bytearray] = {}
        self._rows = Rows(
            layout,
            lambda number: memoryview(memory.setdefault(number, bytearray(layout.block_bytes))),
            np.zeros(1, np.int64),
        )
        count = len(stored)
        ids = np.zeros((count, 2), np.uint64)
        self._rows.extend(NewRows(stored, np.arange(count), ids, np.zeros(count, np.uint64)))
        self._scan = CertifiedScan(self._rows)
        self._calibration = calibration
        self._stored = stored

    def matches(self, probes: Sequence[int], threshold: Similarity) -> list[Matches]:
        """For each of the rows `probes`, all others whose similarity reaches the threshold."""
        floor = self._calibration.cosine_floor(threshold)
        limit = min(len(self._stored), MOST_MATCHES + 1)
        found: list[Matches] = []
        for begin in range(0, len(probes), _AT_ONCE):
            part = probes[begin : begin + _AT_ONCE]
            answers = self._scan.search_many(to_unit(self._stored[list(part)]), floor=floor, limit=limit)
            for probe, (rows, cosines) in zip(part, answers, strict=True):
                similarities = self._calibration.to_similarity(cosines)
                kept = meets(similarities, threshold) & (rows != probe)
                found.append(dict(zip(map(int, rows[kept]), map(float, similarities[kept]), strict=True)))
        return found

    def similarity(self, one: int, other: int) -> float:
        """Of two rows, whatever the threshold."""
        a, b = to_unit(self._stored[[one, other]]).astype(np.float64)
        cosine = np.clip(np.float32(a @ b), -1.0, 1.0)
        return float(self._calibration.to_similarity(np.array([cosine], np.float32))[0])
