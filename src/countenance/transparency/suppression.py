"""Which figures of a report are withheld, so that no small count can be worked out from the others.

A figure counts entries of the log. Entries that count towards the same figures are one **atom**; a figure is
a sum of atoms, and what is published is a system of equations over them. A reader is taken to know which
atoms there are, which is more than they do: what they cannot work out with that they cannot without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.transparency.suppression_ranges import Ranges

LEAST_K: Final = 10
_PRIME: Final = 2**31 - 1
"""Elimination is done modulo it, exactly and alike on every machine. Determinants of a report's 0s and 1s are
small, so none but 0 is a multiple of it."""

Atoms = Mapping[tuple[str, ...], int]
"""Ids of the figures that an entry counts towards, sorted → how many such entries there are, 1 or more."""


@dataclass(frozen=True, slots=True)
class Partition:
    """`whole` is the sum of `parts`; whoever reads the names of figures knows that."""

    whole: str
    parts: tuple[str, ...]


def withheld_figures(
    atoms: Atoms, partitions: Sequence[Partition] = (), *, k: int = LEAST_K
) -> frozenset[str]:
    """The figures that are not to be published; it depends on nothing but the arguments.

    - A count of 1 to k - 1 is withheld (0 is not: it is about nobody).
    - What is withheld of a partition whose whole is published is two parts or more, and their sum leaves
      each of them a range: over all of them it exceeds one apiece by k - 1 or more.
    - Of two published figures of which one holds the other, the difference is 0 or at least k.
    - No withheld figure is a linear combination of published ones.
    - A count of 1 to k - 1 could be any of k whole numbers or more, as far as the published ones bound it.

    Where one of the last four does not hold, the smallest published figure that it hangs on is withheld
    as well, until all hold. Those are not told apart from the small ones.
    """
    table = _Table(atoms, k)
    while True:
        found = (
            next(filter(None, (table.part_too_many(each) for each in partitions)), None)
            or table.difference_too_small()
            or table.term_too_many()
            or table.bound_too_narrow()
        )
        if found is None:
            return frozenset(table.withheld)
        table.withheld.add(found)


class _Table:
    """Figures as rows over atoms, and what is withheld so far."""

    def __init__(self, atoms: Atoms, k: int) -> None:
        self._k = k
        self._names = sorted({name for figures in atoms for name in figures})
        row_of = {name: row for row, name in enumerate(self._names)}
        self._rows: NDArray[np.int64] = np.zeros((len(self._names), len(atoms)), np.int64)
        for column, figures in enumerate(sorted(atoms)):
            for name in figures:
                self._rows[row_of[name], column] = 1
        sizes = np.array([atoms[each] for each in sorted(atoms)], np.int64)
        self.counts = dict(zip(self._names, (self._rows @ sizes).tolist(), strict=True))
        self._row_of = row_of
        self.withheld = {name for name, count in self.counts.items() if 0 < count < k}
        # What is wide stays so: all that comes later is that less is published.
        self._narrow = sorted(self.withheld, key=self._size)

    def part_too_many(self, partition: Partition) -> str | None:
        """A part, or the whole, that has to be withheld because the rest of the partition tells too much."""
        parts = [name for name in partition.parts if self.counts.get(name)]
        hidden = [name for name in parts if name in self.withheld]
        if not hidden or partition.whole in self.withheld or not self.counts.get(partition.whole):
            return None
        rest = sum(self.counts[name] for name in hidden)
        if len(hidden) >= 2 and rest - len(hidden) >= self._k - 1:
            return None
        return self._smallest([name for name in parts if name not in self.withheld]) or partition.whole

    def difference_too_small(self) -> str | None:
        """A published figure that lies within another and misses 1 to k - 1 of it."""
        published = [name for name in self._names if name not in self.withheld]
        found = []
        for inner in published:
            row, count = self._rows[self._row_of[inner]], self.counts[inner]
            near = [each for each in published if 0 < self.counts[each] - count < self._k]
            if any(np.all(self._rows[self._row_of[outer]] >= row) for outer in near):
                found.append(inner)
        return self._smallest(found)

    def term_too_many(self) -> str | None:
        """A published figure that a withheld one is worked out with."""
        published = [name for name in self._names if name not in self.withheld]
        if not published:
            return None
        span = _Span(self._rows[[self._row_of[name] for name in published]])
        for name in sorted(self.withheld, key=self._size):
            terms = span.terms_of(self._rows[self._row_of[name]])
            if terms is not None:
                return self._smallest([published[term] for term in terms])
        return None

    def bound_too_narrow(self) -> str | None:
        """A published figure that helps to bound a small one to fewer than k numbers."""
        published = [name for name in self._names if name not in self.withheld]
        known = self._rows[[self._row_of[name] for name in published]]
        ranges = Ranges(known, np.array([self.counts[name] for name in published], np.int64))
        while self._narrow:
            row = self._rows[self._row_of[self._narrow[0]]]
            if ranges.possible(row) < self._k:
                shares = np.flatnonzero(known @ row)  # without one that shares an atom nothing bounds it
                if shares.size:
                    return self._smallest([published[each] for each in shares])
            self._narrow.pop(0)
        return None

    def _smallest(self, names: Sequence[str]) -> str | None:
        return min(names, key=self._size, default=None)

    def _size(self, name: str) -> tuple[int, str]:
        return self.counts[name], name


class _Span:
    """The linear combinations of some rows, modulo a prime; each remembers of which rows it was made."""

    def __init__(self, rows: NDArray[np.int64]) -> None:
        self._width, self._height = rows.shape[1], rows.shape[0]
        work = np.hstack([rows, np.eye(self._height, dtype=np.int64)])
        self._pivots: list[int] = []
        done = 0
        for column in range(self._width):
            below = np.flatnonzero(work[done:, column])
            if below.size == 0:
                continue
            chosen = done + int(below[0])
            work[[done, chosen]] = work[[chosen, done]]
            work[done] = work[done] * pow(int(work[done, column]), -1, _PRIME) % _PRIME
            factors = work[:, column].copy()
            factors[done] = 0
            others = np.flatnonzero(factors)
            work[others] = (work[others] - factors[others, None] * work[done]) % _PRIME
            self._pivots.append(column)
            done += 1
            if done == self._height:
                break
        self._reduced = work[:done]

    def terms_of(self, row: NDArray[np.int64]) -> list[int] | None:
        """Indices of rows that combine to `row`; None if none do."""
        work = np.concatenate([row, np.zeros(self._height, np.int64)])
        for pivot, reduced in zip(self._pivots, self._reduced, strict=True):
            if work[pivot]:
                work = (work - work[pivot] * reduced) % _PRIME
        if np.any(work[: self._width]):
            return None
        return [int(each) for each in np.flatnonzero(work[self._width :])]
