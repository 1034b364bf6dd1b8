"""How far a reader can narrow a count down that is withheld, though no equation gives it: by linear programs.

A program's optimum is a number of the problem's and of no solver's: solvers and machines differ in its last
digits alone. What is asked of it is how many whole numbers lie between two of them, with a margin far above
those digits, so the answer is the same everywhere.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array

_MARGIN: Final = 1e-3
_OPTIMAL, _UNBOUNDED = 0, 3


class Ranges:
    """What is published of one report: (F, A) rows of 0 and 1 over atoms, and the count of each row."""

    def __init__(self, rows: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        self._rows, self._counts = csr_array(rows.astype(np.float64)), counts.astype(np.float64)

    def possible(self, row: NDArray[np.int64]) -> float:
        """How many whole numbers the count of `row` can be, to who knows that each atom is 1 or more.

        `inf` where nothing bounds it. What a solver could not settle is 0: then more is withheld.
        """
        ends = []
        for sign in (1.0, -1.0):
            found = linprog(
                sign * row.astype(np.float64),
                A_eq=self._rows if self._rows.shape[0] else None,
                b_eq=self._counts if self._rows.shape[0] else None,
                bounds=(1, None),
                method="highs",
            )
            if found.status == _UNBOUNDED:
                return math.inf
            if found.status != _OPTIMAL:
                return 0
            ends.append(sign * float(found.fun))
        return math.floor(ends[1] + _MARGIN) - math.ceil(ends[0] - _MARGIN) + 1
