"""How a collection grows, drawn: bars that a template puts into an SVG, and the same figures for a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

WIDTH: Final = 600.0
_UP: Final = 90.0
_DOWN: Final = 40.0
_GAP: Final = 0.2
_WEEK_FROM_DAYS: Final = 45
"""Of more days than these, weeks are drawn: a phone has no room for more bars."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day, or a week by its first day: what was counted, and where it is drawn.

    Attributes:
        x, width, up, down: in units of the drawing; up is what was enrolled, down what was erased.
    """

    begin: date
    enrolled: int
    erased: int
    x: float
    width: float
    up: float
    down: float


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing `WIDTH` wide, `base` high above the line and `below` under it."""

    bars: Sequence[Bar]
    is_weekly: bool
    begin: date
    end: date
    enrolled: int
    erased: int
    most: int
    base: float = _UP
    below: float = _DOWN
    width: float = WIDTH


def draw(told: Mapping[str, Any]) -> Plot:
    """Of an answer of DescribeGrowth: every day or week of the stretch has a bar, though nothing changed."""
    begin, end = date.fromisoformat(told["From"]), date.fromisoformat(told["To"])
    days = (end - begin).days + 1
    step = 7 if days > _WEEK_FROM_DAYS else 1
    counts = [[0, 0] for _ in range(-(-days // step))]
    for each in told["Days"]:
        # from the end, so that the last week is a whole one
        at = len(counts) - 1 - (end - date.fromisoformat(each["Day"])).days // step
        counts[at][0] += each["FacesEnrolled"]
        counts[at][1] += each["FacesErased"]
    most = max((value for pair in counts for value in pair), default=0)
    pitch = WIDTH / len(counts)
    bars = [
        Bar(
            begin=max(begin, end - timedelta(days=(len(counts) - at) * step - 1)),
            enrolled=enrolled,
            erased=erased,
            x=round((at + _GAP / 2) * pitch, 2),
            width=round((1 - _GAP) * pitch, 2),
            up=round(_UP * enrolled / most, 2) if most else 0.0,
            down=round(_DOWN * erased / most, 2) if most else 0.0,
        )
        for at, (enrolled, erased) in enumerate(counts)
    ]
    return Plot(
        bars=bars,
        is_weekly=step > 1,
        begin=begin,
        end=end,
        enrolled=sum(bar.enrolled for bar in bars),
        erased=sum(bar.erased for bar in bars),
        most=most,
    )
