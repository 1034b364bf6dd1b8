"""From a similarity to a decision."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.evaluation.deciding import (
    Decision,
    RateEstimate,
    ReviewReason,
    Terms,
    decide,
    fpir_at,
    overall,
    similarity_at_fpir,
)
from countenance.similarity import Calibration, fmr_at_similarity
from countenance.types import Similarity

BANDED = Calibration(
    cosine=(0.0, 0.5, 1.0),
    neg_log10_fmr=(1.0, 4.0, 7.0),
    trials=1000,
    extrapolated_from=0.6,
    neg_log10_fmr_low=(0.9, 3.7, 6.0),
    neg_log10_fmr_high=(1.1, 4.3, 8.0),
)
BARE = Calibration(cosine=(0.0, 0.5, 1.0), neg_log10_fmr=(1.0, 4.0, 7.0), trials=1000, extrapolated_from=0.6)
TERMS = Terms(match=Similarity(90.0), review=Similarity(80.0))


def estimated(similarity, calibration=BANDED):
    return RateEstimate.of_matches(Similarity(similarity), calibration)


@pytest.mark.parametrize(
    ("similarity", "decision", "reasons"),
    [
        (79.99, Decision.NO_MATCH, ()),
        (80.0, Decision.REVIEW, (ReviewReason.BELOW_MATCH_THRESHOLD,)),
        (89.99, Decision.REVIEW, (ReviewReason.BELOW_MATCH_THRESHOLD,)),
        (90.0, Decision.MATCH, ()),
        (100.0, Decision.MATCH, ()),
    ],
)
def test_both_thresholds_are_minima(similarity, decision, reasons):
    """As AWS documents its own: equality is enough."""
    verdict = decide(Similarity(similarity), estimated(similarity), TERMS)
    assert (verdict.decision, tuple(verdict.reasons)) == (decision, reasons)


def test_without_a_band_for_review_there_is_only_match_and_no_match():
    terms = Terms(match=Similarity(80.0), review=Similarity(80.0))
    found = [decide(Similarity(each), estimated(each), terms).decision for each in (79.99, 80.0)]
    assert found == [Decision.NO_MATCH, Decision.MATCH]


def test_what_is_reviewed_cannot_lie_above_what_matches():
    with pytest.raises(ValueError, match="below"):
        Terms(match=Similarity(80.0), review=Similarity(80.01))


def test_a_rate_that_is_wanted_needs_an_interval_that_keeps_below_it():
    """The rate alone says nothing of how sure it is; an interval that nobody knows backs no claim."""
    at = Similarity(90.0)
    low, high = estimated(at).low, estimated(at).high
    assert low < estimated(at).rate < high

    def judged(most, calibration=BANDED):
        terms = Terms(match=Similarity(90.0), review=Similarity(90.0), most=most)
        verdict = decide(at, estimated(at, calibration), terms)
        return verdict.decision, tuple(verdict.reasons)

    assert judged(high) == (Decision.MATCH, ())
    assert judged(math.nextafter(high, 0.0)) == (Decision.REVIEW, (ReviewReason.RATE_UNCERTAIN,))
    assert judged(1.0, BARE) == (Decision.REVIEW, (ReviewReason.RATE_UNCERTAIN,))
    assert judged(None, BARE) == (Decision.MATCH, ())


def test_a_model_decides_unless_a_count_is_wanted():
    counted, modelled = Similarity(80.0), Similarity(99.0)
    assert [estimated(each).is_extrapolated for each in (counted, modelled)] == [False, True]
    terms = Terms(match=Similarity(80.0), review=Similarity(80.0), must_be_counted=True)
    assert decide(counted, estimated(counted), terms).decision is Decision.MATCH
    verdict = decide(modelled, estimated(modelled), terms)
    assert (verdict.decision, tuple(verdict.reasons)) == (Decision.REVIEW, (ReviewReason.RATE_EXTRAPOLATED,))
    assert decide(modelled, estimated(modelled), TERMS).decision is Decision.MATCH


def test_every_reason_is_told_and_none_makes_a_match_of_what_is_none():
    terms = Terms(match=Similarity(90.0), review=Similarity(80.0), most=1e-9, must_be_counted=True)
    at = Similarity(99.0)
    verdict = decide(at, estimated(at), terms, is_poor=True, has_rival=True)
    assert verdict.decision is Decision.REVIEW
    assert tuple(verdict.reasons) == tuple(ReviewReason)[1:]
    below = Similarity(79.0)
    assert decide(below, estimated(below), terms, is_poor=True, has_rival=True).decision is Decision.NO_MATCH


def test_the_rate_is_of_what_is_answered_and_not_of_the_cosine():
    """A rate of the cosine itself would tell the score that rounding hides."""
    rate = estimated(80.0).rate
    by_hand = 10 ** -((math.log(0.79995 / 0.20005) - 1.386) / 1.604 + 4)
    assert rate == pytest.approx(by_hand, rel=1e-12)
    low, high = (10**-exponent for exponent in (4.3, 3.7))
    assert (estimated(80.0).low, estimated(80.0).high) == pytest.approx((low, high), rel=1e-3)
    assert estimated(80.0, BARE).low is None


@given(st.floats(0.0, 100.0), st.integers(0, 20_000_000))
def test_a_search_errs_as_so_many_comparisons_that_err_by_themselves(similarity, size):
    estimate = estimated(similarity)
    among = estimate.among(size)
    assert among.low <= among.rate <= among.high <= 1.0
    assert among.rate <= min(1.0, size * estimate.rate) * (1 + 1e-9)
    assert among.is_extrapolated == estimate.is_extrapolated


def test_the_rate_of_a_search_is_that_of_a_hand_calculation():
    assert fpir_at(1e-4, 1000) == pytest.approx(1 - 0.9999**1000, rel=1e-10)
    assert fpir_at(1e-12, 1_000_000) == pytest.approx(1e-6, rel=1e-5)
    assert (fpir_at(0.3, 0), fpir_at(1.0, 5), fpir_at(0.25, 1)) == (0.0, 1.0, pytest.approx(0.25))


@given(st.floats(1e-4, 0.999), st.integers(1, 100_000))
def test_the_threshold_of_a_search_keeps_its_rate_and_a_step_less_does_not(fpir, size):
    similarity = similarity_at_fpir(fpir, size)
    if similarity == 100.0:
        return
    assert fpir_at(fmr_at_similarity(similarity), size) <= fpir * (1 + 1e-9)
    if similarity > 0.03:
        assert fpir_at(fmr_at_similarity(Similarity(similarity - 0.011)), size) > fpir * (1 - 1e-9)


def test_nobody_enrolled_and_any_rate_need_no_threshold():
    assert similarity_at_fpir(0.01, 0) == similarity_at_fpir(1.0, 100) == 0.0


def test_a_search_is_what_its_best_candidate_is():
    terms = Terms(match=Similarity(90.0), review=Similarity(80.0))
    match, review = (decide(Similarity(each), estimated(each), terms) for each in (95.0, 85.0))
    assert [overall(found) for found in ([], [match, review], [review])] == [
        Decision.NO_MATCH,
        Decision.MATCH,
        Decision.REVIEW,
    ]
