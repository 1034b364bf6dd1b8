"""Rows in plain memory with a certified scan over them, as one thing."""

from __future__ import annotations

import numpy as np

from countenance.gallery.scan import CertifiedScan, Layout, NewRows, Rows


def rows_in_memory(layout):
    memory = {}

    def block(number):
        return memoryview(memory.setdefault(number, bytearray(layout.block_bytes)))

    return Rows(layout, block, np.zeros(1, np.int64))


def new_rows(stored, ordinals=None, ids=None, owners=None):
    count = len(stored)
    return NewRows(
        stored,
        np.arange(count) if ordinals is None else np.asarray(ordinals, np.int64),
        np.zeros((count, 2), np.uint64) if ids is None else np.asarray(ids, np.uint64),
        np.zeros(count, np.uint64) if owners is None else np.asarray(owners, np.uint64),
    )


class ScannedRows:
    """What `BruteForceScan` does, fast."""

    def __init__(self, dimensions, precision="float16", *, block_rows=256, **options):
        self.rows = rows_in_memory(Layout(dimensions, np.dtype(precision).name, block_rows))
        self.scan = CertifiedScan(self.rows, **options)
        self.precision = np.dtype(precision)

    def __len__(self):
        return len(self.rows)

    def extend(self, stored, ordinals):
        self.rows.extend(new_rows(stored, ordinals))

    def remove(self, row):
        return self.rows.remove(row)

    def template(self, row):
        return self.rows.template(row)

    def search(self, probe, *, floor, limit):
        return self.scan.search(probe, floor=floor, limit=limit)
