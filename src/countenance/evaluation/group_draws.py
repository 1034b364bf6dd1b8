"""Rates of groups in replicates of the draw of subjects, each group drawn from its own people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from countenance.evaluation.bootstrap import draw_counts
from countenance.evaluation.group_rates import NO_GROUP
from countenance.evaluation.match_shares import PairShares, PersonShares


def draw_within_groups(groups: NDArray[np.int64], *, replicates: int, seed: int) -> NDArray[np.float64]:
    """(replicates, people) how often each person is drawn; the sizes of groups stay as they are.

    Raises:
        ValueError: a group has a single person.
    """
    counts = np.zeros((replicates, len(groups)))
    for group in np.unique(groups[groups != NO_GROUP]):
        members = np.flatnonzero(groups == group)
        counts[:, members] = draw_counts(len(members), replicates=replicates, seed=seed + int(group))
    return counts


def replicate_over_people(
    shares: PersonShares, groups: NDArray[np.int64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(replicates, G) mean share of each group's people; NaN where none with a trial was drawn."""
    rates = []
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero((groups == group) & (shares.trials > 0))
        drawn = counts[:, members].sum(axis=1)
        sums = counts[:, members] @ shares.share[members]
        rates.append(np.divide(sums, drawn, out=np.full(len(sums), np.nan), where=drawn > 0))
    return np.stack(rates, axis=1)


def replicate_within_groups(
    pairs: PairShares, groups: NDArray[np.int64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(replicates, G) mean share over pairs of people of each group; nobody is paired with their copy."""
    rates = []
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == group)
        inside = (groups[pairs.first] == group) & (groups[pairs.second] == group)
        size = (len(groups), len(groups))
        matrix = sparse.csr_matrix(
            (pairs.share[inside], (pairs.first[inside], pairs.second[inside])), shape=size
        )
        drawn = counts[:, members]
        units = (drawn.sum(axis=1) ** 2 - (drawn**2).sum(axis=1)) / 2
        mine = matrix[members][:, members]
        sums = np.einsum("pr,rp->r", mine @ drawn.T, drawn)
        rates.append(np.divide(sums, units, out=np.full(len(sums), np.nan), where=units > 0))
    return np.stack(rates, axis=1)
