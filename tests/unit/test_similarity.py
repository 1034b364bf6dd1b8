"""What a Similarity means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.policy import load_purposes
from countenance.similarity import Calibration, meets, similarity_at_fmr
from countenance.types import Cosine, Similarity

CALIBRATION = Calibration((0.1, 0.3, 0.5), (2.0, 4.0, 6.0), trials=1000, extrapolated_from=0.45)


@pytest.mark.parametrize(("cosine", "similarity"), [(0.3, 80.0), (0.5, 99.0)])
def test_eighty_is_one_in_ten_thousand_and_ninety_nine_one_in_a_million(cosine, similarity):
    """The two points that the whole scale hangs on."""
    assert CALIBRATION.similarity_of(Cosine(cosine)) == pytest.approx(similarity, abs=0.006)


def test_similarity_is_answered_in_hundredths_of_a_percent():
    """Fine scores leak templates."""
    answered = CALIBRATION.to_similarity(np.linspace(-1, 1, 4001))
    assert np.allclose(answered, np.round(answered.astype(np.float64), 2), atol=1e-5)
    assert answered.dtype == np.float32


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_more_alike_is_never_less_similar(a, b):
    """Monotone over the whole range, also beyond the knots."""
    low, high = sorted((a, b))
    assert CALIBRATION.similarity_of(Cosine(low)) <= CALIBRATION.similarity_of(Cosine(high))


@given(st.floats(-1, 1), st.floats(0, 100))
def test_the_floor_prunes_nothing_that_meets_the_threshold(cosine, threshold):
    """A search may skip what lies under the floor: it must never skip a match."""
    similarity = CALIBRATION.to_similarity(np.array([cosine]))
    if meets(similarity, Similarity(threshold))[0]:
        assert cosine >= CALIBRATION.cosine_floor(Similarity(threshold))


@given(st.floats(-1, 1))
def test_the_threshold_is_inclusive(cosine):
    """AWS documents the threshold as a minimum, so equality matches; also after a trip over the wire."""
    similarity = CALIBRATION.similarity_of(Cosine(cosine))
    assert meets(similarity, similarity).all()
    assert meets(similarity, Similarity(round(similarity, 2))).all()


@pytest.mark.parametrize(
    ("cosine", "exponent"),
    [((0.1,), (1.0,)), ((0.1, 0.1), (1.0, 2.0)), ((0.1, 0.2), (2.0, 2.0)), ((0.1, 0.2), (1.0,))],
)
def test_knots_that_are_no_function_are_refused(cosine, exponent):
    """A manifest with such knots must not load."""
    with pytest.raises(ValueError, match="calibration"):
        Calibration(cosine, exponent, trials=1, extrapolated_from=0.0)


RATES = Calibration((0.0, 1.0), (0.0, 12.0), trials=1, extrapolated_from=1.0)
"""Cosine 0.25 is a false match rate of 1e-3, 0.5 of 1e-6."""


def rate_at(threshold):
    """The false match rate of a threshold: that of the least cosine whose answered similarity meets it."""
    low, high = 0.0, 1.0
    if meets(RATES.to_similarity(np.array([low])), Similarity(threshold))[0]:
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        is_met = meets(RATES.to_similarity(np.array([middle])), Similarity(threshold))[0]
        low, high = (low, middle) if is_met else (middle, high)
    return 10 ** -(12 * high)


@given(st.floats(-9.3, -1e-9).map(lambda exponent: 10.0**exponent))
def test_the_rate_of_a_threshold_never_exceeds_the_one_that_was_asked_for(fmr):
    """As it is answered, rounded: a budget of false candidates is a promise. And no step is given away."""
    threshold = similarity_at_fmr(fmr)
    assert rate_at(threshold) <= fmr * (1 + 1e-9)
    assert rate_at(threshold - 0.01) > fmr


@given(st.floats(1e-30, 1.0), st.floats(1e-30, 1.0))
def test_a_lower_rate_never_needs_a_lower_threshold(a, b):
    low, high = sorted((a, b))
    assert similarity_at_fmr(low) >= similarity_at_fmr(high)


@given(st.floats(1e-30, 1.0))
def test_a_threshold_is_a_similarity_in_hundredths(fmr):
    """It is compared with what is answered, told in a header, and kept in the log."""
    threshold = similarity_at_fmr(fmr)
    assert 0 <= threshold <= 100
    assert threshold == round(threshold, 2)


@pytest.mark.parametrize(
    ("fmr", "threshold"),
    [(1.0, 0.66), (1e-4, 80.0), (1e-6, 99.0), (4.9e-10, 100.0), (1e-12, 100.0), (5e-324, 100.0)],
)
def test_the_scale_is_the_one_that_thresholds_are_told_in(fmr, threshold):
    """To within one step of 80 and 99; and beyond its end there is nothing to ask for."""
    assert similarity_at_fmr(fmr) == pytest.approx(threshold, abs=0.0101)


def test_under_the_rate_that_a_hundred_stands_for_nothing_can_be_promised():
    """Whoever sets a budget may divide it by no more references than this allows."""
    assert rate_at(100.0) == pytest.approx(4.9e-10, rel=0.01)
    budgets = [(each.fpir_budget, each.face_cap) for each in load_purposes().values() if each.fpir_budget]
    assert budgets
    assert all(budget / most > rate_at(100.0) for budget, most in budgets)
