"""What an evaluation's tables are: columns with a kind, cells as the JSON holds them.

The page, the CSV files and the tests read the same tables, so that none says what another does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from countenance.measuring.phrases import (
    percent,
    refusal_of,
    scientific,
    trials_of,
)
from countenance.measuring.visible import visible

Kind = Literal["text", "count", "share", "small", "value", "rate", "small rate"]
"""Of a column: text, count, share in percent, share by powers of ten, number as it is; rates likewise."""

NOTHING = "\u2013"
"""What an empty cell shows: a dash."""
_MOST_CELL = 120


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is the CSV's, `heading` the page's."""

    name: str
    heading: str
    kind: Kind

    @property
    def is_rate(self) -> bool:
        return self.kind in {"rate", "small rate"}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; a cell of a rate's column is the JSON's object, a refusal included, or None.

    Attributes:
        name: the CSV file's, without its ending; once in an evaluation.
    """

    block: ClassVar[str] = "table"

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell in words: what it says, its range, and what that rests on."""

    words: str
    range: str = ""
    rests_on: str = ""
    is_refusal: bool = False


def table(
    name: str, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]], note: str = ""
) -> Table:
    """A table whose rows are as wide as its columns."""
    cells = tuple(tuple(row) for row in rows)
    assert all(len(row) == len(columns) for row in cells), name
    return Table(name, caption, tuple(columns), cells, note)


def shown(cell: Any, column: Column) -> Shown:
    """A cell as the page shows it."""
    if cell is None:
        return Shown(NOTHING)
    if column.is_rate:
        if "refused" in cell:
            return Shown(visible(refusal_of(cell), most=300), is_refusal=True)
        return _shown_rate(cell, percent if column.kind == "rate" else scientific)
    return Shown(_SAID[column.kind](cell))


def _text(cell: Any) -> str:
    return str(visible(str(cell), most=_MOST_CELL))


_SAID: dict[Kind, Callable[[Any], str]] = {
    "text": _text,
    "count": "{:,}".format,
    "share": percent,
    "small": scientific,
    "value": "{:.5g}".format,
}


def _shown_rate(rate: dict[str, Any], say: Callable[[float], str]) -> Shown:
    ends = rate["interval"]
    bound = f"; one-sided bound {say(rate['bound'])}" if "bound" in rate else ""
    return Shown(
        say(rate["rate"]), f"({say(ends['low'])} to {say(ends['high'])})", f"{trials_of(rate)}{bound}"
    )
