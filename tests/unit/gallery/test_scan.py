"""The exact scan against a brute-force oracle that runs the same contract."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.gallery import scan as scan_module
from countenance.gallery.scan import ExactScan
from fakes.brute_force_scan import BruteForceScan

DIMENSIONS = 4
CORNERS = [(1, 0, 0, 0), (-1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0), (1, 1, 1, 1), (1, 1e-4, 0, 0)]

directions = st.one_of(
    st.sampled_from(CORNERS),
    st.tuples(*[st.floats(-1, 1, width=32)] * DIMENSIONS).filter(lambda v: np.linalg.norm(v) > 0.1),
)
small_blocks = pytest.mark.parametrize("block_rows", [3, 16_384])


@pytest.fixture(params=[ExactScan, BruteForceScan])
def scan(request):
    """The contract holds for the fast scan and for its oracle."""
    return request.param(DIMENSIONS)


def unit(values):
    return (np.asarray(values, np.float64) / np.linalg.norm(values)).astype(np.float32)


def add(scan, *templates, ordinals=None):
    ordinals = list(range(len(templates))) if ordinals is None else ordinals
    scan.extend(np.array([unit(template) for template in templates], np.float32), ordinals)


def rows_of(answer):
    return list(answer[0])


def test_the_best_row_comes_first(scan):
    add(scan, (0, 1, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0))
    rows, cosines = scan.search(unit((1, 0, 0, 0)), floor=-1.0, limit=10)
    assert list(rows) == [1, 2, 0]
    assert cosines == pytest.approx([1.0, 0.5**0.5, 0.0])


def test_a_row_exactly_at_the_floor_is_found(scan):
    """Floors are inclusive: a threshold is a minimum."""
    add(scan, (0, 1, 0, 0))
    assert rows_of(scan.search(unit((1, 0, 0, 0)), floor=0.0, limit=1)) == [0]
    assert rows_of(scan.search(unit((1, 0, 0, 0)), floor=1e-9, limit=1)) == []


def test_the_opposite_direction_is_found_at_the_lowest_floor(scan):
    """Rounding may make a cosine a little less than -1; threshold 0 must still find every face."""
    opposite = (0.3, 0.5, 0.7, 0.1)
    add(scan, opposite)
    assert rows_of(scan.search(-unit(opposite), floor=-1.0, limit=1)) == [0]


def test_equal_rows_come_by_ordinal_also_where_the_limit_cuts(scan):
    """Processes hold rows in different places; an answer must not depend on the place."""
    add(scan, *[(1, 1, 0, 0)] * 5, ordinals=[50, 10, 40, 20, 30])
    assert rows_of(scan.search(unit((1, 0, 0, 0)), floor=-1.0, limit=3)) == [1, 3, 4]


def test_an_empty_scan_finds_nothing(scan):
    assert rows_of(scan.search(unit((1, 0, 0, 0)), floor=-1.0, limit=5)) == []


def test_a_limit_beyond_the_gallery_gives_the_whole_gallery(scan):
    add(scan, (1, 0, 0, 0), (0, 1, 0, 0))
    assert rows_of(scan.search(unit((1, 0, 0, 0)), floor=-1.0, limit=4096)) == [0, 1]


def test_the_last_row_takes_the_place_of_one_that_is_removed(scan):
    add(scan, (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))
    assert scan.remove(0) == 2
    assert len(scan) == 2
    assert list(scan.template(0)) == [0, 0, 1, 0]
    assert rows_of(scan.search(unit((1, 0, 0, 0)), floor=0.5, limit=5)) == []


@small_blocks
@settings(max_examples=150, deadline=None)
@given(
    templates=st.lists(directions, max_size=20),
    removals=st.lists(st.integers(0, 100), max_size=8),
    probe=directions,
    limit=st.integers(1, 25),
    aimed_at=st.integers(0, 30),
    nudge=st.sampled_from([-1, 0, 1]),
)
def test_it_answers_as_the_oracle_does(block_rows, templates, removals, probe, limit, aimed_at, nudge):
    """After any history; and with floors exactly at, just under and just over the cosine of a row."""
    original, scan_module.BLOCK_ROWS = scan_module.BLOCK_ROWS, block_rows
    try:
        fast, oracle = ExactScan(DIMENSIONS), BruteForceScan(DIMENSIONS)
        for scan in (fast, oracle):
            half = len(templates) // 2
            add(scan, *templates[:half])
            add(scan, *templates[half:], ordinals=list(range(half, len(templates))))
            for removal in removals:
                if len(scan):
                    scan.remove(removal % len(scan))
        cosines = oracle.search(unit(probe), floor=-1.0, limit=100)[1]
        floor = float(cosines[aimed_at]) if aimed_at < len(cosines) else -1.0
        floor = np.nextafter(floor, floor + nudge) if nudge else floor
        expected = oracle.search(unit(probe), floor=floor, limit=limit)
        answer = fast.search(unit(probe), floor=floor, limit=limit)
        assert list(answer[0]) == list(expected[0])
        assert list(answer[1]) == list(expected[1])
    finally:
        scan_module.BLOCK_ROWS = original


def test_it_answers_as_the_oracle_does_at_real_size():
    """Thousands of rows in several blocks, with crowds of near-equal cosines around the limit."""
    rng = np.random.default_rng(1)
    centre = rng.standard_normal(64)
    vectors = centre + 0.001 * rng.standard_normal((20_000, 64))
    templates = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    fast, oracle = ExactScan(64), BruteForceScan(64)
    for scan in (fast, oracle):
        scan.extend(templates, list(range(len(templates))))
    probe = (centre / np.linalg.norm(centre)).astype(np.float32)
    expected = oracle.search(probe, floor=-1.0, limit=500)
    answer = fast.search(probe, floor=-1.0, limit=500)
    assert list(answer[0]) == list(expected[0])
    assert list(answer[1]) == list(expected[1])


def test_a_removed_template_does_not_stay_in_memory():
    scan = ExactScan(DIMENSIONS)
    add(scan, (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))
    scan.remove(1)
    assert not any(block[:, 1].any() for block in scan._blocks)


def test_growing_copies_one_block_at_most(monkeypatch):
    """A large gallery must not need memory for itself twice."""
    monkeypatch.setattr(scan_module, "BLOCK_ROWS", 4)
    scan = ExactScan(DIMENSIONS)
    add(scan, *[(1, 0, 0, 0)] * 4)
    full = scan._blocks[0]
    add(scan, *[(0, 1, 0, 0)] * 9, ordinals=list(range(9)))
    assert scan._blocks[0] is full
    assert [len(block) for block in scan._blocks] == [4, 4, 4, 4]


def test_a_small_gallery_takes_little_memory():
    scan = ExactScan(512)
    scan.extend(np.ones((1, 512), np.float32), [0])
    assert scan.nbytes < 200_000
