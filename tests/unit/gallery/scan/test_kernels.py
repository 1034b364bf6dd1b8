"""Products of bytes, exact on whatever multiplies them."""

from __future__ import annotations

import logging
import sys
import types

import numpy as np
import pytest

from countenance.gallery.scan.kernels import choose_kernel, counts_right, numpy_kernel


@pytest.mark.parametrize("kernel", [numpy_kernel, choose_kernel()], ids=["numpy", "chosen"])
@pytest.mark.parametrize("dimensions", [1, 3, 63, 64, 256, 512, 1040, 1041, 4096])
def test_products_are_exact(kernel, dimensions):
    """All at the extremes: the largest sums there are, just at and over what float32 can count."""
    rng = np.random.default_rng(dimensions)
    codes = rng.choice(np.array([-127, 127, 126], np.int8), (3_000, dimensions))
    codes[0], codes[1] = 127, -127
    probe = np.full(dimensions, 127, np.int8)
    expected = codes.astype(np.int64) @ probe.astype(np.int64)
    assert np.array_equal(kernel(codes, probe), expected)


def test_one_row_gives_one_product():
    for kernel in (numpy_kernel, choose_kernel()):
        assert kernel(np.full((1, 64), 2, np.int8), np.full(64, 3, np.int8)).tolist() == [384]


def test_simsimd_is_used_where_it_is_there():
    """It is a dependency: without this the fallback could be what everybody runs."""
    assert choose_kernel() is not numpy_kernel


def test_a_kernel_that_counts_wrong_is_found_out(monkeypatch, caplog):
    def saturating(codes, probe, metric):
        return np.clip(codes.astype(np.int64) @ probe[0].astype(np.int64), -(2**15), 2**15 - 1)

    assert not counts_right(lambda codes, probe: saturating(codes, probe[np.newaxis], "dot"))
    monkeypatch.setitem(sys.modules, "simsimd", types.SimpleNamespace(cdist=saturating))
    with caplog.at_level(logging.ERROR):
        assert choose_kernel() is numpy_kernel
    assert "wrong on this processor" in caplog.text


def test_without_simsimd_numpy_does_it_and_says_so(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "simsimd", None)
    with caplog.at_level(logging.WARNING):
        assert choose_kernel() is numpy_kernel
    assert "SimSIMD" in caplog.text
