"""A scan that nobody can doubt: every row, one at a time, in exact arithmetic. The oracle of the fast one."""

from __future__ import annotations

import math

import numpy as np


class BruteForceScan:
    """`countenance.gallery.scan.Scan`, slowly."""

    def __init__(self, dimensions):
        self._dimensions = dimensions
        self._rows = []

    def __len__(self):
        return len(self._rows)

    @property
    def nbytes(self):
        return sum(template.nbytes for template, _ in self._rows)

    def extend(self, templates, ordinals):
        self._rows += [
            (template.copy(), ordinal) for template, ordinal in zip(templates, ordinals, strict=True)
        ]

    def remove(self, row):
        last = self._rows.pop()
        if row < len(self._rows):
            self._rows[row] = last
        return len(self._rows)

    def template(self, row):
        return self._rows[row][0].copy()

    def search(self, probe, *, floor, limit):
        found = [
            (row, exact_cosine(template, probe), ordinal)
            for row, (template, ordinal) in enumerate(self._rows)
        ]
        found = [entry for entry in found if entry[1] >= floor]
        found.sort(key=lambda entry: (-entry[1], entry[2]))
        rows, cosines, _ = zip(*found[:limit], strict=True) if found else ((), (), ())
        return np.array(rows, np.int64), np.array(cosines, np.float32)


def exact_cosine(one, other):
    """The dot product of two float32 vectors without any rounding, then as float32 within [-1, 1]."""
    exact = math.fsum(float(a) * float(b) for a, b in zip(one, other, strict=True))
    return float(np.float32(min(max(exact, -1.0), 1.0)))
