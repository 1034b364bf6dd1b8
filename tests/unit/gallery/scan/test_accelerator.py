"""The scan on an accelerator, against the oracle: on a GPU if there is one, and on anything."""

from __future__ import annotations

import mmap
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.errors import SetupError
from countenance.gallery.scan import accelerator as module
from countenance.gallery.scan import certified
from countenance.gallery.scan.accelerator import Accelerator, Mirror
from fakes.brute_force_scan import BruteForceScan
from fakes.scanned_rows import ScannedRows

jax = pytest.importorskip("jax")
GALLERIES = ["crowd", "spikes", "copies", "opposites", "noise"]


def has_gpu():
    try:
        return bool(jax.devices("gpu"))
    except RuntimeError:
        return False


@pytest.fixture(
    scope="module",
    params=["cpu", pytest.param("gpu", marks=pytest.mark.skipif(not has_gpu(), reason="no GPU"))],
)
def accelerator(request):
    return Accelerator(jax.devices(request.param)[0])


@pytest.fixture(autouse=True)
def no_way_out(request, monkeypatch):
    """A device that fails is a failure: an answer without it is right as well, and would hide it."""

    def fatal(_self, error):
        pytest.fail(f"the device failed: {error!r}", pytrace=False)

    if "may_fail" not in request.fixturenames:
        monkeypatch.setattr(Mirror, "_give_up", fatal)


@pytest.fixture
def may_fail():
    """Of tests that are about that."""


@pytest.fixture
def always(monkeypatch):
    """Also for a few rows."""
    monkeypatch.setattr(certified, "_LEAST_ON_DEVICE", 1)
    monkeypatch.setattr(certified, "_ROWS_AT_FIRST", 32)


def a_gallery(kind, rng, rows=3_000, dimensions=64):
    centre = rng.standard_normal(dimensions)
    made = rng.standard_normal((rows, dimensions))
    if kind == "crowd":
        made = centre + 0.001 * made
    elif kind == "spikes":
        made[::7, 0] *= 1e3
    elif kind == "copies":
        made = np.repeat(made[: rows // 100], 100, axis=0)
    elif kind == "opposites":
        made = rng.choice([-1.0, 1.0], (rows, 1)) * (centre + 0.3 * made)
    return unit(centre), made / np.linalg.norm(made, axis=1, keepdims=True)


def unit(values):
    return (np.asarray(values, np.float64) / np.linalg.norm(values)).astype(np.float32)


def both(accelerator, stored, precision="float16", block_rows=700):
    scans = (
        ScannedRows(stored.shape[1], precision, block_rows=block_rows, accelerator=accelerator),
        BruteForceScan(stored.shape[1], precision),
    )
    for scan in scans:
        scan.extend(stored.astype(precision), np.arange(len(stored))[::-1].copy())
    return scans


def same(one, other):
    return np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


@pytest.mark.parametrize("dimensions", [1, 33, 128, 512, 4096])
def test_it_counts_as_whole_numbers_do(accelerator, dimensions):
    for width in (1, 16, 256):
        accelerator.prove(1_000, dimensions, width)


def test_what_is_put_there_does_not_change_with_its_memory(accelerator):
    memory = np.frombuffer(mmap.mmap(-1, 1 << 20), np.int8)  # on a page, as galleries lie
    there = accelerator.put(memory)
    memory[:] = 7
    assert not np.asarray(there).any()


@pytest.mark.parametrize("precision", ["float16", "float32"])
@pytest.mark.parametrize("kind", GALLERIES)
def test_it_misses_nothing(accelerator, always, kind, precision):
    """With thresholds on rows, a little beside them and none; fewer and more than come back by themselves."""
    rng = np.random.default_rng(3)
    centre, stored = a_gallery(kind, rng)
    fast, oracle = both(accelerator, stored, precision)
    for probe in (centre, unit(stored[1]), unit(rng.standard_normal(64))):
        every = oracle.search(probe, floor=-1.0, limit=10_000)
        for at in (0, 9, 1_500, 2_999):
            on = float(every[1][at])
            for floor in (on, np.nextafter(on, 2.0), -1.0):
                for limit in (1, at + 1, 10_000):
                    expected = oracle.search(probe, floor=floor, limit=limit)
                    assert same(fast.search(probe, floor=floor, limit=limit), expected)


@pytest.mark.parametrize("room", [4, 64])
def test_nor_where_more_is_let_through_than_comes_back_by_itself(always, monkeypatch, room):
    monkeypatch.setattr(module, "_ROOM_ROWS", room)
    rng = np.random.default_rng(4)
    centre, stored = a_gallery("crowd", rng)
    fast, oracle = both(Accelerator(jax.devices("cpu")[0]), stored)
    for floor in (-1.0, 0.9999):
        assert same(
            fast.search(centre, floor=floor, limit=500), oracle.search(centre, floor=floor, limit=500)
        )


def test_many_at_once_are_answered_as_each(accelerator, always):
    rng = np.random.default_rng(5)
    _, stored = a_gallery("noise", rng)
    fast, oracle = both(accelerator, stored)
    for count in (1, 17, 300):
        probes = np.stack([unit(stored[n] + 0.3 * rng.standard_normal(64)) for n in range(count)])
        told = fast.scan.search_many(probes, floor=0.2, limit=7)
        assert len(told) == count
        for probe, answer in zip(probes, told, strict=True):
            assert same(answer, oracle.search(probe, floor=0.2, limit=7))
    every = fast.scan.search_many(probes[:17], floor=-1.0, limit=5_000)  # more than come back by themselves
    for probe, answer in zip(probes[:17], every, strict=True):
        assert same(answer, oracle.search(probe, floor=-1.0, limit=5_000))


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_after_any_history_it_is_what_the_rows_are(data):
    """Rows come and go, memory is wiped: what the device has is never of before."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1_000)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(certified, "_LEAST_ON_DEVICE", 1)
        patched.setattr(certified, "_ROWS_AT_FIRST", 2)
        fast, oracle = both(CPU, np.empty((0, 8)), block_rows=16)
        for _ in range(data.draw(st.integers(1, 12))):
            step = data.draw(st.sampled_from(["come", "go", "wipe"]))
            if step == "come":
                _, new = a_gallery("noise", rng, rows=data.draw(st.integers(1, 20)), dimensions=8)
                for scan in (fast, oracle):
                    scan.extend(new.astype("float16"), np.arange(len(new)))
            elif step == "go" and len(oracle):
                row = data.draw(st.integers(0, len(oracle) - 1))
                assert fast.remove(row) == oracle.remove(row)
            elif step == "wipe":
                while len(oracle):
                    oracle.remove(0)
                wipe(fast.rows)
            probe = unit(rng.standard_normal(8))
            assert same(fast.search(probe, floor=-0.2, limit=9), oracle.search(probe, floor=-0.2, limit=9))


CPU = Accelerator(jax.devices("cpu")[0])


def wipe(rows):
    """As a gallery's memory is: zeros, the versions of blocks with them."""
    for block, _, _ in list(rows.parts(rows.layout.block_rows)):
        for name in (*type(block).__slots__,):
            getattr(block, name)[...] = 0
    rows._count[0] = 0


def test_what_has_not_changed_is_not_copied_again(always, monkeypatch):
    rng = np.random.default_rng(6)
    centre, stored = a_gallery("noise", rng)
    fast, _ = both(CPU, stored)
    CPU.prove(700, 64, 1)
    copied = []
    original = Accelerator.put
    monkeypatch.setattr(Accelerator, "put", lambda self, values: copied.append(1) or original(self, values))
    fast.search(centre, floor=0.0, limit=5)
    assert len(copied) == 2 * 5
    fast.search(centre, floor=0.0, limit=5)
    assert len(copied) == 2 * 5
    fast.remove(2_999)
    fast.search(centre, floor=0.0, limit=5)
    assert len(copied) == 2 * 6


def test_nothing_that_was_deleted_stays_there(always, monkeypatch):
    """Also where nobody searches, and where what is left is too little to be searched there."""
    rng = np.random.default_rng(10)
    centre, stored = a_gallery("noise", rng)
    fast, _ = both(CPU, stored)
    mirror = fast.scan._mirror
    fast.search(centre, floor=0.0, limit=5)
    assert sorted(mirror._mirrored) == [0, 1, 2, 3, 4]
    fast.remove(10)  # the last row of all takes its place
    fast.scan.tidy()
    assert sorted(mirror._mirrored) == [1, 2, 3]
    fast.search(centre, floor=0.0, limit=5)
    assert sorted(mirror._mirrored) == [0, 1, 2, 3, 4]
    wipe(fast.rows)
    fast.scan.tidy()
    assert mirror._mirrored == {}
    fast.extend(stored.astype("float16"), np.arange(len(stored)))
    fast.search(centre, floor=0.0, limit=5)
    monkeypatch.setattr(certified, "_LEAST_ON_DEVICE", 5_000)
    fast.search(centre, floor=0.0, limit=5)
    assert mirror._mirrored == {}


def test_searches_side_by_side_answer_the_same(always, accelerator):
    rng = np.random.default_rng(7)
    _, stored = a_gallery("noise", rng)
    fast, oracle = both(accelerator, stored)
    probes = [unit(rng.standard_normal(64)) for _ in range(20)]
    expected = [oracle.search(probe, floor=0.1, limit=20) for probe in probes]
    wrong = []

    def search():
        for probe, answer in zip(probes, expected, strict=True):
            if not same(fast.search(probe, floor=0.1, limit=20), answer):
                wrong.append(probe)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_device_that_fails_half_way_costs_no_answer(may_fail, always, monkeypatch, caplog):
    """It is told once, and the gallery is searched without it from then on."""
    rng = np.random.default_rng(8)
    centre, stored = a_gallery("crowd", rng)
    fast, oracle = both(CPU, stored)
    CPU.prove(700, 64, 1)
    original, runs = Accelerator.run, []

    def run(self, *given):
        runs.append(1)
        if len(runs) == 3:
            raise RuntimeError("RESOURCE_EXHAUSTED")
        return original(self, *given)

    monkeypatch.setattr(Accelerator, "run", run)
    for _ in range(3):
        assert same(fast.search(centre, floor=0.5, limit=50), oracle.search(centre, floor=0.5, limit=50))
    assert len(runs) == 3
    assert caplog.text.count("searched without the GPU from now on: RuntimeError") == 1
    assert "RESOURCE_EXHAUSTED" not in caplog.text
    assert fast.scan._mirror._mirrored == {}


def test_one_that_counts_wrong_in_some_shape_is_not_used_for_it(may_fail, always, monkeypatch, caplog):
    """Each is a program of its own, and what it leaves out nobody else would see."""
    rng = np.random.default_rng(11)
    centre, stored = a_gallery("noise", rng)
    wrong = Accelerator(jax.devices("cpu")[0])
    original = wrong._pass

    def leaves_one_out(*given):
        count, places, products, every = original(*given)
        return count - 1, places, products, every

    monkeypatch.setattr(wrong, "_pass", leaves_one_out)
    fast, oracle = both(wrong, stored)
    assert same(fast.search(centre, floor=0.0, limit=500), oracle.search(centre, floor=0.0, limit=500))
    assert "ArithmeticError" in caplog.text


def test_small_galleries_are_not_asked_of_a_device(monkeypatch):
    monkeypatch.setattr(Accelerator, "run", lambda *_: pytest.fail("it was asked"))
    rng = np.random.default_rng(9)
    centre, stored = a_gallery("noise", rng)
    fast, oracle = both(CPU, stored)
    assert same(fast.search(centre, floor=0.0, limit=5), oracle.search(centre, floor=0.0, limit=5))


def test_one_that_is_demanded_and_not_there_is_told(monkeypatch):
    def none(_platform):
        raise RuntimeError("Unknown backend: 'gpu'")

    monkeypatch.setattr(jax, "devices", none)
    with pytest.raises(SetupError, match="none can be used"):
        Accelerator.open("gpu")
    monkeypatch.setattr(module, "_SIGNS_OF_A_GPU", ())
    assert Accelerator.open("auto") is None
    assert Accelerator.open("cpu") is None


@pytest.mark.parametrize("trouble", ["counts wrong", "no memory left"])
def test_one_that_is_there_and_cannot_be_used_stops_nobody_who_did_not_ask_for_it(
    monkeypatch, caplog, trouble
):
    def run(_self, codes, *_given):
        if trouble == "no memory left":
            raise MemoryError("no memory left")
        return 0, np.zeros(1), np.zeros(1), np.zeros(codes.shape)

    monkeypatch.setattr(module, "_SIGNS_OF_A_GPU", (Path("/"),))
    monkeypatch.setattr(jax, "devices", lambda _platform, real=jax.devices: real("cpu"))
    assert Accelerator.open("auto") is not None
    monkeypatch.setattr(Accelerator, "run", run)
    assert Accelerator.open("auto") is None
    assert "searches do not use the GPU" in caplog.text
    with pytest.raises(SetupError, match="wrong" if trouble == "counts wrong" else trouble):
        Accelerator.open("gpu")


def test_nobody_loads_jax_where_there_is_no_driver():
    program = (
        "import sys; from countenance.gallery.scan import Accelerator, accelerator;\n"
        "accelerator._SIGNS_OF_A_GPU = ()\n"
        "print(Accelerator.open('auto'), 'jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "False"]
