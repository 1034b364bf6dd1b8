"""Non-mated trials as what they are: observations of pairs of people, which share people.

Two pairs that share a person are correlated, so a person who resembles many makes a rate less sure
than its many false matches look (dyadic clusters: Fafchamps and Gubert, 2007; Aronow, Samii and
Assenova, 2015). What does not depend on the threshold is computed once, so that a rate costs no more
than the trials that match.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.intervals import Rate, effective_trials, kish, wilson
from countenance.evaluation.trials import Trials


@dataclass(frozen=True, slots=True)
class Dyads:
    """The weight of each pair of people in non-mated trials.

    Attributes:
        trials: non-mated.
        by_pair: (people, people) weight of each pair in its cell above the diagonal, 8 bytes each.
        by_person: (people,) weight of all trials of each.
        pairs: effective pairs of people.
        comparisons: effective trials.
        squares: sum of squared weights of pairs.
    """

    trials: Trials
    by_pair: NDArray[np.float64]
    by_person: NDArray[np.float64]
    pairs: float
    comparisons: float
    squares: float

    @staticmethod
    def of(trials: Trials) -> Dyads:
        people = int(max(trials.first.max(), trials.second.max())) + 1
        cells = _cells(trials, slice(None), people)
        by_cell = np.asarray(np.bincount(cells, trials.weights, minlength=people**2), np.float64)
        by_pair = by_cell.reshape(people, people)
        by_person = by_pair.sum(axis=0) + by_pair.sum(axis=1)
        squares = float(np.sum(by_cell**2))
        return Dyads(trials, by_pair, by_person, kish(by_cell), trials.effective, squares)

    def rate_of(self, rows: NDArray[np.intp]) -> Rate:
        """The share of weight of the trials in `rows`, those that match, with how sure it is."""
        cells, matched = self._by_cell(rows)
        rate = min(1.0, float(matched.sum()))
        by_person, by_pair = self._squares(cells, matched, rate)
        erring = matched if rate <= 0.5 else self.by_pair.ravel()[cells] - matched
        effective = effective_trials(
            rate,
            max(by_person - by_pair, by_pair),
            people=self.pairs,
            trials=self.comparisons,
            erring=kish(erring),
        )
        return Rate(rate, wilson(rate, effective), len(self.trials), effective)

    def variance(self, rows: NDArray[np.intp]) -> float:
        """Sampling variance of the share of weight of the trials in `rows`, over the draw of people."""
        cells, matched = self._by_cell(rows)
        by_person, by_pair = self._squares(cells, matched, min(1.0, float(matched.sum())))
        return max(by_person - by_pair, by_pair)

    def noise_of_people_drawn_again(self, rows: NDArray[np.intp]) -> float:
        """How many times too widely that share varies where people are drawn again (`bootstrap`).

        From 1, where people decide, to the root of 3, where each pair is its own: the product of two
        people's counts has three times the variance of one pair drawn again.
        """
        cells, matched = self._by_cell(rows)
        by_person, by_pair = self._squares(cells, matched, min(1.0, float(matched.sum())))
        return math.sqrt((by_person + by_pair) / max(by_person - by_pair, by_pair))

    def _by_cell(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Cells of `by_pair` that the trials in `rows` are in, and their weight in each."""
        people = len(self.by_person)
        cells, weights = _cells(self.trials, rows, people), self.trials.weights[rows]
        if len(rows) > people**2 // 16:  # a pass over all cells is faster than sorting the trials
            all_cells = np.asarray(np.bincount(cells, weights, minlength=people**2), np.float64)
            reached = np.flatnonzero(all_cells)
            return reached, all_cells[reached]
        reached, place = np.unique(cells, return_inverse=True)
        return reached, np.asarray(np.bincount(place, weights, minlength=len(reached)), np.float64)

    def _squares(
        self, cells: NDArray[np.int64], matched: NDArray[np.float64], rate: float
    ) -> tuple[float, float]:
        """Sums of squared residuals (`matched - rate x weight` of all pairs) by person and by pair."""
        people = len(self.by_person)
        of_people = -rate * self.by_person
        of_people += np.bincount(cells // people, matched, minlength=people)
        of_people += np.bincount(cells % people, matched, minlength=people)
        weight = self.by_pair.ravel()[cells]
        of_pairs = rate**2 * self.squares + np.sum(matched**2) - 2.0 * rate * np.sum(matched * weight)
        return float(np.sum(of_people**2)), float(of_pairs)


def _cells(trials: Trials, rows: NDArray[np.intp] | slice, people: int) -> NDArray[np.int64]:
    first, second = trials.first[rows], trials.second[rows]
    return np.asarray(np.minimum(first, second).astype(np.int64) * people + np.maximum(first, second))
