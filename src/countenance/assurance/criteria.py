"""What an evaluation shows, in the whole numbers that criteria are written in: each on the side of caution.

The figures are those of cohorts (docs/spec/evaluation.md): a bound that a group lacks, or that was refused
for want of trials, is shown of no group. Nothing is interpolated between tabulated similarities: a rate of
false matches is taken from the next lower one, a rate of true positives from the next higher one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from countenance.evaluation.cohort_labels import UNLABELLED

LARGEST_ALPHA: Final = 0.05
"""A bound is one-sided at 95 % or more."""
_MOST_COLUMNS, _MOST_GROUPS, _MOST_ROWS = 64, 1024, 1024


class FiguresInvalid(ValueError):
    """A figure is missing, of another type, or cannot be one."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A one-sided bound of a rate at a similarity; `gallery`: how many were searched among, of an FPIR."""

    similarity: float
    bound: float
    gallery: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a cohort column: bounds that were measured, by ascending similarity.

    Attributes:
        is_named: the data set names it; False of the people without a label.
        subjects: people in it.
    """

    is_named: bool
    subjects: int
    tpr: tuple[Bound, ...]
    fmr: tuple[Bound, ...]
    fpir: tuple[Bound, ...]

    @property
    def is_looked_at(self) -> bool:
        """Whether anything was measured of it as a group: it is not the rest, and not too small."""
        return self.is_named and bool(self.tpr or self.fmr or self.fpir)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of every group; None: of some group it is not. For the units see `EvaluationFacts`."""

    worst_tpr_bp: int | None
    worst_fmr_ppm: int | None
    worst_fpir_ppm: int | None
    gallery: int | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The groups of an evaluation, column by column. Empty where no cohorts were measured."""

    columns: tuple[tuple[Group, ...], ...]

    @property
    def groups(self) -> int:
        """Of the column that has the fewest: those of which something was measured, and no rest.

        A list of refusals is no look at groups; and who has no label is nobody to compare the others with.
        """
        counts = (sum(group.is_looked_at for group in column) for column in self.columns)
        return min(counts, default=0)

    @property
    def smallest_group(self) -> int:
        """Subjects of the smallest group; 0 without cohorts."""
        return min((group.subjects for group in self._all()), default=0)

    def shown(self, *, lowest: float, highest: float) -> Shown:
        """The worst group of all columns.

        Args:
            lowest: similarity threshold, 0-100, at which false matches are at their most.
            highest: the threshold at which true positives are at their fewest; not under `lowest`.
        """
        tpr = _worst((_next_higher(group.tpr, highest) for group in self._all()), min)
        fmr = _worst((_next_lower(group.fmr, lowest) for group in self._all()), max)
        fpir = [_next_lower(group.fpir, lowest) for group in self._all()]
        worst = _worst(fpir, max)
        return Shown(
            worst_tpr_bp=None if tpr is None else _scaled(tpr, 10_000, ROUND_FLOOR),
            worst_fmr_ppm=None if fmr is None else _scaled(fmr, 1_000_000, ROUND_CEILING),
            worst_fpir_ppm=None if worst is None else _scaled(worst, 1_000_000, ROUND_CEILING),
            gallery=None if worst is None else min(each.gallery for each in fpir if each is not None),
        )

    def _all(self) -> Iterator[Group]:
        return (group for column in self.columns for group in column)


def parse_evidence(evaluation: Mapping[str, Any]) -> Evidence:
    """The groups out of an evaluation's `cohorts`.

    Raises:
        FiguresInvalid: names what is wrong. A bound that is better than its own rate, or at a level under
            95 %, is wrong.
    """
    columns = _list(evaluation.get("cohorts", []), "cohorts", _MOST_COLUMNS)
    return Evidence(tuple(_column(_mapping(column, "a cohort column")) for column in columns))


def number(value: Any, what: str, *, least: float, most: float) -> float:
    """A finite number within bounds.

    Raises:
        FiguresInvalid: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FiguresInvalid(f"{what} is not a number")
    if not least <= value <= most:
        raise FiguresInvalid(f"{what} is {value:g}; it may be {least:g} to {most:g}")
    return float(value)


def whole(value: Any, what: str, *, least: int = 0) -> int:
    """A whole number, of at most 2^53.

    Raises:
        FiguresInvalid: it is none.
    """
    found = number(value, what, least=least, most=2**53)
    if found != int(found):
        raise FiguresInvalid(f"{what} is not a whole number")
    return int(found)


def _column(told: Mapping[str, Any]) -> tuple[Group, ...]:
    number(told.get("alpha"), "the alpha of a cohort column", least=1e-9, most=LARGEST_ALPHA)
    rates = [_mapping(each, "a group") for each in _list(told.get("rates"), "rates", _MOST_GROUPS)]
    names = [each.get("group") for each in rates]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise FiguresInvalid("a cohort column has groups, each with a name")
    if len(set(names)) < len(names):
        raise FiguresInvalid("a cohort column names a group twice")
    measured = sum("refused" not in each for each in rates)
    whole(told.get("bonferroni"), "the bonferroni of a cohort column", least=max(measured, 1))
    return tuple(_group(each) for each in rates)


def _group(told: Mapping[str, Any]) -> Group:
    subjects = whole(told.get("subjects"), "the subjects of a group")
    is_named = told["group"] != UNLABELLED
    if "refused" in told:
        return Group(is_named, subjects, (), (), ())
    tpr, fmr = list[Bound](), list[Bound]()
    for row in _rows(told, "at_similarity"):
        for name, bounds, is_low in (("tpr", tpr, True), ("fmr", fmr, False)):
            if name in row:
                bounds.extend(_bound(row, _mapping(row[name], name), name, is_low=is_low))
    fpir = [
        replaced
        for row in _rows(told, "fpir")
        for replaced in _bound(
            row,
            row,
            "fpir",
            is_low=False,
            gallery=whole(row.get("gallery"), "the gallery of an fpir", least=1),
        )
    ]
    return Group(is_named, subjects, _ascending(tpr), _ascending(fmr), _ascending(fpir))


def _bound(
    row: Mapping[str, Any], rate: Mapping[str, Any], name: str, *, is_low: bool, gallery: int = 0
) -> list[Bound]:
    """Of a rate that was refused, or has no bound, none."""
    similarity = number(row.get("similarity"), f"the similarity of a {name}", least=0, most=100)
    if "refused" in rate or "bound" not in rate:
        return []
    point = number(rate.get("rate"), f"the rate of a {name}", least=0, most=1)
    bound = number(rate["bound"], f"the bound of a {name}", least=0, most=1)
    whole(rate.get("trials"), f"the trials of a {name}", least=1)
    if (bound > point) if is_low else (bound < point):
        raise FiguresInvalid(f"the bound of a {name} is better than its rate")
    return [Bound(similarity, bound, gallery)]


def _ascending(bounds: Iterable[Bound]) -> tuple[Bound, ...]:
    return tuple(sorted(bounds, key=lambda each: (each.similarity, each.gallery)))


def _next_higher(bounds: Sequence[Bound], similarity: float) -> Bound | None:
    """At the least tabulated similarity that is not under it; of several the lowest."""
    above = [each for each in bounds if each.similarity >= similarity]
    if not above:
        return None
    return min(above, key=lambda each: (each.similarity, each.bound))


def _next_lower(bounds: Sequence[Bound], similarity: float) -> Bound | None:
    """At the largest tabulated similarity that is not over it; in the largest gallery; the highest."""
    below = [each for each in bounds if each.similarity <= similarity]
    return max(below, key=lambda each: (each.similarity, each.gallery, each.bound)) if below else None


def _worst(bounds: Iterable[Bound | None], choose: Callable[[Iterable[float]], float]) -> float | None:
    found = list(bounds)
    known = [each.bound for each in found if each is not None]
    return choose(known) if known and len(known) == len(found) else None


def _scaled(share: float, unit: int, rounding: str) -> int:
    """The decimal that was written, times `unit`: 0.98 is 9800 basis points, and not 9799.99…"""
    return int((Decimal(repr(share)) * unit).to_integral_value(rounding))


def _rows(told: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [_mapping(row, f"a row of {name}") for row in _list(told.get(name, []), name, _MOST_ROWS)]


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FiguresInvalid(f"{what} is not an object")
    return value


def _list(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise FiguresInvalid(f"{what} is not a list")
    if len(value) > most:
        raise FiguresInvalid(f"{what} has {len(value)} members, and may have {most}")
    return value
