"""A calibration out of labelled photos: what it states holds for people it was not fitted to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from countenance.errors import TooFewTrials
from countenance.evaluation.trials import Samples, all_non_mated
from countenance.measuring.calibrating import SHOWN_AT, calibrate, changes, people_to_count
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.evaluating import Material
from countenance.measuring.label_errors import LabelErrors
from countenance.similarity import Calibration, fmr_at_similarity
from countenance.types import Similarity
from countenance.vision.parse_manifest import parse_manifest
from countenance.vision.pipeline_digest import pipeline_digest
from tiny_packs import manifest_toml

AT = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
DIMENSIONS = 24
MANIFEST = parse_manifest(manifest_toml(), file="pack.toml", directory=None)


def drawn(people, *, seed, failed=0):
    """One photo a person, templates in directions that know nothing of each other."""
    templates = np.random.default_rng(seed).standard_normal((people, DIMENSIONS)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    enrolled = np.arange(people) >= failed
    return Samples(templates, np.arange(people), enrolled)


def material(people, doubles=()):
    photos = tuple(Photo(f"p{number:05}/1.jpg", f"p{number:05}") for number in range(people))
    data = DataSet("staff-photos", "folder", Path("/nowhere"), photos)
    digests = tuple(number.to_bytes(32, "big") for number in range(people))
    return Material(data, digests, LabelErrors(doubles=doubles))


def fitted(people, *, seed=1, **given):
    return calibrate(MANIFEST, material(people), drawn(people, seed=seed, **given), made_at=AT)


def true_fmr(cosine):
    """Of unit vectors in random directions: (1 + cosine) / 2 is Beta-distributed."""
    half = (DIMENSIONS - 1) / 2
    return float(stats.beta.sf((1 + cosine) / 2, half, half))


@pytest.fixture(scope="module")
def document():
    return fitted(1500)


def test_what_is_stated_is_true_of_people_whom_it_was_not_fitted_to(document):
    """Of these templates the true rate is known: it lies in the interval stated at 80, 90 and 99."""
    calibration = document.calibration
    for similarity in SHOWN_AT:
        cosine = calibration.cosine_at_fmr(fmr_at_similarity(similarity))
        low, high = calibration.fmr_interval(cosine)
        assert low <= true_fmr(cosine) <= high, similarity


def test_what_other_people_do_at_a_stated_threshold_is_what_was_stated(document):
    """Split by person: fitted on one half, counted on the other, as far as that can count."""
    other = all_non_mated(drawn(1500, seed=2))
    calibration = document.calibration
    for similarity in SHOWN_AT[:2]:
        cosine = calibration.cosine_at_fmr(fmr_at_similarity(similarity))
        low, high = calibration.fmr_interval(cosine)
        count = int(np.count_nonzero(other.scores >= cosine))
        least = stats.poisson.ppf(0.005, low * len(other)), stats.poisson.ppf(0.995, high * len(other))
        assert least[0] <= count <= least[1], similarity


def test_a_calibration_that_states_other_rates_would_be_noticed(document):
    """The two tests above can fail: shifted by a twentieth, the rates are not true any more."""
    calibration = document.calibration
    shifted = Calibration(
        tuple(each - 0.05 for each in calibration.cosine),
        calibration.neg_log10_fmr,
        calibration.trials,
        calibration.extrapolated_from - 0.05,
        calibration.neg_log10_fmr_low,
        calibration.neg_log10_fmr_high,
    )
    cosine = shifted.cosine_at_fmr(fmr_at_similarity(Similarity(80.0)))
    assert true_fmr(cosine) > shifted.fmr_interval(cosine)[1]


def test_the_file_says_what_it_was_made_of(document):
    assert (document.samples, document.subjects, document.failures_to_enrol) == (1500, 1500, 0)
    assert document.calibration.trials == 1500 * 1499 // 2
    assert document.effective_trials == 1500 * 1499 / 2
    assert (document.pack_digest, document.pipeline_digest) == (MANIFEST.digest, pipeline_digest())
    assert document.calibration.is_extrapolated(document.calibration.cosine_at_fmr(1e-6))
    assert document.counted_to_fmr == pytest.approx(1e-4, rel=0.9)


def test_fewer_people_are_extrapolated_earlier():
    few, many = fitted(200), fitted(800)
    assert few.counted_to_fmr > many.counted_to_fmr


def test_photos_without_a_template_match_nobody():
    told = fitted(400, failed=40)
    assert told.failures_to_enrol == 40
    assert told.calibration.trials == 400 * 399 // 2


@pytest.mark.parametrize("people", [1, 2, 20, 90])
def test_too_few_people_are_refused_with_how_many_it_takes(people):
    with pytest.raises(TooFewTrials, match=r"about 101 people .* 1,001 for Similarity 80") as refused:
        fitted(people)
    assert f"these are {people}" in str(refused.value)


def test_as_many_as_it_takes_are_enough_and_one_in_ten_fewer_are_not():
    """The number that is told is the one that holds, but for the draw of who is like whom."""
    assert people_to_count(1e-2) == 101
    assert fitted(105).counted_to_fmr <= 1e-2 * (1 + 1e-9)


@pytest.mark.parametrize(("rate", "people"), [(0.1, 33), (1e-2, 101), (1e-4, 1001), (1e-6, 10_001)])
def test_the_people_that_it_takes_make_the_pairs_that_it_takes(rate, people):
    assert people_to_count(rate) == people
    assert people * (people - 1) / 2 * rate >= 50 > (people - 1) * (people - 2) / 2 * rate


def test_people_listed_as_one_are_not_compared():
    """One person under two names would be the most similar pair of strangers there is."""
    samples = drawn(300, seed=3)
    samples.templates[1] = samples.templates[0]
    names = ("p00000", "p00001")
    alone = calibrate(MANIFEST, material(300, doubles=(names,)), samples, made_at=AT)
    assert alone.calibration.trials == 300 * 299 // 2 - 1


def test_two_names_of_one_person_are_too_few():
    """A refusal, as of one person."""
    with pytest.raises(TooFewTrials, match="about 101 people"):
        calibrate(MANIFEST, material(2, (("p00000", "p00001"),)), drawn(2, seed=1), made_at=AT)


def test_what_would_change_is_told_at_80_90_and_99():
    own = Calibration((0.0, 0.5, 1.0), (1.0, 4.0, 7.0), 10, 0.6)
    new = Calibration((0.0, 0.5, 1.0), (1.0, 4.0, 8.0), 10, 0.4, (1.0, 3.9, 7.0), (1.0, 4.1, 9.0))
    first, second, third = changes(own, new)
    assert [each.similarity for each in (first, second, third)] == [80.0, 90.0, 99.0]
    assert (first.own, first.new) == (pytest.approx(0.5, abs=1e-3), pytest.approx(0.5, abs=1e-3))
    assert (third.own, third.new) == (pytest.approx(5 / 6, abs=1e-3), pytest.approx(0.75, abs=1e-3))
    assert [each.own_is_extrapolated for each in (first, second, third)] == [False, False, True]
    assert [each.new_is_extrapolated for each in (first, second, third)] == [True, True, True]
    assert (third.is_weaker, third.interval[0] < 1e-6 < third.interval[1]) == (True, True)
    assert changes(new, own)[2].is_weaker is False
    assert changes(new, own)[2].interval is None
