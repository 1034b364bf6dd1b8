"""An evaluation's figures, assembled."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from countenance.evaluation.cohort_labels import cohorts_of
from countenance.evaluation.figures import figures_of
from countenance.evaluation.figures_cohorts import CohortColumn
from countenance.evaluation.figures_identification import gallery_sizes
from countenance.evaluation.figures_shapes import share_of_people
from countenance.evaluation.figures_verification import cosine_at, trials_of
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Pairs, Samples, all_mated, all_non_mated
from countenance.evaluation.verification import fnmr_at_fmr, match_rate
from countenance.similarity import Calibration

CALIBRATION = Calibration(
    cosine=(0.0, 0.25, 0.5), neg_log10_fmr=(0.5, 2.0, 5.0), trials=10_000, extrapolated_from=0.4
)
PROTOCOL = Protocol(replicates=100, draws=3, seed=5)


def people(count, photos, *, spread=0.55, dimensions=48, seed=3, failed=()):
    """Random unit directions, one a person, and samples scattered around them."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(count), photos)
    towards = random.standard_normal((count, dimensions))[subjects]
    templates = towards / np.linalg.norm(towards, axis=1, keepdims=True)
    templates += spread * random.standard_normal(templates.shape) / np.sqrt(dimensions) * 2
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    enrolled = np.ones(len(subjects), bool)
    enrolled[list(failed)] = False
    return Samples(templates.astype(np.float32), subjects, enrolled)


def figures(samples, **given):
    return figures_of(samples, calibration=CALIBRATION, protocol=given.pop("protocol", PROTOCOL), **given)


def test_the_same_seed_gives_the_same_record_and_another_another():
    """Whoever has the photos can check the record."""
    samples = people(60, 3)
    first = json.dumps(figures(samples))
    assert json.dumps(figures(samples)) == first
    assert json.dumps(figures(samples, protocol=Protocol(replicates=100, draws=3, seed=6))) != first


def test_verification_says_what_the_pure_functions_say():
    """Nothing is changed on the way into the record."""
    samples = people(60, 3)
    found = figures(samples)["verification"]
    mated, non_mated = all_mated(samples), all_non_mated(samples)
    assert (found["mated_trials"], found["non_mated_trials"]) == (180, 60 * 59 // 2 * 9)
    point = fnmr_at_fmr(mated, non_mated, max_fmr=1e-3)
    stated = found["at_fmr"][0]
    assert stated["cosine"] == point.threshold
    assert stated["fnmr"]["rate"] == pytest.approx(point.fnmr)
    assert stated["fnmr"]["interval"] == {
        "low": pytest.approx(point.fnmr_interval.low),
        "high": pytest.approx(point.fnmr_interval.high),
    }
    at_80 = found["at_similarity"][0]
    assert at_80["fmr"]["rate"] == pytest.approx(match_rate(non_mated, at_80["cosine"]))
    assert at_80["fnmr"]["rate"] == pytest.approx(1 - match_rate(mated, at_80["cosine"]))
    assert at_80["stated_fmr"] == pytest.approx(1e-4, rel=0.01)


def test_what_the_trials_cannot_carry_is_refused_with_what_it_would_take():
    found = figures(people(60, 3))["verification"]["at_fmr"]
    assert [sorted(point) for point in found[2:]] == [["max_fmr", "refused", "trials_needed"]] * 2
    assert [point["trials_needed"] for point in found[2:]] == [100_000, 1_000_000]


def test_curve_and_histogram_are_ascending_and_whole():
    found = figures(people(60, 3, failed=(0, 1)))["verification"]
    rates = [point["fmr"] for point in found["det"]]
    assert rates == sorted(rates)
    assert all(point["fnmr_low"] <= point["fnmr"] <= point["fnmr_high"] for point in found["det"])
    mated, non_mated = all_mated(people(60, 3, failed=(0, 1))), found["histogram"]["non_mated"]
    assert sum(found["histogram"]["mated"]) == pytest.approx(match_rate(mated, -2.0))
    assert len(found["histogram"]["edges"]) == len(non_mated) + 1


def test_a_failure_to_enrol_counts_against_the_pack_everywhere():
    """Leaving such photos out would make a pack that sees little the best."""
    whole, holed = figures(people(60, 3)), figures(people(60, 3, failed=range(0, 60, 3)))
    assert whole["failure_to_enrol"]["rate"] == 0
    assert holed["failure_to_enrol"]["rate"] == pytest.approx(20 / 180)
    assert holed["failure_to_enrol"]["trials"] == 180
    for path in (("verification", "at_similarity", 0, "fnmr"), ("identification", 0, "rank", 0, "hit")):
        before, after = whole, holed
        for step in path:
            before, after = before[step], after[step]
        worse = after["rate"] - before["rate"]
        assert worse > 0.05 if path[-1] == "fnmr" else worse < -0.05


def test_people_are_weighted_equally_in_failures_to_enrol():
    """One person with a hundred bad photos is one person."""
    subjects = np.array([0] * 8 + [1, 1])
    failed = np.array([True] * 8 + [False] * 2)
    assert share_of_people(failed, subjects)["rate"] == pytest.approx(0.5)


def test_galleries_grow_by_tens_while_as_many_people_are_left_outside():
    assert gallery_sizes(199) == ()
    assert gallery_sizes(200) == (100,)
    assert gallery_sizes(25_000) == (100, 1000, 10_000)


def test_searches_of_each_gallery_and_of_everybody():
    """Lists longer than the gallery say nothing and are not stated; the last object is a closed set."""
    found = figures(people(60, 3), protocol=Protocol(replicates=100, draws=2, galleries=(5, 40)))[
        "identification"
    ]
    assert [each["gallery"] for each in found] == [5, 40, 60]
    assert [row["rank"] for row in found[0]["rank"]] == [1, 5]
    assert {row["list_length"] for row in found[0]["open_set"]} == {1}
    assert {row["list_length"] for row in found[1]["open_set"]} == {1, 10}
    assert found[0]["mated_searches"] == 2 * 5 * 2
    assert found[0]["non_mated_searches"] == 2 * 55 * 3
    assert "open_set" not in found[2]
    fpir = [row for row in found[1]["open_set"] if "fpir" in row]
    assert fpir
    assert all(row["fpir"]["rate"] <= row["max_fpir"] for row in fpir)


def test_a_gallery_larger_than_the_people_is_refused():
    found = figures(people(20, 2), protocol=Protocol(replicates=100, draws=2, galleries=(50,)))[
        "identification"
    ]
    assert found[0]["gallery"] == 50
    assert "refused" in found[0]


def test_without_two_photos_of_anybody_everything_mated_is_refused():
    found = figures(people(10, 1))
    assert "two samples" in found["verification"]["refused"]
    assert found["identification"] == []


def test_one_subject_alone_is_compared_with_nobody():
    assert "one subject" in figures(people(1, 4))["verification"]["refused"]


def test_people_known_to_be_one_are_never_compared():
    """Their trials are not what their labels say."""
    samples = people(40, 2)
    twin = Samples(samples.templates.copy(), samples.subjects, samples.enrolled)
    twin.templates[78:] = twin.templates[:2]
    with_error, without = (figures(twin, doubles=doubles) for doubles in ((), ((0, 39),)))
    at = "verification", "at_similarity", 2, "fmr", "rate"
    rates = []
    for record in (with_error, without):
        value = record
        for step in at:
            value = value[step]
        rates.append(value)
    assert rates[0] > rates[1]
    assert without["identification"][-1]["gallery"] == 39
    mated, non_mated = trials_of(twin, doubles=((39, 0),))
    assert len(non_mated) == 40 * 39 // 2 * 4 - 4
    assert len(mated) == 40


def test_where_all_subjects_are_one_person_there_is_nothing_to_compare():
    """A refusal in the record, as of one subject alone."""
    found = figures(people(2, 3), doubles=((0, 1),))
    assert "one person" in found["verification"]["refused"]
    assert found["identification"][-1]["gallery"] == 1
    pairs = Pairs(np.array([0, 0]), np.array([1, 4]), np.array([True, False]), np.array([0, 0]))
    assert "one person" in figures(people(2, 3), pairs=pairs, doubles=((1, 0),))["verification"]["refused"]


def test_people_known_to_be_one_are_in_no_drawn_pair():
    """Two groups of look-alikes under many names: balanced accuracy without their pairs is perfect."""
    samples = people(6, 4, spread=0.05)
    templates = samples.templates.copy()
    templates[12:] = templates[:12]  # subjects 3 to 5 are subjects 0 to 2 once more
    twins = Samples(templates, samples.subjects, samples.enrolled)
    doubles = ((0, 3), (1, 4), (2, 5))
    assert figures(twins)["verification"]["balanced"]["accuracy"] < 1.0
    assert figures(twins, doubles=doubles)["verification"]["balanced"]["accuracy"] == 1.0


def test_two_names_listed_in_both_orders_leave_one_of_them():
    samples = people(10, 2)
    once, twice = (figures(samples, doubles=pairs) for pairs in (((2, 7),), ((2, 7), (7, 2))))
    assert once["identification"][-1]["gallery"] == twice["identification"][-1]["gallery"] == 9


def test_what_a_similarity_states_comes_with_its_interval():
    """As far as the calibration knows one; what is within it is what a reader checks."""
    stated = figures(people(20, 2))["verification"]["at_similarity"][0]
    assert "stated_interval" not in stated
    knots = CALIBRATION.neg_log10_fmr
    known = replace(
        CALIBRATION,
        neg_log10_fmr_low=tuple(knot - 0.2 for knot in knots),
        neg_log10_fmr_high=tuple(knot + 0.1 for knot in knots),
    )
    found = figures_of(people(20, 2), calibration=known, protocol=PROTOCOL)
    ends = found["verification"]["at_similarity"][0]["stated_interval"]
    assert ends["low"] == pytest.approx(stated["stated_fmr"] / 10**0.1)
    assert ends["high"] == pytest.approx(stated["stated_fmr"] * 10**0.2)


def test_a_list_of_pairs_is_used_as_it_is_with_its_folds():
    """So that figures compare with those that others have published."""
    samples = people(8, 2)
    first, second = np.arange(0, 16, 2), np.arange(1, 17, 2)
    pairs = Pairs(
        first=np.concatenate([first, first]),
        second=np.concatenate([second, np.roll(second, -1)]),
        mated=np.repeat([True, False], 8),
        fold=np.tile(np.repeat([0, 1], 4), 2),
    )
    found = figures(samples, pairs=pairs)
    assert "identification" not in found
    assert found["verification"]["balanced"]["folds"] == 2
    assert found["verification"]["balanced"]["pairs"] == 16
    assert (found["verification"]["mated_trials"], found["verification"]["non_mated_trials"]) == (8, 8)
    one_fold = Pairs(pairs.first, pairs.second, pairs.mated, np.zeros(16, np.int64))
    assert "has 1 folds" in figures(samples, pairs=one_fold)["verification"]["balanced"]["refused"]
    one_kind = Pairs(pairs.first[:12], pairs.second[:12], pairs.mated[:12], pairs.fold[:12])
    assert "one kind" in figures(samples, pairs=one_kind)["verification"]["balanced"]["refused"]


def test_planted_groups_are_told_apart_and_whose_labels_they_are():
    """One group's photos are twice as scattered: its TPR is lower, and the record shows it."""
    even, uneven = people(60, 3, spread=0.4, seed=1), people(60, 3, spread=1.0, seed=2)
    samples = Samples(
        np.concatenate([even.templates, uneven.templates]),
        np.concatenate([even.subjects, uneven.subjects + 60]),
        np.ones(360, bool),
    )
    labels = ["a"] * 180 + ["b"] * 165 + [""] * 15
    column = CohortColumn("group", "whoever planted them", cohorts_of(samples.subjects, labels))
    found = figures(samples, cohorts=[column])["cohorts"][0]
    assert (found["column"], found["labels_by"], found["groups"]) == ("group", "whoever planted them", 3)
    rates = {group["group"]: group for group in found["rates"]}
    assert rates["(unlabelled)"]["trials_needed"] == 20
    tpr = {name: rates[name]["at_similarity"][0]["tpr"] for name in "ab"}
    assert tpr["a"]["bound"] > tpr["b"]["rate"]
    assert [row["groups"] for row in found["cross"]] == [["a", "b"]] * len(Protocol().similarities)
    assert any(test["differ"] for test in found["tests"] if test["of"] == "fnmr")


def test_the_cosine_of_a_similarity_is_the_lowest_that_is_answered_as_it():
    for similarity in (1.0, 80.0, 99.0):
        cosine = cosine_at(CALIBRATION, similarity)
        assert CALIBRATION.similarity_of(cosine) >= np.float32(similarity)
        assert CALIBRATION.similarity_of(cosine - 1e-5) < np.float32(similarity)
