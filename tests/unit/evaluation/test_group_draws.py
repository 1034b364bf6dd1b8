"""Replicates of groups' rates, against plain loops."""

import numpy as np
import pytest

from countenance.evaluation.group_draws import (
    draw_within_groups,
    replicate_over_people,
    replicate_within_groups,
)
from countenance.evaluation.group_rates import NO_GROUP
from countenance.evaluation.match_shares import PairShares, PersonShares

GROUPS = np.array([0, 1, 0, 1, 1, NO_GROUP, 0])


def test_groups_keep_their_sizes_and_outsiders_are_never_drawn():
    counts = draw_within_groups(GROUPS, replicates=50, seed=1)
    assert (counts[:, GROUPS == 0].sum(axis=1) == 3).all()
    assert (counts[:, GROUPS == 1].sum(axis=1) == 3).all()
    assert (counts[:, 5] == 0).all()
    assert len(np.unique(counts, axis=0)) > 10
    assert np.array_equal(counts, draw_within_groups(GROUPS, replicates=50, seed=1))


def test_means_over_people_count_each_as_often_as_drawn():
    random = np.random.default_rng(1)
    share = random.random(7)
    share[2] = np.nan
    shares = PersonShares(share, np.where(np.isnan(share), 0, 1))
    counts = draw_within_groups(GROUPS, replicates=20, seed=2)
    got = replicate_over_people(shares, GROUPS, counts)
    for replicate in range(20):
        for group in range(2):
            drawn = np.repeat(share, counts[replicate].astype(int) * (group == GROUPS))
            drawn = drawn[~np.isnan(drawn)]
            want = drawn.mean() if len(drawn) else np.nan
            assert got[replicate, group] == pytest.approx(want, nan_ok=True)


def test_means_over_pairs_leave_out_a_person_and_their_copy():
    random = np.random.default_rng(3)
    share = np.triu(random.random((7, 7)) * (random.random((7, 7)) < 0.6), k=1)
    first, second = np.nonzero(share)
    pairs = PairShares(0.5, first, second, share[first, second], np.ones(7, np.int64))
    counts = draw_within_groups(GROUPS, replicates=20, seed=4)
    got = replicate_within_groups(pairs, GROUPS, counts)
    for replicate in range(20):
        for group in range(2):
            drawn = np.repeat(np.arange(7), counts[replicate].astype(int) * (group == GROUPS))
            values = [share[min(a, b), max(a, b)] for k, a in enumerate(drawn) for b in drawn[:k] if a != b]
            want = np.mean(values) if values else np.nan
            assert got[replicate, group] == pytest.approx(want, nan_ok=True)
