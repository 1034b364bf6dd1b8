"""The shapes that recur in an evaluation: names, shares, intervals, rates and their refusals."""

from __future__ import annotations

from typing import Any

from countenance.measuring.json_shape import (
    Shape,
    WrongShape,
    both,
    count,
    members,
    number,
    text,
    unless_refused,
)

MOST_NAME = 200
"""Characters of a name that a data set gives: of itself, a column, a group, a species of attack."""
MOST_GROUPS = 64
MOST_POINTS = 5_000
NAME = text(MOST_NAME)
DIGEST = text(64, pattern="[0-9a-f]{64}")
SHARE = number(0.0, 1.0)
WEIGHT = number(0.0, 1.0 + 1e-9)  # a sum of many weights
COSINE = number(-1.1, 1.1)  # a threshold just over 1 lets nothing match
SIMILARITY = number(0.0, 100.0)


def _ordered(value: Any, place: str) -> None:
    if value["low"] > value["high"]:
        raise WrongShape(place, "an interval whose low end is not above its high one", value)


def interval_of(end: Shape) -> Shape:
    return both(members({"low": end, "high": end}), _ordered)


INTERVAL = interval_of(SHARE)
RATE_MEMBERS = {
    "rate": SHARE,
    "interval": INTERVAL,
    "trials": count(),
    "effective": number(0.0, 1e18),
}
RATE = members(RATE_MEMBERS, {"bound": SHARE})
REFUSABLE = unless_refused(RATE)


def rate_and(**more: Shape) -> Shape:
    """A rate with further members beside its own, or a refusal of it."""
    return unless_refused(members({**RATE_MEMBERS, **more}, {"bound": SHARE}), more)
