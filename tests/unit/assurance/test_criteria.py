"""What an evaluation shows, on the side of caution."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.assurance.criteria import FiguresInvalid, Shown, parse_evidence
from countenance.evaluation.cohort_labels import UNLABELLED
from signed_evaluations import a_group, a_rate, an_evaluation


def shown(*groups, lowest=99.0, highest=99.0) -> Shown:
    return parse_evidence(an_evaluation(groups=groups)).shown(lowest=lowest, highest=highest)


def bounds(*rows) -> dict:
    """A group of these (similarity, tpr's bound, fmr's bound)."""
    return {
        "group": "north",
        "subjects": 40,
        "at_similarity": [
            {"similarity": similarity, "tpr": a_rate(1, tpr), "fmr": a_rate(0, fmr)}
            for similarity, tpr, fmr in rows
        ],
    }


def test_the_worst_group_speaks_for_all():
    """Who is served worst is whom the gate is for."""
    found = shown(a_group("a"), a_group("b", tpr=0.95), a_group("c", fmr=0.0001), a_group("d", fpir=0.002))
    assert found == Shown(worst_tpr_bp=9520, worst_fmr_ppm=10, worst_fpir_ppm=2000, gallery=1000)


def test_between_two_tabulated_similarities_each_rate_is_taken_on_the_bad_side():
    """False matches from the next lower threshold, true positives from the next higher one."""
    group = bounds((80, 0.99, 0.0001), (90, 0.98, 0.00001), (99, 0.97, 0.000001))
    at = {t: shown(group, lowest=t, highest=t) for t in (80, 80.01, 89.99, 90, 98.99, 99)}
    assert [(each.worst_tpr_bp, each.worst_fmr_ppm) for each in at.values()] == [
        (9900, 100),
        (9800, 100),
        (9800, 100),
        (9800, 10),
        (9700, 10),
        (9700, 1),
    ]


def test_beyond_what_is_tabulated_nothing_is_shown():
    """Nobody measured there."""
    group = bounds((80, 0.99, 0.0001), (90, 0.98, 0.00001))
    assert shown(group, lowest=79.99, highest=79.99).worst_fmr_ppm is None
    assert shown(group, lowest=90.01, highest=90.01).worst_tpr_bp is None


def test_a_threshold_that_may_be_raised_is_judged_at_both_ends():
    """A budget of false candidates raises it: that misses more people, and lets no more strangers through."""
    group = bounds((80, 0.99, 0.0001), (90, 0.98, 0.00001), (99, 0.97, 0.000001))
    found = shown(group, lowest=80, highest=95)
    assert (found.worst_tpr_bp, found.worst_fmr_ppm) == (9700, 100)


@pytest.mark.parametrize(
    "gap",
    [
        {"group": "small", "subjects": 3, "refused": "3 subjects", "trials_needed": 150},
        a_group("none") | {"at_similarity": [], "fpir": []},
        a_group("no bound")
        | {"at_similarity": [{"similarity": 99, "tpr": {"rate": 1, "trials": 9}, "fmr": {"refused": "few"}}]}
        | {"fpir": [{"similarity": 99, "gallery": 100, "refused": "few", "trials_needed": 3000}]},
    ],
    ids=["refused", "nothing", "no bound"],
)
def test_what_is_not_shown_of_every_group_is_not_shown(gap):
    """A group too small to be measured is one of which nobody knows."""
    assert shown(a_group("north"), gap) == Shown(None, None, None, None)


def test_the_gallery_is_the_smallest_that_a_group_was_searched_in():
    """And its FPIR is of the largest that each was searched in: that is the higher one."""
    found = shown(a_group("a", gallery=5000, fpir=0.0005), a_group("b", gallery=700, fpir=0.0009))
    assert (found.gallery, found.worst_fpir_ppm) == (700, 900)


def test_every_cohort_column_counts():
    """A model that passes by region and fails by age passes nothing."""
    told = an_evaluation()
    told["cohorts"].append(
        told["cohorts"][0]
        | {"column": "age", "rates": [a_group("old", tpr=0.9, subjects=31)], "bonferroni": 1}
    )
    evidence = parse_evidence(told)
    assert (evidence.groups, evidence.smallest_group) == (1, 31)
    assert evidence.shown(lowest=99, highest=99).worst_tpr_bp == 9020


@pytest.mark.parametrize(
    ("others", "groups"),
    [
        ((a_group("south"), a_group(UNLABELLED)), 2),
        ((a_group(UNLABELLED),), 1),
        (({"group": "small", "subjects": 3, "refused": "20 or more"},), 1),
        ((a_group("none") | {"at_similarity": [], "fpir": []},), 1),
        (
            (
                a_group("few")
                | {"at_similarity": [{"similarity": 99, "tpr": {"refused": "few"}}]}
                | {"fpir": [{"similarity": 99, "gallery": 100, "refused": "few"}]},
            ),
            1,
        ),
    ],
    ids=["the rest beside two", "the rest", "too small", "nothing asked", "all refused"],
)
def test_groups_are_those_that_somebody_looked_at(others, groups):
    """One large group among refusals is no comparison of groups; nor is it one with whoever has no label."""
    told = an_evaluation(groups=(a_group("north"), *others))
    assert parse_evidence(told).groups == groups


def test_an_evaluation_without_cohorts_shows_nothing_of_groups():
    told = an_evaluation()
    del told["cohorts"]
    evidence = parse_evidence(told)
    assert (evidence.groups, evidence.smallest_group) == (0, 0)
    assert evidence.shown(lowest=99, highest=99) == Shown(None, None, None, None)


@given(st.floats(0, 1), st.floats(0, 1))
def test_rounding_never_makes_a_rate_better(tpr, fmr):
    """What passes in whole numbers passes in those that were measured."""
    found = shown(bounds((99, tpr, fmr)))
    assert found.worst_tpr_bp / 10_000 <= tpr < (found.worst_tpr_bp + 1) / 10_000 + 1e-12
    assert (found.worst_fmr_ppm - 1) / 1e6 - 1e-12 < fmr <= found.worst_fmr_ppm / 1e6


def test_what_is_written_as_98_per_cent_is_98_per_cent():
    """Binary fractions must not move a bound over an edge, either way."""
    for basis_points in range(0, 10_001, 7):
        found = shown(bounds((99, basis_points / 10_000, basis_points / 10_000)))
        assert (found.worst_tpr_bp, found.worst_fmr_ppm) == (basis_points, basis_points * 100)


def _row(**members):
    return a_group("x") | {"at_similarity": [{"similarity": 99, **members}]}


HOSTILE = [
    ({"cohorts": {}}, "cohorts is not a list"),
    ({"cohorts": [7]}, "a cohort column is not an object"),
    ({"cohorts": [{}] * 65}, "may have 64"),
    ({"alpha": 0.2}, "alpha of a cohort column is 0.2"),
    ({"alpha": True}, "alpha of a cohort column is not a number"),
    ({"alpha": 0}, "alpha of a cohort column is 0"),
    ({"bonferroni": 1}, "bonferroni of a cohort column is 1"),
    ({"bonferroni": 2.5}, "bonferroni of a cohort column is not a whole number"),
    ({"rates": []}, "has groups, each with a name"),
    ({"rates": [a_group("a"), a_group("a")]}, "names a group twice"),
    ({"rates": [a_group("a"), a_group("b") | {"group": 7}]}, "each with a name"),
    ({"rates": [a_group("a", subjects=-1)]}, "subjects of a group is -1"),
    ({"rates": [a_group("a") | {"subjects": 2.5}]}, "subjects of a group is not a whole number"),
    ({"rates": [_row(tpr=a_rate(0.9, 0.91))]}, "bound of a tpr is better than its rate"),
    ({"rates": [_row(fmr=a_rate(0.1, 0.09))]}, "bound of a fmr is better than its rate"),
    ({"rates": [_row(tpr=a_rate(1, 1.01))]}, "bound of a tpr is 1.01"),
    ({"rates": [_row(tpr=a_rate(1, -0.1))]}, "bound of a tpr is -0.1"),
    ({"rates": [_row(tpr=a_rate(1, math.nan))]}, "bound of a tpr is not a number"),
    ({"rates": [_row(tpr=a_rate(1, math.inf))]}, "bound of a tpr is not a number"),
    ({"rates": [_row(tpr=a_rate(1, "0.99"))]}, "bound of a tpr is not a number"),
    ({"rates": [_row(tpr=a_rate(1, True))]}, "bound of a tpr is not a number"),
    ({"rates": [_row(tpr=a_rate(1, 0.99, trials=0))]}, "trials of a tpr is 0"),
    ({"rates": [_row(tpr=a_rate(1, 0.99), similarity=100.1)]}, "similarity of a tpr is 100.1"),
    ({"rates": [_row(tpr=a_rate(1, 0.99), similarity=None)]}, "similarity of a tpr is not a number"),
    ({"rates": [_row(tpr=[1])]}, "tpr is not an object"),
    ({"rates": [a_group("a", gallery=0)]}, "gallery of an fpir is 0"),
    ({"rates": [a_group("a") | {"fpir": {"similarity": 99}}]}, "fpir is not a list"),
]


@pytest.mark.parametrize(("change", "problem"), HOSTILE, ids=[problem for _, problem in HOSTILE])
def test_a_figure_that_cannot_be_one_is_refused(change, problem):
    """A number that passes must be one that somebody could have measured."""
    told = an_evaluation()
    if "cohorts" in change:
        told |= change
    else:
        told["cohorts"][0] |= change
    with pytest.raises(FiguresInvalid, match=problem):
        parse_evidence(told)
