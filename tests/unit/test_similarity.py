"""What a Similarity means."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.policy import load_purposes
from countenance.similarity import Calibration, fmr_at_similarity, meets, similarity_at_fmr
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


BANDED = Calibration(
    (0.1, 0.3, 0.5),
    (2.0, 4.0, 6.0),
    trials=1000,
    extrapolated_from=0.45,
    neg_log10_fmr_low=(1.9, 3.8, 5.0),
    neg_log10_fmr_high=(2.1, 4.3, 8.0),
)


@pytest.mark.parametrize(("cosine", "fmr"), [(0.1, 1e-2), (0.2, 1e-3), (0.5, 1e-6), (0.6, 1e-7), (-1.0, 1.0)])
def test_a_cosine_stands_for_a_false_match_rate(cosine, fmr):
    """Linear in the exponent between and beyond the knots, and never more than every comparison."""
    assert BANDED.to_fmr(Cosine(cosine)) == pytest.approx(fmr)


@pytest.mark.parametrize(
    ("cosine", "low", "high"),
    [(0.3, 4.3, 3.8), (0.4, 6.15, 4.4), (0.6, 9.85, 5.6)],
)
def test_a_rate_comes_with_its_interval(cosine, low, high):
    """The higher exponent is the lower rate; the band widens on beyond its last knot."""
    assert BANDED.fmr_interval(Cosine(cosine)) == pytest.approx((10**-low, 10**-high))


@given(st.floats(-1, 1))
def test_a_rate_lies_within_its_interval(cosine):
    """Also where the lines through the outermost knots would cross."""
    low, high = BANDED.fmr_interval(Cosine(cosine))
    assert 0.0 <= low <= BANDED.to_fmr(Cosine(cosine)) <= high <= 1.0


def test_a_calibration_without_a_band_claims_no_interval():
    assert CALIBRATION.fmr_interval(Cosine(0.3)) is None


def test_what_is_beyond_the_count_is_a_model():
    """The last counted knot itself was counted."""
    assert [BANDED.is_extrapolated(Cosine(at)) for at in (0.3, 0.45, 0.4501)] == [False, False, True]


@pytest.mark.parametrize(
    ("low", "high", "complaint"),
    [
        ((1.9, 3.8, 5.0), (), "both ends at every knot"),
        ((1.9, 3.8), (2.1, 4.3), "both ends at every knot"),
        ((2.1, 3.8, 5.0), (2.2, 4.3, 8.0), "hold the rate"),
        ((1.9, 1.8, 5.0), (2.1, 4.3, 8.0), "not fall"),
    ],
)
def test_a_band_that_is_none_is_refused(low, high, complaint):
    """A manifest that states half a band, or one that the rate is outside of, must not load."""
    with pytest.raises(ValueError, match=complaint):
        replace(CALIBRATION, neg_log10_fmr_low=low, neg_log10_fmr_high=high)


def test_the_digest_is_of_what_is_stated_and_of_all_of_it():
    """An evaluation binds to it: whatever changes a rate or how sure it is must change the digest."""
    text = (
        "cosine 0.1 0.3 0.5\nneg_log10_fmr 2.0 4.0 6.0\ntrials 1000.0\nextrapolated_from 0.45\n"
        "neg_log10_fmr_low\nneg_log10_fmr_high"
    )
    assert CALIBRATION.digest == hashlib.sha256(text.encode()).hexdigest()
    others = [
        replace(BANDED, cosine=(0.1, 0.3, 0.51)),
        replace(BANDED, neg_log10_fmr=(2.0, 4.0, 6.1)),
        replace(BANDED, trials=1001),
        replace(BANDED, extrapolated_from=0.4),
        replace(BANDED, neg_log10_fmr_low=(1.9, 3.8, 5.1)),
        replace(BANDED, neg_log10_fmr_high=(2.1, 4.3, 8.1)),
        CALIBRATION,
        BANDED,
    ]
    assert len({each.digest for each in others}) == len(others)
    assert replace(BANDED, cosine=(0.1, 0.3, 0.5)).digest == BANDED.digest


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


@pytest.mark.parametrize(
    ("similarity", "fmr"), [(80.01, 1e-4), (99.01, 1e-6), (100.0, 5e-10), (0.0, 1.0), (0.005, 1.0)]
)
def test_the_rate_of_a_similarity_is_that_at_which_it_is_answered(similarity, fmr):
    """Half a step below; 100 stands for every rate under 5e-10, 0 for all that there is."""
    assert fmr_at_similarity(Similarity(similarity)) == pytest.approx(fmr, rel=0.03)


@given(st.floats(1e-9, 0.1))
def test_the_rate_of_the_threshold_for_a_rate_is_at_most_that(fmr):
    """And a step less asks for less than that."""
    similarity = similarity_at_fmr(fmr)
    assert fmr_at_similarity(similarity) <= fmr * (1 + 1e-9)
    assert fmr_at_similarity(Similarity(similarity - 0.0101)) > fmr * (1 - 1e-9)


@given(st.floats(1e-9, 0.9))
def test_a_rate_has_one_cosine(fmr):
    assert CALIBRATION.to_fmr(CALIBRATION.cosine_at_fmr(fmr)) == pytest.approx(fmr, rel=1e-9)


def test_steep_knots_state_a_rate_however_far_from_them():
    """A hundred million decades below a rate of 1 it is 1, and no overflow in the middle of a call."""
    steep = Calibration((0.3, 0.30001), (1.0, 3.0), 10, 1.0, (0.0, 3.0), (1.0, 3.0))
    assert steep.to_fmr(Cosine(-1.0)) == 1.0
    assert steep.fmr_interval(Cosine(-1.0)) == (1.0, 1.0)
