"""Rows in a block: where they lie, and what stays of them."""

from __future__ import annotations

import numpy as np

from countenance.gallery.scan.block import Block


def unit(rows):
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def test_it_takes_what_it_has_room_for_and_says_how_many():
    block = Block(2, np.float16)
    rows = unit(np.ones((5, 2)))
    assert block.append(rows, np.arange(5), most_rows=3) == 3
    assert (block.rows, len(block.codes)) == (3, 3)


def test_small_blocks_double_and_nothing_is_lost():
    rng = np.random.default_rng(1)
    rows = unit(rng.standard_normal((200, 4)))
    block = Block(4, np.float16)
    for start in range(0, 200, 7):
        block.append(rows[start : start + 7], np.arange(start, min(start + 7, 200)), most_rows=1000)
    assert np.array_equal(block.stored[: block.rows], rows)
    assert np.array_equal(block.ordinals[: block.rows], np.arange(200))
    assert len(block.codes) == 256


def test_what_was_grown_out_of_keeps_no_template():
    block = Block(2, np.float16)
    block.append(unit([[1, 1]]), np.arange(1), most_rows=1000)
    small = block.stored, block.codes
    block.append(unit(np.ones((64, 2))), np.arange(64), most_rows=1000)
    assert not any(array.any() for array in small)


def test_the_largest_error_holds_for_every_row_that_was_ever_in_it():
    """It may be larger than need be, never smaller."""
    block, other = Block(4, np.float16), Block(4, np.float16)
    block.append(unit([[1, 0, 0, 0]]), np.arange(1), most_rows=10)
    other.append(unit([[1, 1, 1, 1], [1, 0.3, 0.2, 0.1]]), np.arange(2), most_rows=10)
    block.copy_row(0, other, 0)
    for source in (block, other):
        assert source.errors[: source.rows].max() <= source.largest_error


def test_the_last_row_leaves_nothing():
    block = Block(2, np.float16)
    block.append(unit([[1, 1], [1, 0]]), np.arange(5, 7), most_rows=10)
    block.drop_last()
    assert block.rows == 1
    assert not any(array[1].any() for array in (block.stored, block.codes, block.scales, block.ordinals))
