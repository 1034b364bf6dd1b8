"""Shares by person and pair of people agree with the trials they are made from."""

import numpy as np
import pytest

from countenance.evaluation import match_shares
from countenance.evaluation.match_shares import failures_by_person, mated_by_person, non_mated_by_pair
from countenance.evaluation.trials import Samples, all_mated, all_non_mated


def faces(people, seed, *, failed=0.1):
    random = np.random.default_rng(seed)
    subjects = random.permutation(np.concatenate([np.arange(people), random.integers(0, people, people)]))
    templates = random.normal(size=(len(subjects), 6)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    return Samples(templates, subjects, random.random(len(subjects)) >= failed)


@pytest.mark.parametrize("rows", [1024, 7])
def test_pairs_of_people_agree_with_a_plain_loop(rows, monkeypatch):
    """Also where blocks end in the middle; failures to enrol count as trials and match nothing."""
    monkeypatch.setattr(match_shares, "_ROWS_AT_ONCE", rows)
    samples = faces(15, seed=1)
    trials = all_non_mated(samples)
    for cosine, pairs in zip((0.2, 0.6), non_mated_by_pair(samples, (0.2, 0.6)), strict=True):
        got = {(int(a), int(b)): s for a, b, s in zip(pairs.first, pairs.second, pairs.share, strict=True)}
        for a in range(15):
            for b in range(a + 1, 15):
                between = ((trials.first == a) & (trials.second == b)) | (
                    (trials.first == b) & (trials.second == a)
                )
                share = np.mean(trials.scores[between] >= np.float32(cosine))
                assert got.get((a, b), 0.0) == pytest.approx(share)
        assert pairs.cosine == cosine
        assert pairs.photos.tolist() == np.bincount(samples.subjects).tolist()


def test_mated_shares_agree_with_a_plain_loop():
    samples = faces(15, seed=2)
    trials = all_mated(samples)
    (shares,) = mated_by_person(samples, (0.1,))
    for person in range(15):
        mine = trials.scores[trials.first == person]
        assert shares.trials[person] == len(mine)
        if len(mine):
            assert shares.share[person] == pytest.approx(np.mean(mine >= np.float32(0.1)))
        else:
            assert np.isnan(shares.share[person])


def test_without_second_photos_nobody_has_a_mated_share():
    samples = Samples(np.eye(3, dtype=np.float32), np.arange(3), np.ones(3, bool))
    (shares,) = mated_by_person(samples, (0.1,))
    assert np.isnan(shares.share).all()
    assert shares.trials.tolist() == [0, 0, 0]


def test_failures_are_shares_of_a_persons_samples():
    samples = Samples(
        np.eye(4, dtype=np.float32), np.array([0, 0, 1, 1]), np.array([True, False, True, True])
    )
    assert failures_by_person(samples).share.tolist() == [0.5, 0.0]
    assert failures_by_person(samples).trials.tolist() == [2, 2]
