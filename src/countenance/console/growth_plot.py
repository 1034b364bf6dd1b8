"""How a collection grows, as a chart: faces enrolled and erased, by day or by week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from markupsafe import Markup

from countenance.console.charts import Series, bars

_WEEK_FROM_DAYS: Final = 45
"""Of more days than these, weeks are drawn: a phone has no room for more bars."""


@dataclass(slots=True)
class Stretch:
    """A day, or a week by its first day, and what was counted."""

    begin: date
    enrolled: int = 0
    erased: int = 0


def stretches(told: Mapping[str, Any]) -> list[Stretch]:
    """Of an answer of DescribeGrowth: a day or week each, though nothing changed; the last week is whole."""
    begin, end = date.fromisoformat(told["From"]), date.fromisoformat(told["To"])
    days = (end - begin).days + 1
    step = 7 if days > _WEEK_FROM_DAYS else 1
    count = -(-days // step)
    found = [Stretch(max(begin, end - timedelta(days=(count - at) * step - 1))) for at in range(count)]
    for each in told["Days"]:
        at = count - 1 - (end - date.fromisoformat(each["Day"])).days // step
        found[at].enrolled += each["FacesEnrolled"]
        found[at].erased += each["FacesErased"]
    return found


def draw(told: Mapping[str, Any], of: str) -> Markup:
    """The chart, with the same figures in a table."""
    found = stretches(told)
    by = "week" if len(found) < (date.fromisoformat(told["To"]) - found[0].begin).days else "day"
    return bars(
        "growth",
        f"Faces of {of}, {told['From']} to {told['To']}, by {by}",
        [each.begin.isoformat()[5:] for each in found],
        [
            Series("enrolled", [each.enrolled for each in found], 1),
            Series("erased", [each.erased for each in found], 2),
        ],
    )
