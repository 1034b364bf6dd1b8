"""Which comparisons are made and how much each counts."""

import numpy as np
import pytest

from countenance.evaluation.trials import (
    NEVER,
    Samples,
    Trials,
    all_mated,
    all_non_mated,
    draw_pairs,
    score_pairs,
    without,
)


def samples_of(subjects, *, failed=(), seed=0, dimensions=8):
    random = np.random.default_rng(seed)
    templates = random.normal(size=(len(subjects), dimensions)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    enrolled = np.ones(len(subjects), bool)
    enrolled[list(failed)] = False
    return Samples(templates, np.asarray(subjects, np.int64), enrolled)


def test_every_mated_pair_is_tried_once_and_people_weigh_the_same():
    """A person with many photos must not decide the rate: 3 pairs weigh as much as 1."""
    samples = samples_of([0, 0, 0, 1, 1, 2])
    trials = all_mated(samples)
    by_hand = [
        (0, 0, 1, 1 / 6),
        (0, 0, 2, 1 / 6),
        (0, 1, 2, 1 / 6),
        (1, 3, 4, 1 / 2),
    ]
    assert trials.first.tolist() == trials.second.tolist() == [person for person, *_ in by_hand]
    assert trials.weights == pytest.approx([weight for *_, weight in by_hand])
    expected = [float(samples.templates[i] @ samples.templates[j]) for _, i, j, _ in by_hand]
    assert trials.scores == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("photos", [6, 1100])
def test_every_non_mated_pair_is_tried_once_and_pairs_of_people_weigh_the_same(photos):
    """Compared with two plain loops, also past the size of a block."""
    subjects = np.arange(photos) // 3 if photos > 6 else np.array([0, 0, 0, 1, 1, 2])
    samples = samples_of(subjects)
    trials = all_non_mated(samples)
    pairs = [(i, j) for i in range(photos) for j in range(i + 1, photos) if subjects[i] != subjects[j]]
    assert len(trials) == len(pairs)
    i, j = np.array(pairs).T
    expected = np.sum(samples.templates[i] * samples.templates[j], axis=1)
    assert np.sort(trials.scores) == pytest.approx(np.sort(expected), abs=1e-5)
    cells = trials.first * (subjects.max() + 1) + trials.second
    per_pair_of_people = np.bincount(cells, trials.weights)
    per_pair_of_people = per_pair_of_people[per_pair_of_people > 0]
    people = subjects.max() + 1
    assert per_pair_of_people == pytest.approx(
        np.full(people * (people - 1) // 2, 2 / (people * (people - 1)))
    )


def test_a_sample_that_failed_to_enrol_matches_nothing_but_is_still_tried():
    """Leaving failures out would reward a pipeline for refusing hard photos."""
    samples = samples_of([0, 0, 1, 1], failed=[1])
    assert all_mated(samples).scores[0] == NEVER
    assert np.count_nonzero(all_non_mated(samples).scores == NEVER) == 2
    assert len(all_non_mated(samples)) == 4
    assert samples.failures_to_enrol == 1
    assert samples.people == 2


def test_people_who_are_one_person_can_be_left_out():
    """A label error is no false match; what remains is weighted as if it had never been there."""
    samples = samples_of([0, 0, 1, 2, 2])
    trials = all_non_mated(samples)
    kept = without(trials, [(2, 0)])
    assert sorted(zip(kept.first, kept.second, strict=True)) == [(0, 1), (0, 1), (1, 2), (1, 2)]
    assert kept.weights == pytest.approx(np.full(4, 0.25))
    assert without(trials, []) is trials


def test_effective_trials_are_the_count_for_equal_weights_and_fewer_otherwise():
    equal = Trials(np.zeros(4, np.float32), *np.zeros((2, 4), np.int32), np.full(4, 0.25))
    assert equal.effective == pytest.approx(4)
    lopsided = Trials(np.zeros(4, np.float32), *np.zeros((2, 4), np.int32), np.array([0.7, 0.1, 0.1, 0.1]))
    assert lopsided.effective == pytest.approx(1 / 0.52)


def test_no_trials_are_refused():
    with pytest.raises(ValueError, match="no trials"):
        Trials(np.empty(0, np.float32), *np.empty((2, 0), np.int32), np.empty(0))


def test_rows_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="one row a sample"):
        Samples(np.zeros((2, 4), np.float32), np.zeros(3, np.int64), np.ones(2, bool))


def test_drawn_pairs_follow_the_protocol():
    """At most 10 mated pairs a person, as many non-mated ones, folds split by person, none twice."""
    subjects = np.repeat(np.arange(60), np.arange(60) % 8 + 1)
    pairs = draw_pairs(subjects, seed=5)
    a, b = subjects[pairs.first], subjects[pairs.second]
    assert np.array_equal(pairs.mated, a == b)
    photos = np.bincount(subjects)
    assert np.array_equal(
        np.bincount(a[pairs.mated], minlength=60), np.minimum(photos * (photos - 1) // 2, 10)
    )
    assert len({(i, j) for i, j in zip(pairs.first, pairs.second, strict=True)}) == len(pairs.first)
    homes = {}
    for person, fold in [*zip(a, pairs.fold, strict=True), *zip(b, pairs.fold, strict=True)]:
        assert homes.setdefault(person, fold) == fold, "a person is in two folds"
    for fold in range(10):
        here = pairs.fold == fold
        assert np.count_nonzero(here & pairs.mated) == np.count_nonzero(here & ~pairs.mated) > 0


def test_the_draw_depends_on_people_and_seed_only():
    """Two packs must be compared on the same pairs."""
    subjects = np.repeat(np.arange(40), 3)
    same, again, other = (draw_pairs(subjects, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(same.first, again.first)
    assert np.array_equal(same.second, again.second)
    assert not np.array_equal(same.first, other.first)


def test_folds_that_cannot_be_filled_are_refused():
    with pytest.raises(ValueError, match="use fewer folds"):
        draw_pairs(np.arange(20), seed=1)
    with pytest.raises(ValueError, match="use fewer folds"):
        draw_pairs(np.repeat([0, 1], 5), seed=1, folds=2)


def test_pairs_score_as_cosines():
    samples = samples_of(np.repeat(np.arange(30), 2), failed=[0])
    pairs = draw_pairs(samples.subjects, seed=3)
    scores = score_pairs(samples, pairs)
    for score, i, j in zip(scores, pairs.first, pairs.second, strict=True):
        expected = NEVER if 0 in (i, j) else samples.templates[i] @ samples.templates[j]
        assert score == pytest.approx(expected, abs=1e-6)
