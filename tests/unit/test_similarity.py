"""What a Similarity means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.similarity import Calibration, meets
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
