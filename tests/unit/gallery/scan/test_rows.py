"""Rows one after the other, over blocks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from countenance.gallery.scan import Layout, Rows
from fakes.scanned_rows import new_rows, rows_in_memory


def stored(count, dimensions=4, seed=1):
    rows = np.random.default_rng(seed).standard_normal((count, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture
def rows():
    return rows_in_memory(Layout(4, "float16", 8))


def ids_of(count, seed=2):
    return np.random.default_rng(seed).integers(0, 1 << 63, (count, 2), dtype=np.uint64) * np.uint64(2)


def content(rows):
    return [tuple(rows.place(row)[0].stored[rows.place(row)[1]].tolist()) for row in range(len(rows))]


def test_rows_go_on_in_the_next_block(rows):
    every = stored(30)
    for start in range(0, 30, 7):
        rows.extend(new_rows(every[start : start + 7]))
    assert content(rows) == [tuple(row) for row in every.tolist()]
    assert [(start, part.start, part.stop) for _, start, part in rows.parts(5)] == [
        *((0, 0, 5), (0, 5, 8), (8, 0, 5), (8, 5, 8)),
        *((16, 0, 5), (16, 5, 8), (24, 0, 5), (24, 5, 6)),
    ]


def test_the_very_first_part_may_be_a_short_one(rows):
    rows.extend(new_rows(stored(20)))
    parts = [(start, part.start, part.stop) for _, start, part in rows.parts(8, first=3)]
    assert parts == [(0, 0, 3), (0, 3, 8), (8, 0, 8), (16, 0, 4)]


def test_the_last_row_takes_the_place_of_one_that_is_removed(rows):
    every = stored(18)
    rows.extend(new_rows(every))
    assert rows.remove(3) == 17
    assert rows.remove(16) == 16
    assert len(rows) == 16
    assert content(rows)[3] == tuple(every[17].tolist())
    assert rows.remove(0) == 15


def test_what_is_behind_the_last_row_is_zeros(rows):
    rows.extend(new_rows(stored(10), ids=ids_of(10)))
    for _ in range(10):
        rows.remove(0)
    for number in range(2):
        block, _ = rows.place(8 * number)
        assert not any(column.any() for column in (block.stored, block.codes, block.ids))


def test_rows_are_found_by_their_ids(rows):
    ids = ids_of(30)
    rows.extend(new_rows(stored(30), ids=ids))
    assert rows.find(ids[[29, 0, 7, 8]]).tolist() == [29, 0, 7, 8]
    other = ids[3].copy()
    other[1] += np.uint64(1)
    assert rows.find(np.array([other, ids[4]])).tolist() == [-1, 4]
    assert rows.find(np.empty((0, 2), np.uint64)).tolist() == []


def test_rows_are_found_by_their_owners(rows):
    owners = np.array([0, 1 << 63, 5, 0, 1 << 63] * 4, np.uint64)
    rows.extend(new_rows(stored(20), owners=owners))
    assert sorted(rows.owned(np.array([1 << 63], np.uint64))) == np.flatnonzero(owners == 1 << 63).tolist()
    assert sorted(rows.owned(np.array([5, 77], np.uint64))) == np.flatnonzero(owners == 5).tolist()
    assert rows.owned(np.array([77], np.uint64)).tolist() == []
    assert {owner for part in rows.owners() for owner in part.tolist()} == {0, 5, 1 << 63}


def test_no_rows_own_nothing(rows):
    assert rows.owned(np.array([1], np.uint64)).tolist() == []


def test_rows_are_gathered_block_by_block(rows):
    every = stored(30)
    rows.extend(new_rows(every))
    wanted = np.array([29, 0, 8, 1, 28])
    found = np.empty((5, 4), np.float16)
    for block, here, offsets in rows.gather(wanted):
        found[here] = block.stored[offsets]
    assert np.array_equal(found, every[wanted])


def test_another_who_maps_the_memory_sees_what_was_appended():
    """How many there are lies in memory as well."""
    layout, memory, count = Layout(4, "float16", 8), {}, np.zeros(1, np.int64)

    def block(number):
        return memoryview(memory.setdefault(number, bytearray(layout.block_bytes)))

    mine, theirs = Rows(layout, block, count), Rows(layout, block, count)
    mine.extend(new_rows(stored(20)))
    assert content(theirs) == content(mine)
    theirs.remove(0)
    assert content(mine) == content(theirs)


def test_threads_that_meet_a_new_block_map_it_once():
    layout, mapped = Layout(4, "float16", 8), []
    together = threading.Barrier(4)

    def block(number):
        mapped.append(number)
        return memoryview(bytearray(layout.block_bytes))

    rows = Rows(layout, block, np.full(1, 80, np.int64))

    def look():
        together.wait(5)
        list(rows.parts(8))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mapped == list(range(10))
