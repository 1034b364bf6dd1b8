"""Rotations from seeds: what they keep, what they hide, and what they do not hide."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.gallery.basis import MODELS_BASIS, Sealing, basis_from
from countenance.gallery.stored import to_stored_template, to_unit, weights_of
from fakes.faces import random_templates

SEED, OTHER = bytes(range(32)), bytes(32)
GOLDEN = [
    [-0.252266605, 0.81281268, 0.52506867],
    [0.660602555, -0.251840059, 0.707234649],
    [-0.707082615, -0.525273388, 0.473415296],
]
"""Of SEED in 3 dimensions."""


@pytest.mark.parametrize("dimensions", [2, 3, 128, 512])
def test_it_is_orthogonal(dimensions):
    rotation = basis_from(SEED, dimensions).turned(np.eye(dimensions))
    assert np.abs(rotation @ rotation.T - np.eye(dimensions)).max() < 1e-12


def test_products_are_what_they_were(rng):
    templates = random_templates(rng, 50, dimensions=512)
    turned = basis_from(SEED, 512).turned(templates)
    assert turned.dtype == np.float32
    assert np.abs(turned @ turned.T - templates @ templates.T).max() < 1e-6


def test_a_seed_is_the_same_basis_everywhere():
    """Else templates would be lost with an update of NumPy. These are of NumPy 2.4 on x86-64."""
    assert np.round(basis_from(SEED, 3).turned(np.eye(3)), 9).tolist() == GOLDEN


def test_another_seed_or_length_is_another_basis():
    eye = np.eye(64)
    assert np.abs(basis_from(SEED, 64).turned(eye) - basis_from(OTHER, 64).turned(eye)).max() > 0.1
    assert (
        np.abs(basis_from(SEED, 128).turned(np.eye(128))[:64, :64] - basis_from(SEED, 64).turned(eye)).max()
        > 0.1
    )


def test_rotations_are_evenly_distributed():
    """The trace of one has mean 0 and variance 1 (Diaconis and Shahshahani, 1994), here over 400."""
    traces = [np.trace(basis_from(n.to_bytes(32, "big"), 16).turned(np.eye(16))) for n in range(400)]
    assert abs(np.mean(traces)) < 4 / np.sqrt(400)
    assert abs(np.var(traces) - 1) < 4 * np.sqrt(2 / 400)


def test_templates_of_two_bases_are_strangers(rng):
    """A template is no more like itself in another basis than anybody is: to 5 of 1/sqrt(512)."""
    templates = random_templates(rng, 200, dimensions=512)
    one, two = (basis_from(seed, 512).turned(templates) for seed in (SEED, OTHER))
    for a, b in ((one, two), (one, templates)):
        assert np.abs(np.einsum("nd,nd->n", a, b)).max() < 5 / np.sqrt(512)


def test_it_is_no_anonymisation(rng):
    """As many pairs as there are dimensions give it away, to whoever reads memory and has photographs."""
    known, unknown = random_templates(rng, 128, dimensions=128), random_templates(rng, 20, dimensions=128)
    basis = basis_from(SEED, 128)
    left, _, right = np.linalg.svd(basis.turned(known).T.astype(np.float64) @ known.astype(np.float64))
    assert np.abs(unknown @ (left @ right).T - basis.turned(unknown)).max() < 1e-4


def test_carried_from_one_into_another_they_are_what_the_model_made(rng):
    templates = random_templates(rng, 20, dimensions=512)
    one, two = basis_from(SEED, 512), basis_from(OTHER, 512)
    stored = one.turned(templates).astype(np.float16)
    for into in (two, MODELS_BASIS, one):
        assert np.abs(one.carried(stored, into).astype(np.float64) - into.turned(templates)).max() < 2e-4
    back = MODELS_BASIS.carried(templates.astype(np.float16), two)
    assert np.abs(back.astype(np.float64) - two.turned(templates)).max() < 2e-4


def test_weights_are_carried_along(rng):
    """A basis is renewed without anybody counting for more or less: the length is the weight."""
    weights = np.array([0.25, 1.0, 2.0**0.5, 4.0])
    templates = random_templates(rng, 4, dimensions=128)
    one, two = basis_from(SEED, 128), basis_from(OTHER, 128)
    carried = one.carried(to_stored_template(one.turned(templates), weights), two)
    assert weights_of(carried) == pytest.approx(weights)
    assert np.abs(to_unit(carried) - two.turned(templates)).max() < 1e-3


def test_what_is_carried_does_not_depend_on_what_it_is_carried_with(rng):
    stored = random_templates(rng, 300, dimensions=256).astype(np.float16)
    one, two = basis_from(SEED, 256), basis_from(OTHER, 256)
    together = one.carried(stored, two)
    assert np.array_equal(together, np.concatenate([one.carried(row[np.newaxis], two) for row in stored]))


def test_which_basis_a_template_is_in_is_said_by_its_key():
    sealing = Sealing(7, basis=6, since=6, earlier=3)
    assert [sealing.basis_of(generation) for generation in (5, 6, 7)] == [3, 6, 6]
    assert sealing.is_renewing
    assert not Sealing(7, basis=6, since=6, earlier=6).is_renewing
    assert not Sealing(1).is_renewing
