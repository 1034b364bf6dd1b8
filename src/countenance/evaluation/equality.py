"""Whether groups differ at all: labels dealt anew over subjects, and what could have been seen.

The statistic is the largest difference between two groups' rates, in units of its standard error.
Studentized so, a permutation test is exact where labels mean nothing, and still right for large groups
where they mean something else than what is asked (Chung and Romano, 2013): people of one group look
more alike than people of two, so that dealing labels anew lowers every group's FMR, and a bare
difference of rates would be compared with those of other people.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from countenance.evaluation.group_rates import NO_GROUP, Moments

_POWER = 0.8
_MOST_LOG_RATIO = math.log(1e9)
"""Where next to no error is expected no ratio at all could be seen; beyond this it is no number either."""


@dataclass(frozen=True, slots=True)
class EqualityTest:
    """Of the hypothesis that all groups have one rate.

    Attributes:
        p_value: by permutation, corrected for `tests`.
        alpha: below which groups are said to differ.
        tests: made of this data set beside one another, this one among them (Bonferroni).
        permutations: of labels.
        detectable_ratio: the smallest ratio of two groups' rates that would have been seen in 80 of 100
            data sets like this one, for the two groups with the fewest errors expected; None where no
            group shows any.
    """

    p_value: float
    alpha: float
    tests: int
    permutations: int
    detectable_ratio: float | None

    @property
    def differ(self) -> bool:
        return self.p_value <= self.alpha


def permute_labels(
    rates_of: Callable[[NDArray[np.int64]], Moments],
    groups: NDArray[np.int64],
    *,
    tests: int,
    alpha: float,
    permutations: int,
    seed: int,
) -> EqualityTest:
    """Compare groups by the largest studentized difference under permutation of labels over subjects.

    Args:
        rates_of: rates of the groups under any labelling.
        groups: (people,) 0 to G - 1, or `NO_GROUP` for people without a say.
        tests: made beside one another.
        alpha: for all of them together.
        permutations: enough that p can fall below alpha / tests.
        seed: of the permutations.

    Raises:
        ValueError: fewer than two groups, or too few permutations to show a difference at all.
    """
    if int(groups.max()) < 1:
        raise ValueError("a difference needs two groups")
    if tests / (permutations + 1) > alpha:
        raise ValueError(
            f"{permutations} permutations cannot show p below {alpha:g} / {tests}: "
            f"{math.ceil(tests / alpha)} are the least"
        )
    random = np.random.default_rng(seed)
    labelled = np.flatnonzero(groups != NO_GROUP)
    observed = rates_of(groups)
    seen = _largest_difference(observed)
    at_least = 1
    dealt = groups.copy()
    for _ in range(permutations):
        dealt[labelled] = random.permutation(groups[labelled])
        at_least += _largest_difference(rates_of(dealt)) >= seen * (1.0 - 1e-9)
    return EqualityTest(
        p_value=min(1.0, tests * at_least / (permutations + 1)),
        alpha=alpha,
        tests=tests,
        permutations=permutations,
        detectable_ratio=detectable_ratio(observed, alpha=alpha / tests),
    )


def detectable_ratio(moments: Moments, *, alpha: float) -> float | None:
    """The smallest ratio of two rates that a test at `alpha` sees in 80 % of data sets, for the worst pair.

    Reckoned on the log scale at the rate that all groups share if they are equal, with each group's
    effective trials.
    """
    effective = moments.effective
    common = float(np.sum(effective * moments.rate) / np.sum(effective))
    if not 0.0 < common < 1.0:
        return None
    least, next_least = np.sort(effective * common / (1.0 - common))[:2]
    pairs = len(moments.rate) * (len(moments.rate) - 1) / 2
    quantiles = float(ndtri(1.0 - alpha / (2.0 * pairs)) + ndtri(_POWER))
    return math.exp(min(quantiles * math.sqrt(1.0 / least + 1.0 / next_least), _MOST_LOG_RATIO))


def _largest_difference(moments: Moments) -> float:
    """Largest absolute difference of two rates over its standard error; 0 where nothing differs."""
    difference = np.abs(moments.rate[:, None] - moments.rate[None, :])
    error = np.sqrt(moments.variance[:, None] + moments.variance[None, :])
    studentized = np.divide(difference, error, out=np.zeros_like(difference), where=error > 0)
    return float(np.nanmax(studentized))
