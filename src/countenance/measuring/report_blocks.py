"""What a section of a report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from countenance.measuring.report_tables import Shown, Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with the sentence below it; its numbers stand in a table of the same section."""

    block: ClassVar[str] = "figure"

    drawing: Markup
    caption: str


@dataclass(frozen=True, slots=True)
class Told:
    """Sentences that stand after what they rest on."""

    block: ClassVar[str] = "told"

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rates between groups, rows and columns in the same order.

    Attributes:
        cells: one row a group; each cell with its shade, 0 (lowest rate) to 4 (highest), beside its words.
    """

    block: ClassVar[str] = "matrix"

    caption: str
    groups: tuple[str, ...]
    cells: tuple[tuple[tuple[Shown, int], ...], ...]


Block = Figure | Matrix | Table | Told


@dataclass(frozen=True, slots=True)
class Section:
    """`name` is its anchor, once on a page; `blocks` stand in the order in which they are read."""

    name: str
    heading: str
    sentences: tuple[str, ...]
    blocks: tuple[Block, ...] = ()
