"""Whether groups differ: exact under exchange, right under homophily, and with what could have been seen."""

from functools import partial

import numpy as np
import pytest

from countenance.evaluation.equality import detectable_ratio, permute_labels
from countenance.evaluation.group_rates import NO_GROUP, Moments, over_people, within_groups
from countenance.evaluation.match_shares import PairShares, PersonShares


def p_of(rates_of, groups, seed, permutations=99):
    found = permute_labels(rates_of, groups, tests=1, alpha=0.05, permutations=permutations, seed=seed)
    return found.p_value


def people_with(random, groups, rates):
    """One trial a person, missed with the rate of their group."""
    misses = random.random(len(groups)) < np.asarray(rates)[groups]
    return PersonShares(misses.astype(float), np.ones(len(groups), np.int64))


def pairs_with(random, groups, within, across):
    """Pairs of people that match with a rate of their group's, and of another's between groups."""
    first, second = np.triu_indices(len(groups), k=1)
    chance = np.where(groups[first] == groups[second], np.asarray(within)[groups[first]], across)
    match = random.random(len(first)) < chance
    ones = np.ones(int(match.sum()))
    return PairShares(0.5, first[match], second[match], ones, np.ones(len(groups), np.int64))


def test_groups_that_do_not_differ_are_said_to_in_five_of_a_hundred():
    random = np.random.default_rng(1)
    groups = np.repeat([0, 1, 2], [60, 40, 30])
    said = 0
    for seed in range(400):
        shares = people_with(random, groups, [0.2, 0.2, 0.2])
        said += p_of(partial(over_people, shares, count=3), groups, seed) <= 0.05
    assert 0.02 <= said / 400 <= 0.08


def test_people_of_one_group_look_alike_and_that_is_no_difference_between_groups():
    """FMR within each group is 4 times that across: a test of bare differences would be deceived."""
    random = np.random.default_rng(2)
    groups = np.repeat([0, 1], [60, 60])
    said = 0
    for seed in range(300):
        pairs = pairs_with(random, groups, [0.04, 0.04], 0.01)
        said += p_of(partial(within_groups, pairs, count=2), groups, seed) <= 0.05
    assert 0.02 <= said / 300 <= 0.08


def test_a_planted_difference_is_seen_and_shuffled_labels_kill_it():
    random = np.random.default_rng(3)
    groups = np.repeat([0, 1], [80, 80])
    pairs = pairs_with(random, groups, [0.01, 0.03], 0.01)
    rates_of = partial(within_groups, pairs, count=2)
    assert p_of(rates_of, groups, seed=1) == 0.01
    shuffled = [p_of(rates_of, random.permutation(groups), seed) for seed in range(100)]
    assert np.mean(np.array(shuffled) <= 0.05) <= 0.12


def independent(rate, trials):
    """Two groups of one rate and as many people, each with one trial."""
    variance, people = rate * (1 - rate) / trials, np.full(2, float(trials))
    return Moments(
        np.full(2, rate), np.full(2, variance), people, np.full(2, trials), people, np.full(2, rate * trials)
    )


def test_the_ratio_that_could_have_been_seen_is_seen_in_eighty_of_a_hundred():
    """Planted exactly at `detectable_ratio`, with the rate of both groups together as it was."""
    random = np.random.default_rng(4)
    groups = np.repeat([0, 1], [400, 400])
    even = independent(0.15, 400)
    ratio = detectable_ratio(even, alpha=0.05)
    low = 0.3 / (1 + ratio)
    seen = 0
    for seed in range(200):
        shares = people_with(random, groups, [low, low * ratio])
        seen += p_of(partial(over_people, shares, count=2), groups, seed) <= 0.05
    assert 0.7 <= seen / 200 <= 0.9


def test_the_detectable_ratio_by_hand():
    """100 errors expected in each of two groups: log ratio's error sqrt(2/100), times 1.96 + 0.84."""
    rate = 1e-4
    even = independent(rate, 10**6)
    assert detectable_ratio(even, alpha=0.05) == pytest.approx(np.exp(2.8016 * np.sqrt(0.02)), rel=1e-3)
    assert detectable_ratio(even, alpha=0.005) > detectable_ratio(even, alpha=0.05)


def test_where_next_to_no_error_is_expected_the_ratio_is_still_a_number():
    """It stands in a record that takes numbers up to 1e18."""
    for rate in (1e-4, 1e-7, 1e-12):
        assert 1e3 < detectable_ratio(independent(rate, 400), alpha=0.05) <= 1.001e9


def test_without_an_error_nothing_can_be_said_of_what_could_have_been_seen():
    none = independent(0.0, 50)
    assert detectable_ratio(none, alpha=0.05) is None
    shares = PersonShares(np.zeros(20), np.ones(20, np.int64))
    found = permute_labels(
        partial(over_people, shares, count=2),
        np.repeat([0, 1], 10),
        tests=1,
        alpha=0.05,
        permutations=99,
        seed=1,
    )
    assert (found.p_value, found.differ, found.detectable_ratio) == (1.0, False, None)


def test_p_is_corrected_for_the_tests_made_beside_it():
    random = np.random.default_rng(5)
    groups = np.repeat([0, 1], [50, 50])
    shares = people_with(random, groups, [0.3, 0.4])
    rates_of = partial(over_people, shares, count=2)
    one = permute_labels(rates_of, groups, tests=1, alpha=0.05, permutations=199, seed=1)
    four = permute_labels(rates_of, groups, tests=4, alpha=0.05, permutations=199, seed=1)
    assert four.p_value == pytest.approx(min(1.0, 4 * one.p_value))
    assert four.detectable_ratio > one.detectable_ratio


def test_people_without_a_say_keep_out_of_it():
    """They are neither dealt a label nor counted."""
    random = np.random.default_rng(6)
    groups = np.repeat([0, 1, NO_GROUP], [30, 30, 40])
    dealt = []

    def rates_of(labels):
        dealt.append(labels.copy())
        return over_people(people_with(random, np.zeros(100, np.int64), [0.5]), labels, 2)

    p_of(rates_of, groups, seed=1)
    assert all((labels[60:] == NO_GROUP).all() for labels in dealt)
    assert all(np.bincount(labels[:60]).tolist() == [30, 30] for labels in dealt)


def test_too_few_permutations_to_show_anything_are_refused():
    """Else "no difference seen" would be all that the test could ever say."""
    shares = PersonShares(np.zeros(20), np.ones(20, np.int64))
    rates_of = partial(over_people, shares, count=2)
    with pytest.raises(ValueError, match="80 are the least"):
        permute_labels(rates_of, np.repeat([0, 1], 10), tests=4, alpha=0.05, permutations=50, seed=1)
    with pytest.raises(ValueError, match="two groups"):
        permute_labels(rates_of, np.zeros(20, np.int64), tests=1, alpha=0.05, permutations=99, seed=1)
