"""Rates of demographic groups, each with its interval and a bound corrected for how many are stated.

FMR is of pairs within a group, where faces are most alike, and of pairs between two groups beside it.
FNMR and TPR count failures to enrol as misses. The groups are the data set's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.cohort_labels import Cohorts
from countenance.evaluation.differentials import Refused
from countenance.evaluation.group_rates import (
    NO_GROUP,
    Moments,
    Rate,
    between_groups,
    complement,
    over_people,
    to_rate,
    within_groups,
)
from countenance.evaluation.group_searches import (
    TopCandidates,
    false_positive_moments,
    people_needed,
    top_candidates,
)
from countenance.evaluation.match_shares import (
    PairShares,
    PersonShares,
    failures_by_person,
    mated_by_person,
    non_mated_by_pair,
)
from countenance.evaluation.trials import Samples


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a data set's groups.

    Attributes:
        cosines: thresholds at which FMR, FNMR and TPR are stated.
        galleries: sizes N for which FPIR is stated, at each of `cosines`.
        within_group: whether galleries are drawn from the searched group alone, or from everybody.
        alpha: chance that any one-sided bound of any group is wrong; and that any test is.
        least_subjects: below which a group is refused: so few are people, not a group.
        replicates: of the draw of subjects, and permutations of labels.
        seed: of everything that is drawn.
    """

    cosines: tuple[float, ...]
    galleries: tuple[int, ...] = ()
    within_group: bool = False
    alpha: float = 0.05
    least_subjects: int = 20
    replicates: int = 2000
    seed: int = 1

    def __post_init__(self) -> None:
        if not self.cosines or not 0.0 < self.alpha < 1.0 or self.least_subjects < 2:
            raise ValueError("a plan needs a threshold, an alpha in (0, 1) and groups of two or more")

    @property
    def claims(self) -> int:
        """One-sided bounds of each group: FTE; at each threshold FMR, TPR (FNMR is its mirror) and FPIRs."""
        return 1 + len(self.cosines) * (2 + len(self.galleries))


@dataclass(frozen=True, slots=True)
class Shares:
    """What rates are made from: of every person and pair of people, at each of the plan's thresholds."""

    failures: PersonShares
    mated: tuple[PersonShares, ...]
    non_mated: tuple[PairShares, ...]


@dataclass(frozen=True, slots=True)
class SearchRate:
    """False positives among a group's non-mated searches.

    Attributes:
        gallery: N, people enrolled.
        within_group: whether they were of the group, or of everybody.
        fpir: with its upper bound; `trials` are searches.
    """

    gallery: int
    within_group: bool
    fpir: Rate | Refused


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """Rates of one group at one threshold.

    Attributes:
        cosine: the threshold.
        fmr: of pairs of people within the group, with its upper bound.
        fnmr: with its upper bound.
        tpr: 1 - FNMR, with its lower bound.
        searches: for each gallery size.
    """

    cosine: float
    fmr: Rate
    fnmr: Rate | Refused
    tpr: Rate | Refused
    searches: tuple[SearchRate, ...]


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Everything that is stated of one group.

    Attributes:
        group: its name, the data set's.
        subjects: people in it.
        samples: of theirs.
        failure_to_enrol: with its upper bound.
        at: for each threshold.
    """

    group: str
    subjects: int
    samples: int
    failure_to_enrol: Rate
    at: tuple[AtThreshold, ...]


@dataclass(frozen=True, slots=True)
class SmallGroup:
    """A group that is too small for rates.

    Attributes:
        group: its name, the data set's.
        subjects: people in it.
        samples: of theirs.
        subjects_needed: at the least.
    """

    group: str
    subjects: int
    samples: int
    subjects_needed: int


@dataclass(frozen=True, slots=True)
class CrossRate:
    """FMR of the pairs of a person of one group and a person of the other."""

    groups: tuple[str, str]
    cosine: float
    fmr: Rate


def shares_of(samples: Samples, plan: Plan) -> Shares:
    """All comparisons, once."""
    return Shares(
        failures_by_person(samples),
        mated_by_person(samples, plan.cosines),
        non_mated_by_pair(samples, plan.cosines),
    )


def large_groups(cohorts: Cohorts, plan: Plan) -> list[int]:
    """Places of the groups that are given rates."""
    return [int(group) for group in np.flatnonzero(cohorts.sizes >= plan.least_subjects)]


def rates_by_group(
    samples: Samples, cohorts: Cohorts, shares: Shares, plan: Plan
) -> tuple[GroupRates | SmallGroup, ...]:
    """Rates of every group, in the order of their names; of small ones what it would take."""
    large = large_groups(cohorts, plan)
    alpha = plan.alpha / (max(1, len(large)) * plan.claims)
    photos = np.bincount(cohorts.of_subject[samples.subjects], minlength=len(cohorts.names))
    everybody = None if plan.within_group else _candidates(samples, np.arange(len(cohorts.of_subject)), plan)
    rows: list[GroupRates | SmallGroup] = []
    for group, name in enumerate(cohorts.names):
        subjects = int(cohorts.sizes[group])
        if group not in large:
            rows.append(SmallGroup(name, subjects, int(photos[group]), plan.least_subjects))
            continue
        members = cohorts.of_subject == group
        found = everybody or _candidates(samples, np.flatnonzero(members), plan)
        rows.append(
            GroupRates(
                name,
                subjects,
                int(photos[group]),
                _upper(over_people(shares.failures, _alone(members), 1), alpha),
                tuple(
                    _at_threshold(samples, members, shares, found, place, plan=plan, alpha=alpha)
                    for place in range(len(plan.cosines))
                ),
            )
        )
    return tuple(rows)


def cross_rates(cohorts: Cohorts, shares: Shares, plan: Plan) -> tuple[CrossRate, ...]:
    """FMR between every two large groups at each threshold; bounds are corrected for how many these are."""
    pairs = list(combinations(large_groups(cohorts, plan), 2))
    alpha = plan.alpha / max(1, len(pairs) * len(plan.cosines))
    return tuple(
        CrossRate(
            (cohorts.names[one], cohorts.names[other]),
            at.cosine,
            _upper(between_groups(at, cohorts.of_subject == one, cohorts.of_subject == other), alpha),
        )
        for one, other in pairs
        for at in shares.non_mated
    )


def _at_threshold(
    samples: Samples,
    members: NDArray[np.bool_],
    shares: Shares,
    found: dict[int, TopCandidates | Refused],
    place: int,
    *,
    plan: Plan,
    alpha: float,
) -> AtThreshold:
    cosine = plan.cosines[place]
    mated = over_people(shares.mated[place], _alone(members), 1)
    fnmr: Rate | Refused
    tpr: Rate | Refused
    if mated.most_trials[0] < plan.least_subjects:
        fnmr = tpr = Refused(
            f"{mated.most_trials[0]:.0f} subjects have two samples, {plan.least_subjects} are the least",
            plan.least_subjects,
        )
    else:
        fnmr = _upper(complement(mated), alpha)
        tpr = to_rate(mated, 0, alpha=alpha, bad_side="lower")
    searches = []
    for size, candidates in found.items():
        fpir: Rate | Refused
        if isinstance(candidates, Refused):
            fpir = candidates
        else:
            fpir = _upper(false_positive_moments(candidates, samples.subjects, members, cosine=cosine), alpha)
        searches.append(SearchRate(size, plan.within_group, fpir))
    fmr = _upper(within_groups(shares.non_mated[place], _alone(members), 1), alpha)
    return AtThreshold(cosine, fmr, fnmr, tpr, tuple(searches))


def _candidates(
    samples: Samples, people: NDArray[np.int64], plan: Plan
) -> dict[int, TopCandidates | Refused]:
    """Searches for each gallery size, or how many people a gallery of that size would take."""
    found: dict[int, TopCandidates | Refused] = {}
    for size in plan.galleries:
        needed = people_needed(size)
        if len(people) < needed:
            found[size] = Refused(
                f"a gallery of {size} and searches by others take {needed} subjects, there are {len(people)}",
                needed,
            )
        else:
            found[size] = top_candidates(samples, people, gallery=size, seed=plan.seed)
    return found


def _alone(members: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The one group of these people, nobody else in any."""
    return np.where(members, 0, NO_GROUP)


def _upper(moments: Moments, alpha: float) -> Rate:
    return to_rate(moments, 0, alpha=alpha, bad_side="upper")
