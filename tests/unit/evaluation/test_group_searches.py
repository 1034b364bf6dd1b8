"""Non-mated searches by group: who is searched for where, and how sure the rate is."""

import numpy as np
import pytest
from scipy.special import betainc

from countenance.evaluation.group_rates import to_rate
from countenance.evaluation.group_searches import false_positive_moments, people_needed, top_candidates
from countenance.evaluation.trials import NEVER, Samples


def faces(people, photos, seed, *, dimensions=8, failed=0.0):
    random = np.random.default_rng(seed)
    templates = random.normal(size=(people * photos, dimensions)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates, np.repeat(np.arange(people), photos), random.random(people * photos) >= failed)


@pytest.mark.parametrize("gallery", [10, 36])
def test_everybody_is_searched_with_and_nobody_finds_themselves(gallery):
    """Galleries of a quarter and of nine tenths of the people."""
    samples = faces(40, 2, seed=1)
    found = top_candidates(samples, np.arange(40), gallery=gallery, seed=3)
    assert found.searched.all()
    assert not np.any(found.person == samples.subjects)
    assert found.gallery == gallery
    for row in range(80):
        of_them = samples.templates[samples.subjects == found.person[row]]
        assert np.min(np.abs(of_them @ samples.templates[row] - found.score[row])) < 1e-6


def test_each_gallery_is_of_the_stated_size():
    """All searches of a fold hit the same `gallery` people, so that no more than these can be found."""
    samples = faces(400, 1, seed=2, dimensions=3)
    found = top_candidates(samples, np.arange(400), gallery=5, seed=1)
    assert len(np.unique(found.person)) <= 2 * 5  # two folds


def test_searches_stay_among_the_people_asked_for():
    samples = faces(60, 2, seed=3)
    group = np.arange(30, 60)
    found = top_candidates(samples, group, gallery=12, seed=1)
    assert found.searched.tolist() == (samples.subjects >= 30).tolist()
    assert np.isin(found.person[found.searched], group).all()
    assert (found.score[~found.searched] == NEVER).all()


def test_what_failed_to_enrol_is_no_false_positive_on_either_side():
    samples = faces(40, 2, seed=4, failed=0.3)
    found = top_candidates(samples, np.arange(40), gallery=20, seed=1)
    assert (found.score[~samples.enrolled] == NEVER).all()
    assert np.isfinite(found.score[samples.enrolled]).all()
    for row in np.flatnonzero(samples.enrolled):
        rows = np.flatnonzero(samples.subjects == found.person[row])
        assert samples.enrolled[rows].any()


def test_a_gallery_that_leaves_too_few_to_search_with_is_refused():
    assert people_needed(90) == 95
    with pytest.raises(ValueError, match="a gallery of 38 people needs 40 people, there are 39"):
        top_candidates(faces(39, 1, seed=1), np.arange(39), gallery=38, seed=1)
    top_candidates(faces(40, 1, seed=1), np.arange(40), gallery=38, seed=1)


def test_the_rate_is_over_people_and_not_over_photos():
    """One person with three searches, one with one: half of the people, whatever the photos."""
    samples = faces(40, 1, seed=5)
    found = top_candidates(samples, np.arange(40), gallery=10, seed=1)
    subjects = samples.subjects.copy()
    subjects[1:3] = 0  # three photos of person 0
    found.score[:] = 0.0
    found.score[:3] = 0.9
    members = np.zeros(40, bool)
    members[[0, 3]] = True
    moments = false_positive_moments(found, subjects, members, cosine=0.5)
    assert moments.rate[0] == pytest.approx(0.5)
    assert moments.trials[0] == 4
    assert moments.most_trials[0] == 2


def test_one_person_whom_all_are_taken_for_makes_searches_dependent():
    """Ten false positives on one reference are one mishap of the draw of the gallery, on ten they are ten."""
    samples = faces(40, 1, seed=6)
    found = top_candidates(samples, np.arange(40), gallery=20, seed=1)
    found.score[:] = 0.0
    found.score[:10] = 0.9
    found.person[:10] = np.arange(20, 30)
    spread = false_positive_moments(found, samples.subjects, np.ones(40, bool), cosine=0.5)
    found.person[:10] = 20
    on_one = false_positive_moments(found, samples.subjects, np.ones(40, bool), cosine=0.5)
    assert spread.rate[0] == on_one.rate[0] == 0.25
    assert spread.effective[0] == pytest.approx(40)
    assert on_one.effective[0] < 20


def test_bounds_and_intervals_hold_over_draws_of_people():
    """300 data sets: FPIR in a gallery of 60 is 1 - (1 - FMR)^60 where pairs are independent.

    Half of the pairs that match do so in both directions, which a variance by searches alone overlooks.
    """
    cosine, dimensions = 0.75, 12
    fmr = float(betainc((dimensions - 1) / 2, 0.5, 1 - cosine**2) / 2)
    truth = 1 - (1 - fmr) ** 60
    inside = above = 0
    for seed in range(300):
        samples = faces(120, 1, seed=seed, dimensions=dimensions)
        found = top_candidates(samples, np.arange(120), gallery=60, seed=seed)
        moments = false_positive_moments(found, samples.subjects, np.ones(120, bool), cosine=cosine)
        rate = to_rate(moments, 0, alpha=0.05, bad_side="upper")
        inside += rate.interval.low <= truth <= rate.interval.high
        above += rate.bound >= truth
    assert 0.92 <= inside / 300 <= 0.97
    assert above / 300 >= 0.93
