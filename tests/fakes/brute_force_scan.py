"""A scan that nobody can doubt: every row, one at a time, in exact arithmetic. The oracle of the fast one."""

from __future__ import annotations

import math

import numpy as np


class BruteForceScan:
    """`ScannedRows`, slowly."""

    def __init__(self, dimensions, precision=np.float16):
        self._dimensions = dimensions
        self.precision = np.dtype(precision)
        self._rows = []

    def __len__(self):
        return len(self._rows)

    @property
    def nbytes(self):
        return sum(template.nbytes for template, _ in self._rows)

    def extend(self, stored, ordinals):
        assert stored.dtype == self.precision
        self._rows += [(row.copy(), ordinal) for row, ordinal in zip(stored, ordinals, strict=True)]

    def remove(self, row):
        last = self._rows.pop()
        if row < len(self._rows):
            self._rows[row] = last
        return len(self._rows)

    def template(self, row):
        stored = self._rows[row][0].astype(np.float64)
        return (stored / np.linalg.norm(stored)).astype(np.float32)

    def search(self, probe, *, floor, limit):
        found = [
            (row, exact_cosine(stored, probe), ordinal) for row, (stored, ordinal) in enumerate(self._rows)
        ]
        found = [entry for entry in found if entry[1] >= floor]
        found.sort(key=lambda entry: (-entry[1], entry[2]))
        rows, cosines, _ = zip(*found[:limit], strict=True) if found else ((), (), ())
        return np.array(rows, np.int64), np.array(cosines, np.float32)


def exact_cosine(stored, probe):
    """A row at stored precision, brought to unit length, times a probe: sums without any rounding, the cosine
    as float32 within [-1, 1].
    """
    product = math.fsum(float(a) * float(b) for a, b in zip(stored, probe, strict=True))
    length = math.sqrt(math.fsum(float(a) ** 2 for a in stored))
    return float(np.float32(min(max(product / length, -1.0), 1.0)))
