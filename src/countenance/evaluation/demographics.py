"""Findings by demographic group (ISO/IEC 19795-10:2024, NISTIR 8280): rates first, then how far apart.

Differentials and tests are derived from the rates of the groups that the data set names; subjects
without a label have rates and are compared with nobody. How findings are worded: `wording`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.cohort_labels import Cohorts
from countenance.evaluation.cohort_rates import (
    CrossRate,
    GroupRates,
    Plan,
    Shares,
    SmallGroup,
    cross_rates,
    large_groups,
    rates_by_group,
    shares_of,
)
from countenance.evaluation.differentials import Differential, Refused, differentials_of
from countenance.evaluation.equality import EqualityTest, permute_labels
from countenance.evaluation.group_draws import (
    draw_within_groups,
    replicate_over_people,
    replicate_within_groups,
)
from countenance.evaluation.group_rates import NO_GROUP, complement, over_people, within_groups
from countenance.evaluation.trials import Samples


@dataclass(frozen=True, slots=True)
class Comparison:
    """Groups compared by one kind of rate at one threshold.

    Attributes:
        of: "fmr" (within groups), "fnmr" or "tpr".
        cosine: the threshold.
        groups: the named ones that have the rate.
        differentials: measures, or why there are none.
        equality: the test; None where fewer than two groups have the rate. FNMR and TPR share one.
    """

    of: str
    cosine: float
    groups: tuple[str, ...]
    differentials: tuple[Differential, ...] | Refused
    equality: EqualityTest | None


@dataclass(frozen=True, slots=True)
class Demographics:
    """Findings by group.

    Attributes:
        plan: what was asked.
        bonferroni: m, one-sided bounds in `rates`: each is at level alpha / m.
        rates: of every group, alphabetical, subjects without a label last.
        cross: of every pair of groups that have rates.
        comparisons: derived from `rates`.
    """

    plan: Plan
    bonferroni: int
    rates: tuple[GroupRates | SmallGroup, ...]
    cross: tuple[CrossRate, ...]
    comparisons: tuple[Comparison, ...]


def demographics_of(samples: Samples, cohorts: Cohorts, plan: Plan) -> Demographics:
    """Rates of every group that is large enough, and what they say beside one another."""
    shares = shares_of(samples, plan)
    return Demographics(
        plan,
        max(1, len(large_groups(cohorts, plan))) * plan.claims,
        rates_by_group(samples, cohorts, shares, plan),
        cross_rates(cohorts, shares, plan),
        tuple(
            comparison
            for place in range(len(plan.cosines))
            for comparison in (
                _compare_fmr(cohorts, shares, plan, place),
                *_compare_mated(cohorts, shares, plan, place),
            )
        ),
    )


def _compare_fmr(cohorts: Cohorts, shares: Shares, plan: Plan, place: int) -> Comparison:
    pairs = shares.non_mated[place]
    groups, names = _compared(cohorts, plan, np.ones(len(cohorts.of_subject), bool))
    if len(names) < 2:
        return Comparison("fmr", pairs.cosine, names, _nothing_to_compare(names), None)
    rates_of = partial(within_groups, pairs, count=len(names))
    counts = draw_within_groups(groups, replicates=plan.replicates, seed=plan.seed)
    return Comparison(
        "fmr",
        pairs.cosine,
        names,
        differentials_of(rates_of(groups), replicate_within_groups(pairs, groups, counts), better="low"),
        permute_labels(
            rates_of,
            groups,
            tests=2 * len(plan.cosines),
            alpha=plan.alpha,
            permutations=plan.replicates,
            seed=plan.seed,
        ),
    )


def _compare_mated(cohorts: Cohorts, shares: Shares, plan: Plan, place: int) -> tuple[Comparison, Comparison]:
    mated, cosine = shares.mated[place], plan.cosines[place]
    groups, names = _compared(cohorts, plan, mated.trials > 0)
    if len(names) < 2:
        nothing = _nothing_to_compare(names)
        return (
            Comparison("fnmr", cosine, names, nothing, None),
            Comparison("tpr", cosine, names, nothing, None),
        )
    hits = over_people(mated, groups, len(names))
    counts = draw_within_groups(groups, replicates=plan.replicates, seed=plan.seed)
    replicated = replicate_over_people(mated, groups, counts)
    equality = permute_labels(
        lambda dealt: complement(over_people(mated, dealt, len(names))),
        groups,
        tests=2 * len(plan.cosines),
        alpha=plan.alpha,
        permutations=plan.replicates,
        seed=plan.seed,
    )
    fnmr = differentials_of(complement(hits), 1.0 - replicated, better="low")
    tpr = differentials_of(hits, replicated, better="high")
    return (
        Comparison("fnmr", cosine, names, fnmr, equality),
        Comparison("tpr", cosine, names, tpr, equality),
    )


def _compared(
    cohorts: Cohorts, plan: Plan, has_trials: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """(people,) number among the compared groups of each person with trials, and their names."""
    groups = np.full(len(cohorts.of_subject), NO_GROUP)
    names: list[str] = []
    for group, name in enumerate(cohorts.names):
        members = (cohorts.of_subject == group) & has_trials
        if cohorts.is_named(group) and members.sum() >= plan.least_subjects:
            groups[members] = len(names)
            names.append(name)
    return groups, tuple(names)


def _nothing_to_compare(names: tuple[str, ...]) -> Refused:
    return Refused(f"{len(names)} named groups have the rate, a comparison takes two", None)
