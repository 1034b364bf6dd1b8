"""An attack on what a report withholds: subtraction, in floating point and by linear programming.

Another road than the one that chose what to withhold, and with more knowledge than any reader has: which
combinations of figures occur.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


class Attack:
    """Everything that a reader may know: the figures published, which entries there can be."""

    def __init__(self, atoms, withheld):
        self.columns = sorted(atoms)
        names = sorted({name for figures in atoms for name in figures})
        self.rows = {name: np.array([name in figures for figures in self.columns], float) for name in names}
        sizes = np.array([atoms[each] for each in self.columns], float)
        self.counts = {name: float(row @ sizes) for name, row in self.rows.items()}
        self.published = [name for name in names if name not in withheld]

    def derives(self, name) -> bool:
        """By rank, in floating point: another road than the one that chose what to withhold."""
        known = np.array([self.rows[each] for each in self.published]).reshape(-1, len(self.columns))
        more = np.vstack([known, self.rows[name]])
        return bool(np.linalg.matrix_rank(more) == (np.linalg.matrix_rank(known) if len(known) else 0))

    def range_of(self, name, *, least=0) -> tuple[float, float]:
        """What the count may be, by linear programming: no atom is below `least`."""
        known = [self.rows[each] for each in self.published]
        values = [self.counts[each] for each in self.published]
        ends = []
        for sign in (1, -1):
            found = linprog(
                sign * self.rows[name],
                A_eq=np.array(known) if known else None,
                b_eq=values or None,
                bounds=(least, None if known else 1000),
            )
            ends.append(1e9 if found.status == 3 else sign * found.fun)
        return ends[0], ends[1]
