"""The bound that the scan relies on, against the true cosine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.gallery.scan.quantized import QuantizedProbe, quantize


def unit(rows):
    wide = np.asarray(rows, np.float64)
    return (wide / np.linalg.norm(wide, axis=-1, keepdims=True)).astype(np.float32)


def estimates_and_margins(rows, probe):
    kept, asked = quantize(rows), QuantizedProbe.of(probe)
    products = kept.codes.astype(np.int64) @ asked.codes.astype(np.int64)
    estimates = products * kept.scales.astype(np.float64) * asked.scale
    return estimates, asked.constant + asked.per_error * kept.errors.astype(np.float64)


vectors = st.lists(
    st.one_of(st.floats(-1, 1, width=32), st.sampled_from([0.0, 1.0, -1.0, 1e-7, 0.5 / 127])),
    min_size=12,
    max_size=12,
).filter(lambda values: np.linalg.norm(values) > 1e-3)


@settings(max_examples=500, deadline=None)
@given(row=vectors, probe=vectors)
def test_the_true_cosine_is_within_the_margin(row, probe):
    rows, asked = unit([row]), unit(probe)
    (estimate,), (margin,) = estimates_and_margins(rows, asked)
    true = float(rows[0].astype(np.float64) @ asked.astype(np.float64))
    assert abs(true - estimate) <= margin


@pytest.mark.parametrize("dimensions", [2, 128, 256, 512, 1024])
def test_the_margin_is_small_for_what_networks_give(dimensions):
    """Or the first pass would leave out nothing."""
    rng = np.random.default_rng(dimensions)
    rows, probe = unit(rng.standard_normal((5_000, dimensions))), unit(rng.standard_normal(dimensions))
    estimates, margins = estimates_and_margins(rows, probe)
    true = rows.astype(np.float64) @ probe.astype(np.float64)
    assert np.all(np.abs(true - estimates) <= margins)
    assert margins.max() < 0.025


def test_a_probe_that_is_not_quite_of_unit_length_is_allowed_for():
    rng = np.random.default_rng(3)
    rows, probe = unit(rng.standard_normal((100, 64))), unit(rng.standard_normal(64)) * np.float32(1.01)
    estimates, margins = estimates_and_margins(rows, probe)
    assert np.all(np.abs(rows.astype(np.float64) @ probe.astype(np.float64) - estimates) <= margins)


def test_a_row_of_zeros_is_no_division_by_zero():
    kept = quantize(np.zeros((1, 8), np.float32))
    assert not kept.codes.any()
    assert kept.scales[0] > 0


def test_codes_use_the_whole_range_and_never_its_lowest():
    kept = quantize(unit([[1, 0.5], [-1, 0.25]]))
    assert kept.codes.tolist() == [[127, 64], [-127, 32]]
