"""Rows in a block: where they lie, and what stays of them."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.gallery.scan.block import Block
from countenance.gallery.scan.layout import BLOCK_ROWS, Layout
from countenance.gallery.scan.quantized import quantize
from countenance.gallery.stored import to_unit
from fakes.scanned_rows import new_rows

LAYOUT = Layout(4, "float16", 8)


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture
def memory():
    return bytearray(LAYOUT.block_bytes)


def test_rows_lie_where_another_process_looks_for_them(memory):
    block = Block(LAYOUT, memoryview(memory))
    stored = unit([[1, 2, 3, 4], [0, 1, 0, -1]])
    block.put(slice(2, 4), new_rows(stored, ordinals=[7, 8], ids=[[1, 2], [3, 4]], owners=[5, 0]))
    other = Block(LAYOUT, memoryview(bytearray(memory)))
    expected = quantize(to_unit(stored))
    for column, values in (
        ("stored", stored),
        ("codes", expected.codes),
        ("scales", expected.scales),
        ("errors", expected.errors),
        ("ordinals", [7, 8]),
        ("ids", [[1, 2], [3, 4]]),
        ("owners", [5, 0]),
    ):
        assert np.array_equal(getattr(other, column)[2:4], values), column
    assert other.largest_error == block.largest_error == expected.errors.max()


def test_the_largest_error_holds_for_every_row_that_was_ever_in_it(memory):
    """It may be larger than need be, never smaller."""
    block, other = Block(LAYOUT, memoryview(memory)), Block(LAYOUT, memoryview(bytearray(LAYOUT.block_bytes)))
    block.put(slice(0, 1), new_rows(unit([[1, 0, 0, 0]])))
    other.put(slice(0, 2), new_rows(unit([[1, 1, 1, 1], [1, 0.3, 0.2, 0.1]])))
    block.copy_row(0, other, 1)
    assert block.largest_error >= other.errors[1]
    assert np.array_equal(block.stored[0], other.stored[1])
    block.put(slice(0, 1), new_rows(unit([[1, 0, 0, 0]])))
    assert block.largest_error >= other.errors[1]


def test_a_cleared_row_leaves_nothing(memory):
    block = Block(LAYOUT, memoryview(memory))
    block.put(slice(0, 2), new_rows(unit([[1, 1, 1, 1]] * 2), [1, 2], [[1, 1]] * 2, [1, 1]))
    block.clear_row(1)
    columns = (block.codes, block.stored, block.scales, block.errors, block.ordinals, block.ids, block.owners)
    assert all(column[0].any() for column in columns)
    assert not any(column[1].any() for column in columns)


def test_a_face_of_256_dimensions_takes_812_bytes():
    """Twenty million of them: 16 GB, for all processes of a machine together."""
    assert Layout(256).row_bytes == 256 + 512 + 8 + 4 + 8 + 16 + 8
    assert Layout(256).block_bytes / BLOCK_ROWS < 813


def test_columns_lie_on_pages_of_their_own():
    layout = Layout(3, "float32", 5)
    views = layout.views(memoryview(bytearray(layout.block_bytes)))
    starts = {name: view.__array_interface__["data"][0] for name, view in views.items()}
    begin = starts.pop("largest_error")
    assert starts.pop("version") - begin == 8
    assert all((start - begin) % 4096 == 0 and start > begin for start in starts.values())
    assert len(set(starts.values())) == len(starts)
