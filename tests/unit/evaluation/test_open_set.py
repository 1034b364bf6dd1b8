"""Who is enrolled and searched for, and what searches return."""

import numpy as np
import pytest

from countenance.errors import TooFewTrials
from countenance.evaluation.open_set import OpenSet, draw_open_set, search
from countenance.evaluation.trials import NEVER, Samples


def on_a_line(angles_deg, subjects, *, failed=()):
    """Templates in the plane: cosines can be read off the angles."""
    angles = np.radians(angles_deg)
    enrolled = np.ones(len(angles), bool)
    enrolled[list(failed)] = False
    templates = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return Samples(templates, np.asarray(subjects), enrolled)


def cosines(*degrees):
    return pytest.approx([np.cos(np.radians(each)) for each in degrees], abs=1e-6)


def open_set(gallery, mated, non_mated):
    return OpenSet(np.array(gallery), np.array(mated), np.array(non_mated))


def test_a_draw_enrols_so_many_and_searches_with_everything_else():
    subjects = np.array([3, 0, 1, 0, 2, 0, 1, 0, 3, 4, 2])
    for seed in range(1, 20):
        draw = draw_open_set(subjects, size=3, seed=seed)
        enrolled = set(subjects[draw.gallery.ravel()])
        assert draw.gallery.shape == (3, 1)
        assert len(enrolled) == 3
        assert set(subjects[draw.mated]) <= enrolled
        assert not set(subjects[draw.non_mated]) & enrolled
        everything = [*draw.gallery.ravel(), *draw.mated, *draw.non_mated]
        assert sorted(everything) == list(range(len(subjects)))


def test_several_references_are_one_persons():
    """Who has fewer is never enrolled, and is searched for as a stranger."""
    subjects = np.repeat(np.arange(6), [1, 2, 3, 3, 4, 5])
    draw = draw_open_set(subjects, size=3, seed=1, references=3)
    people = subjects[draw.gallery]
    assert people.shape == (3, 3)
    assert np.all(people == people[:, :1])
    assert set(people[:, 0]) <= {2, 3, 4, 5}
    assert {0, 1} <= set(subjects[draw.non_mated])


def test_probes_of_one_person_can_be_capped():
    subjects = np.repeat(np.arange(4), 6)
    draw = draw_open_set(subjects, size=2, seed=1, most_probes_a_person=2)
    assert np.bincount(subjects[draw.mated], minlength=4).max() == 2
    assert np.bincount(subjects[draw.non_mated], minlength=4).max() == 2


def test_everybody_is_enrolled_as_often_as_anybody():
    subjects = np.repeat(np.arange(8), 2)
    times = sum(
        np.bincount(subjects[draw_open_set(subjects, size=4, seed=seed).gallery.ravel()], minlength=8)
        for seed in range(400)
    )
    assert times == pytest.approx(np.full(8, 200), abs=45)


@pytest.mark.parametrize(("size", "references", "needed"), [(4, 1, 5), (3, 2, 3), (9, 1, 10)])
def test_too_few_people_are_refused_with_the_number_it_takes(size, references, needed):
    subjects = np.array([0, 0, 0, 1, 1, 1, 2, 3])
    with pytest.raises(TooFewTrials, match=f"takes {needed} people") as refusal:
        draw_open_set(subjects, size=size, seed=1, references=references)
    assert refusal.value.trials_needed == needed


def test_a_draw_without_a_mated_search_is_refused():
    with pytest.raises(TooFewTrials, match="nobody of 2 enrolled has a sample to search with"):
        draw_open_set(np.arange(5), size=2, seed=1)
    with pytest.raises(ValueError, match="is none"):
        draw_open_set(np.arange(5), size=0, seed=1)


def test_searches_by_hand():
    """Enrolled at 0, 40 and 90 degrees; each score is the cosine of the difference."""
    samples = on_a_line([0, 40, 90, 30, 45, 70, 180], [0, 1, 2, 0, 1, 3, 4])
    searches = search(samples, [open_set([[0], [1], [2]], [3, 4], [5, 6])])
    assert searches.size == 3
    assert searches.mated.scores == cosines(30, 5)
    assert searches.mated.ranks.tolist() == [2, 1]
    assert searches.non_mated.scores == cosines(20, 90)
    assert searches.non_mated.seconds == cosines(30, 140)
    assert searches.non_mated.candidates.tolist() == [2, 2]


def test_a_person_is_as_near_as_their_best_reference():
    samples = on_a_line([0, 60, 40, 90, 55, 45], [0, 0, 1, 1, 0, 2])
    searches = search(samples, [open_set([[0, 1], [2, 3]], [4], [5])])
    assert searches.mated.scores == cosines(5)
    assert searches.mated.ranks.tolist() == [1]
    assert searches.non_mated.scores == cosines(5)
    assert searches.non_mated.seconds == cosines(15)


def test_a_failure_to_enrol_returns_nobody_and_is_not_returned():
    """The probe's: rank behind all, no candidate. The reference's: as if nobody sat there."""
    samples = on_a_line([0, 40, 1, 41, 39], [0, 1, 0, 1, 2], failed=[1, 2, 4])
    searches = search(samples, [open_set([[0], [1]], [2, 3], [4])])
    assert searches.mated.scores.tolist() == [NEVER, NEVER]
    assert searches.mated.ranks.tolist() == [3, 3]
    assert searches.non_mated.scores.tolist() == [NEVER]


def test_people_weigh_the_same_however_often_they_are_searched_for():
    """Over all draws together: three searches of one person are as much as one of another."""
    samples = on_a_line([0, 40, 1, 2, 3, 41, 90], [0, 1, 0, 0, 0, 1, 2])
    draw = open_set([[0], [1]], [2, 3, 4, 5], [6])
    searches = search(samples, [draw, draw])
    assert searches.mated.weights == pytest.approx([1 / 12, 1 / 12, 1 / 12, 1 / 4] * 2)
    assert searches.non_mated.weights == pytest.approx([0.5, 0.5])
    assert searches.non_mated.draws.tolist() == [0, 1]
    with pytest.raises(ValueError, match="at one gallery size"):
        search(samples, [draw, open_set([[0]], [2], [6])])
    with pytest.raises(ValueError, match="at one gallery size"):
        search(samples, [])


def test_many_searches_in_parts_agree_with_a_plain_loop(monkeypatch):
    """Past the size of a part, with two references, failures and ties of none."""
    monkeypatch.setattr("countenance.evaluation.open_set._SCORES_AT_ONCE", 4000)
    random = np.random.default_rng(1)
    subjects = np.repeat(np.arange(90), 4)
    templates = random.normal(size=(360, 6)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    samples = Samples(templates, subjects, random.random(360) > 0.05)
    draw = draw_open_set(subjects, size=50, seed=3, references=2)
    searches = search(samples, [draw])

    def candidates(probe):
        best = {}
        for row in draw.gallery.ravel():
            if samples.enrolled[row] and samples.enrolled[probe]:
                score = float(templates[probe] @ templates[row])
                best[subjects[row]] = max(best.get(subjects[row], -2.0), score)
        return sorted(best.items(), key=lambda each: -each[1])

    for place, probe in enumerate(draw.mated):
        ranked = [person for person, _ in candidates(probe)]
        mate = subjects[probe]
        expected = ranked.index(mate) + 1 if mate in ranked else 51
        assert searches.mated.ranks[place] == expected
    for place, probe in enumerate(draw.non_mated):
        ranked = candidates(probe)
        if ranked:
            assert searches.non_mated.candidates[place] == ranked[0][0]
            assert searches.non_mated.scores[place] == pytest.approx(ranked[0][1], abs=1e-6)
            assert searches.non_mated.seconds[place] == pytest.approx(ranked[1][1], abs=1e-6)
        else:
            assert searches.non_mated.scores[place] == NEVER
