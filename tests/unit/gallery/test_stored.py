"""Stored precision and back."""

from __future__ import annotations

import numpy as np

from countenance.gallery.stored import to_stored_template, to_unit


def test_a_row_comes_back_to_unit_length():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((1000, 256))
    templates = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    back = to_unit(np.array([to_stored_template(template) for template in templates]))
    assert back.dtype == np.float32
    assert np.allclose(np.linalg.norm(back.astype(np.float64), axis=1), 1.0, atol=1e-7)
    assert np.abs(back - templates).max() < 1e-3


def test_a_row_is_the_same_alone_and_among_others():
    """Or two processes that read a gallery in other batches would answer differently."""
    rng = np.random.default_rng(2)
    stored = rng.standard_normal((50, 256)).astype(np.float16)
    together = to_unit(stored)
    assert all(np.array_equal(to_unit(stored[row : row + 1])[0], together[row]) for row in range(50))


def test_zeros_have_no_direction():
    assert not to_unit(np.zeros((1, 4), np.float16)).any()
