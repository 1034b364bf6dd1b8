"""Rates of groups: who is in them, what they are corrected for, what is refused."""

import numpy as np
import pytest

from countenance.evaluation.bounds import lower_bound, upper_bound
from countenance.evaluation.cohort_labels import UNLABELLED, cohorts_of
from countenance.evaluation.cohort_rates import (
    GroupRates,
    Plan,
    SmallGroup,
    cross_rates,
    large_groups,
    rates_by_group,
    shares_of,
)
from countenance.evaluation.differentials import Refused
from countenance.evaluation.trials import Samples


def data(sizes, *, photos=2, seed=1, failed=0.05):
    """Groups `a`, `b`, … of these sizes, then subjects without a label of the last size."""
    random = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(sum(sizes)), photos)
    templates = random.normal(size=(sum(sizes), 8))[subjects] + 0.5 * random.normal(size=(len(subjects), 8))
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    samples = Samples(templates.astype(np.float32), subjects, random.random(len(subjects)) >= failed)
    names = [*"abcdef"[: len(sizes) - 1], None]
    labels = [name for name, size in zip(names, sizes, strict=True) for _ in range(size * photos)]
    return samples, cohorts_of(subjects, labels)


PLAN = Plan((0.5, 0.8), galleries=(30,), least_subjects=20)


def rates(plan=PLAN, **options):
    samples, cohorts = data(**options)
    return rates_by_group(samples, cohorts, shares_of(samples, plan), plan)


def test_every_group_is_in_the_table_in_alphabetical_order():
    """Small ones with what it takes, and those without a label as well: nobody is dropped."""
    table = rates(sizes=[50, 12, 40, 25])
    assert [row.group for row in table] == ["a", "b", "c", UNLABELLED]
    assert table[1] == SmallGroup("b", 12, 24, 20)
    assert [type(row) for row in table] == [GroupRates, SmallGroup, GroupRates, GroupRates]
    assert [(row.subjects, row.samples) for row in table] == [(50, 100), (12, 24), (40, 80), (25, 50)]


def test_bounds_are_corrected_for_every_bound_that_is_stated():
    """3 large groups, each with FTE and, at 2 thresholds, FMR, TPR and an FPIR: m = 3 x 7."""
    assert PLAN.claims == 7
    level = 0.05 / 21
    row = rates(sizes=[50, 12, 40, 25])[0]
    at = row.at[0]
    for rate in (row.failure_to_enrol, at.fmr, at.fnmr, at.searches[0].fpir):
        assert rate.bound == pytest.approx(upper_bound(rate.rate, rate.effective, alpha=level))
    assert at.tpr.bound == pytest.approx(lower_bound(at.tpr.rate, at.tpr.effective, alpha=level))
    assert at.tpr.bound == pytest.approx(1 - at.fnmr.bound)
    assert at.tpr.rate == pytest.approx(1 - at.fnmr.rate)


def test_rates_do_not_depend_on_who_else_is_in_the_data_set():
    """Only the correction does, and a gallery drawn from everybody."""
    plan = Plan((0.5,), galleries=(20,), within_group=True)
    samples, cohorts = data([50, 40, 25])
    row = rates_by_group(samples, cohorts, shares_of(samples, plan), plan)[0]
    rows = samples.subjects < 50
    alone = Samples(samples.templates[rows], samples.subjects[rows], samples.enrolled[rows])
    only_a = cohorts_of(alone.subjects, ["a"] * 100)
    (same,) = rates_by_group(alone, only_a, shares_of(alone, plan), plan)
    for one, other in ((row.at[0].fmr, same.at[0].fmr), (row.at[0].tpr, same.at[0].tpr)):
        assert (one.rate, one.interval, one.trials) == (other.rate, other.interval, other.trials)
        assert one.bound != other.bound
    assert row.at[0].fmr.trials == 50 * 49 // 2 * 4
    assert row.at[0].tpr.trials == 50
    assert row.at[0].searches[0].fpir.trials == 100


def test_single_photos_leave_a_group_without_mated_rates():
    """FMR and FPIR need none; TPR is refused with how many subjects it takes."""
    at = rates(sizes=[50, 25], photos=1)[0].at[0]
    assert at.tpr == at.fnmr == Refused("0 subjects have two samples, 20 are the least", 20)
    assert at.fmr.trials == 50 * 49 // 2


@pytest.mark.parametrize(("within", "people"), [(False, 75), (True, 50)])
def test_a_gallery_that_the_data_cannot_fill_is_refused(within, people):
    plan = Plan((0.5,), galleries=(73,), within_group=within)
    search = rates(plan, sizes=[50, 25])[0].at[0].searches[0]
    assert (search.gallery, search.within_group) == (73, within)
    assert search.fpir.trials_needed == 77
    assert f"there are {people}" in search.fpir.reason


def test_cross_rates_are_of_every_pair_of_large_groups():
    samples, cohorts = data([50, 12, 40, 25])
    shares = shares_of(samples, PLAN)
    found = cross_rates(cohorts, shares, PLAN)
    assert large_groups(cohorts, PLAN) == [0, 2, 3]
    assert [rate.groups for rate in found[::2]] == [("a", "c"), ("a", UNLABELLED), ("c", UNLABELLED)]
    assert [rate.cosine for rate in found[:2]] == [0.5, 0.8]
    assert found[0].fmr.trials == 100 * 80
    assert found[0].fmr.bound == pytest.approx(
        upper_bound(found[0].fmr.rate, found[0].fmr.effective, alpha=0.05 / 6)
    )


@pytest.mark.parametrize("wrong", [{"cosines": ()}, {"alpha": 0.0}, {"least_subjects": 1}])
def test_a_plan_without_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="a plan needs"):
        Plan(**{"cosines": (0.5,), **wrong})
