"""Stored precision and back."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.gallery.stored import to_steps, to_stored_template, to_unit, weights_of
from fakes.faces import random_templates


def test_a_row_comes_back_to_unit_length():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((1000, 256))
    templates = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    back = to_unit(to_stored_template(templates))
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


def test_a_weight_is_stored_with_the_template_and_changes_no_comparison():
    """Its step comes back exactly; the template is what it would have been, to half precision."""
    templates = random_templates(np.random.default_rng(3), 500, dimensions=256)
    weights = np.random.default_rng(4).uniform(0.1, 6.0, 500)
    stored = to_stored_template(templates, weights)
    assert np.array_equal(weights_of(stored), to_steps(weights))
    assert np.abs(to_unit(stored) - templates).max() < 1e-3


def test_a_template_without_a_weight_counts_exactly_once():
    """Faces that were enrolled before there were weights: what a user looks like must not move."""
    stored = to_stored_template(random_templates(np.random.default_rng(5), 500, dimensions=256))
    assert (weights_of(stored) == 1.0).all()


def test_weights_are_nine_steps():
    """The nearest in the ratio; beyond the ends, the ends."""
    given = [0.001, 0.25, 0.29, 0.31, 1.0, 1.1, 1.3, 4.0, 100.0]
    halves = [round(2 * float(np.log2(step))) for step in to_steps(np.array(given))]
    assert halves == [-4, -4, -4, -3, 0, 0, 1, 4, 4]
    assert len(set(to_steps(np.geomspace(0.01, 100, 1000)).tolist())) == 9


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_what_is_no_weight_is_refused(weight):
    """A length of nothing would be a template without a direction."""
    with pytest.raises(ValueError, match="positive"):
        to_stored_template(np.eye(1, 4, dtype=np.float32), np.array([weight]))
