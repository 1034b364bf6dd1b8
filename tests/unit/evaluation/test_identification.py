"""One against many, closed set."""

import numpy as np
import pytest

from countenance.errors import TooFewTrials
from countenance.evaluation.identification import (
    ClosedSet,
    draw_closed_set,
    hit_rates,
    rank_one,
    ranks_of_mates,
)
from countenance.evaluation.trials import Samples


def on_a_line(angles_deg, subjects, *, failed=()):
    """Templates in the plane: cosines can be read off the angles."""
    angles = np.radians(angles_deg)
    enrolled = np.ones(len(angles), bool)
    enrolled[list(failed)] = False
    templates = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return Samples(templates, np.asarray(subjects), enrolled)


def test_ranks_by_hand():
    """Gallery at 0, 40 and 90 degrees; a probe of the first person at 30 is nearer to the second."""
    samples = on_a_line([0, 40, 90, 30, 45, 85, 80], [0, 1, 2, 0, 1, 2, 0])
    closed = ClosedSet(gallery=np.array([0, 1, 2]), probes=np.array([3, 4, 5, 6]))
    assert ranks_of_mates(samples, closed).tolist() == [2, 1, 1, 3]
    rates = rank_one(samples, closed)
    assert rates.rank_one == pytest.approx(2 / 4)
    assert rates.rank_one_by_person == pytest.approx((0 + 1 + 1) / 3)
    assert (rates.probes, rates.gallery) == (4, 3)
    assert rates.interval.low <= rates.rank_one <= rates.interval.high


def test_a_tie_goes_against_the_mate():
    """Otherwise a pipeline that gives everybody the same template would identify everybody."""
    samples = on_a_line([10, 10, 10], [0, 1, 0])
    closed = ClosedSet(gallery=np.array([0, 1]), probes=np.array([2]))
    assert ranks_of_mates(samples, closed).tolist() == [2]


@pytest.mark.parametrize("failed", [0, 2])
def test_a_failure_to_enrol_on_either_side_is_a_miss(failed):
    samples = on_a_line([0, 90, 1], [0, 1, 0], failed=[failed])
    closed = ClosedSet(gallery=np.array([0, 1]), probes=np.array([2]))
    assert ranks_of_mates(samples, closed).tolist() == [3]


def test_a_reference_that_failed_to_enrol_takes_nobodys_place():
    samples = on_a_line([0, 1, 2], [0, 1, 0], failed=[1])
    closed = ClosedSet(gallery=np.array([0, 1]), probes=np.array([2]))
    assert ranks_of_mates(samples, closed).tolist() == [1]


def test_everybody_is_enrolled_once_and_the_rest_searched_with():
    subjects = np.array([3, 0, 1, 0, 2, 0, 1, 0, 0])
    closed = draw_closed_set(subjects, seed=1)
    assert sorted(subjects[closed.gallery]) == [0, 1, 2, 3]
    assert sorted(subjects[closed.probes]) == [0, 0, 0, 0, 1]
    assert not set(closed.gallery) & set(closed.probes)
    capped = draw_closed_set(subjects, seed=1, most_probes_a_person=2)
    assert sorted(subjects[capped.probes]) == [0, 0, 1]
    assert np.array_equal(capped.gallery, closed.gallery)


def test_many_probes_agree_with_a_plain_loop():
    """Past the size of a block, with ranks beyond one."""
    random = np.random.default_rng(1)
    subjects = np.repeat(np.arange(700), 3)
    templates = random.normal(size=(2100, 6)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    samples = Samples(templates, subjects, random.random(2100) > 0.02)
    closed = draw_closed_set(subjects, seed=4)
    ranks = ranks_of_mates(samples, closed)
    for place in range(0, len(closed.probes), 97):
        probe = closed.probes[place]
        scores = {
            subjects[row]: float(templates[probe] @ templates[row])
            for row in closed.gallery
            if samples.enrolled[row]
        }
        mate = scores.get(subjects[probe])
        if mate is None or not samples.enrolled[probe]:
            assert ranks[place] == 701
        else:
            assert ranks[place] == 1 + sum(score > mate for score in scores.values())


def test_a_search_without_probes_is_refused():
    samples = on_a_line([0, 90], [0, 1])
    with pytest.raises(ValueError, match="nobody has two samples"):
        rank_one(samples, draw_closed_set(samples.subjects, seed=1))


def test_hits_by_hand_with_people_equal():
    """Ranks 2, 1, 1 and 3 of people 0, 1, 2 and 0: half of person 0's probes are hits at rank 2."""
    samples = on_a_line([0, 40, 90, 30, 45, 85, 80], [0, 1, 2, 0, 1, 2, 0])
    closed = ClosedSet(gallery=np.array([0, 1, 2]), probes=np.array([3, 4, 5, 6]))
    rates = hit_rates(samples, [closed], ranks=(1, 2, 3, 4))
    assert list(rates) == [1, 2, 3]
    assert [rate.rate for rate in rates.values()] == pytest.approx([2 / 3, (1 / 2 + 1 + 1) / 3, 1.0])
    assert all(rate.trials == 4 for rate in rates.values())
    for rate in rates.values():
        assert rate.interval.low < rate.rate <= rate.interval.high


def test_hits_agree_with_sorting_every_search():
    """Two draws pooled, people equal over both; argsort says who is among the first."""
    random = np.random.default_rng(2)
    subjects = np.repeat(np.arange(60), random.integers(1, 5, 60))
    templates = random.normal(size=(60, 5))[subjects] + random.normal(size=(len(subjects), 5))
    templates = (templates / np.linalg.norm(templates, axis=1, keepdims=True)).astype(np.float32)
    samples = Samples(templates, subjects, np.ones(len(subjects), bool))
    draws = [draw_closed_set(subjects, seed=seed) for seed in (1, 2)]
    rates = hit_rates(samples, draws)
    for rank in (1, 5, 10, 20):
        hits = {person: [] for person in range(60)}
        for draw in draws:
            for probe in draw.probes:
                best = np.argsort(-(templates[draw.gallery] @ templates[probe]))[:rank]
                hits[subjects[probe]].append(subjects[probe] in subjects[draw.gallery[best]])
        expected = np.mean([np.mean(each) for each in hits.values() if each])
        assert rates[rank].rate == pytest.approx(expected)


def test_hits_without_probes_are_refused():
    samples = on_a_line([0, 90], [0, 1])
    with pytest.raises(TooFewTrials, match="nobody has two samples"):
        hit_rates(samples, [draw_closed_set(samples.subjects, seed=1)])
