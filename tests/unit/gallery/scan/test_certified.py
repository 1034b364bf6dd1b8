"""The certified scan against a brute-force oracle that runs the same contract."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.gallery.scan import certified
from countenance.gallery.scan.kernels import choose_kernel, numpy_kernel
from fakes.brute_force_scan import BruteForceScan
from fakes.scanned_rows import ScannedRows

DIMENSIONS = 4
CORNERS = [(1, 0, 0, 0), (-1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0), (1, 1, 1, 1), (1, 1e-4, 0, 0)]

directions = st.one_of(
    st.sampled_from(CORNERS),
    st.tuples(*[st.floats(-1, 1, width=32)] * DIMENSIONS).filter(lambda v: np.linalg.norm(v) > 0.1),
)
small_blocks = pytest.mark.parametrize("block_rows", [3, 16_384])


@pytest.fixture(params=[ScannedRows, BruteForceScan])
def scan(request):
    """The contract holds for the fast scan and for its oracle."""
    return request.param(DIMENSIONS)


def unit(values):
    return (np.asarray(values, np.float64) / np.linalg.norm(values)).astype(np.float32)


def add(scan, *templates, ordinals=None):
    ordinals = list(range(len(templates))) if ordinals is None else ordinals
    stored = np.array([unit(template) for template in templates], scan.precision)
    scan.extend(stored.reshape(-1, DIMENSIONS), ordinals)


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
@settings(max_examples=200, deadline=None)
@given(
    precision=st.sampled_from([np.float16, np.float32]),
    kernel=st.sampled_from([numpy_kernel, choose_kernel()]),
    templates=st.lists(directions, max_size=20),
    removals=st.lists(st.integers(0, 100), max_size=8),
    probe=directions,
    limit=st.integers(1, 25),
    aimed_at=st.integers(0, 30),
    nudge=st.sampled_from([-1, 0, 1]),
)
def test_it_answers_as_the_oracle_does(
    block_rows, precision, kernel, templates, removals, probe, limit, aimed_at, nudge
):
    """After any history; and with floors exactly at, just under and just over the cosine of a row."""
    fast = ScannedRows(DIMENSIONS, precision, block_rows=block_rows, kernel=kernel, threads=2)
    oracle = BruteForceScan(DIMENSIONS, precision)
    for scan in (fast, oracle):
        half = len(templates) // 2
        add(scan, *templates[:half])
        add(scan, *templates[half:], ordinals=list(range(half, len(templates))))
        for removal in removals:
            if len(scan):
                scan.remove(removal % len(scan))
    assert len(fast) == len(oracle)
    cosines = oracle.search(unit(probe), floor=-1.0, limit=100)[1]
    floor = float(cosines[aimed_at]) if aimed_at < len(cosines) else -1.0
    floor = np.nextafter(floor, floor + nudge) if nudge else floor
    expected = oracle.search(unit(probe), floor=floor, limit=limit)
    answer = fast.search(unit(probe), floor=floor, limit=limit)
    assert list(answer[0]) == list(expected[0])
    assert list(answer[1]) == list(expected[1])


def crowd(rng, centre):
    """Thousands of near-equal cosines, far less apart than a byte can tell."""
    return centre + 0.001 * rng.standard_normal((6_000, len(centre)))


def spikes_in_noise(rng, centre):
    """Rows of very different scales in one block: some with nearly all of their length in one coordinate."""
    rows = rng.standard_normal((6_000, len(centre)))
    rows[::7, 0] *= 1e3
    rows[::1500] = centre
    return rows


def copies(rng, centre):
    """Every row many times over, so that the order of enrolment decides."""
    return np.repeat(rng.standard_normal((60, len(centre))), 100, axis=0)


def opposites(rng, centre):
    return rng.choice([-1.0, 1.0], (6_000, 1)) * (centre + 0.3 * rng.standard_normal((6_000, len(centre))))


@pytest.mark.parametrize("precision", [np.float16, np.float32])
@pytest.mark.parametrize("kernel", [numpy_kernel, choose_kernel()], ids=["numpy", "chosen"])
@pytest.mark.parametrize("rows_of_kind", [crowd, spikes_in_noise, copies, opposites])
def test_no_row_is_missed_whatever_the_gallery_looks_like(monkeypatch, rows_of_kind, kernel, precision):
    """In several blocks and threads, with thresholds on rows, between rows and none at all."""
    monkeypatch.setattr(certified, "_ROWS_AT_ONCE", 300)
    rng = np.random.default_rng(5)
    centre = rng.standard_normal(64)
    rows = rows_of_kind(rng, centre)
    stored = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(precision)
    fast, oracle = (
        ScannedRows(64, precision, block_rows=1_000, kernel=kernel, threads=3),
        BruteForceScan(64, precision),
    )
    places = rng.permutation(len(stored))
    for scan in (fast, oracle):
        scan.extend(stored, places)
    for probe in (centre, rows[1], rng.standard_normal(64)):
        template = (probe / np.linalg.norm(probe)).astype(np.float32)
        every = oracle.search(template, floor=-1.0, limit=10_000)
        for at in (0, 9, 3_000, 5_999):
            on = float(every[1][at])
            for floor in (on, np.nextafter(on, 2.0), -1.0):
                for limit in (1, at + 1, 10_000):
                    answer = fast.search(template, floor=floor, limit=limit)
                    reached = every[1] >= floor
                    assert np.array_equal(answer[0], every[0][reached][:limit])
                    assert np.array_equal(answer[1], every[1][reached][:limit])


def test_the_first_pass_leaves_out_nearly_everything():
    """Or the answers would be right and the searches slow."""
    rng = np.random.default_rng(6)
    rows = rng.standard_normal((20_000, 256))
    stored = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    scan = ScannedRows(256, block_rows=8_192)
    scan.extend(stored, range(len(stored)))
    seen = []
    answer = scan.scan._answer
    scan.scan._answer = lambda probe, kept, *others: seen.append(len(kept)) or answer(probe, kept, *others)
    for row in range(20):
        scan.search(scan.template(row), floor=0.35, limit=10)
        scan.search(scan.template(row), floor=-1.0, limit=10)
    assert max(seen) < 200


@pytest.mark.parametrize("limit", [1, 7, 5_000])
@pytest.mark.parametrize("floor", [-1.0, 0.0, 0.3])
def test_many_probes_together_answer_as_each_alone(monkeypatch, floor, limit):
    monkeypatch.setattr(certified, "_PROBES_AT_ONCE", 12)
    monkeypatch.setattr(certified, "_ROWS_TOGETHER", 300)
    rng = np.random.default_rng(8)
    rows = rng.standard_normal((2_500, 32))
    stored = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    scan = ScannedRows(32, block_rows=700)
    scan.extend(stored, range(len(stored)))
    probes = np.array([scan.template(row) for row in range(0, 2_500, 100)])
    together = scan.scan.search_many(probes, floor=floor, limit=limit)
    for probe, answer in zip(probes, together, strict=True):
        alone = scan.search(probe, floor=floor, limit=limit)
        assert np.array_equal(answer[0], alone[0])
        assert np.array_equal(answer[1], alone[1])


def test_no_probes_and_no_rows_give_no_answers():
    empty = ScannedRows(4).scan
    assert empty.search_many(np.empty((0, 4), np.float32), floor=0.0, limit=1) == []
    (answer,) = empty.search_many(np.eye(4, dtype=np.float32)[:1], floor=0.0, limit=1)
    assert len(answer[0]) == 0


def test_searches_side_by_side_answer_as_one_alone(monkeypatch):
    monkeypatch.setattr(certified, "_ROWS_AT_ONCE", 500)
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((10_000, 32))
    stored = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
    scan = ScannedRows(32, block_rows=3_000, threads=4)
    scan.extend(stored, range(len(stored)))
    probes = [scan.template(row) for row in range(16)]
    alone = [scan.search(probe, floor=0.2, limit=50) for probe in probes]
    found = [None] * len(probes)

    def run(number):
        found[number] = scan.search(probes[number], floor=0.2, limit=50)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(probes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(found, alone, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])


def test_a_search_that_failed_has_nobody_left_at_the_rows(monkeypatch):
    """Its lock is gone by then: a helper that goes on would read what is being changed."""
    monkeypatch.setattr(certified, "_ROWS_AT_FIRST", 4)
    together, helpers, left_at_work = threading.Barrier(3), [], []

    def kernel(codes, probe):
        if len(helpers) < 3:
            helpers.append(threading.current_thread())
            place = together.wait(5)
            if place == 0:
                raise MemoryError
            if place == 1:
                left_at_work.append(1)
                time.sleep(0.3)
                left_at_work.clear()
        return numpy_kernel(codes, probe)

    scan = ScannedRows(DIMENSIONS, block_rows=4, kernel=kernel, threads=3)
    add(scan, *[(1, 0, 0, 0)] * 24)
    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(certified, "_pool", lambda: pool)
        for _ in range(5):
            helpers.clear()
            together.reset()
            with pytest.raises(MemoryError):
                scan.search(unit((1, 0, 0, 0)), floor=0.5, limit=1)
            assert left_at_work == []


def test_what_goes_wrong_in_a_helping_thread_is_told(monkeypatch):
    monkeypatch.setattr(certified, "_ROWS_AT_FIRST", 4)

    def broken(codes, probe):
        if threading.current_thread() is threading.main_thread():
            helped.wait(5)
            return numpy_kernel(codes, probe)
        helped.set()
        raise MemoryError

    helped = threading.Event()
    scan = ScannedRows(DIMENSIONS, block_rows=4, kernel=broken, threads=2)
    add(scan, *[(1, 0, 0, 0)] * 32)
    with pytest.raises(MemoryError):
        scan.search(unit((1, 0, 0, 0)), floor=0.5, limit=1)
