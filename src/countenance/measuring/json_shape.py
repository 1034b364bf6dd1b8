"""A small language for what a JSON value must look like: strict, and it names what is wrong and where.

A shape is a function of a value and its place; it raises `WrongShape` or returns. Values are never quoted
at length: what is checked may come from anybody.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Callable[[Any, str], None]

_QUOTED = 40
_LARGEST_COUNT = 2**53 - 1


class WrongShape(ValueError):
    """A value is not what its format says; the message begins with the value's place."""

    def __init__(self, place: str, wanted: str, value: Any) -> None:
        super().__init__(f"{place or 'the whole'}: {wanted}, not {_quoted(value)}")


def _quoted(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    shown = ascii(value)
    return f"`{shown[:_QUOTED]}…`" if len(shown) > _QUOTED else f"`{shown}`"


def text(most: int, *, pattern: str = "") -> Shape:
    """A string of 1 to `most` characters that matches `pattern` as a whole, if there is one."""
    compiled = re.compile(pattern, re.ASCII) if pattern else None

    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or not 1 <= len(value) <= most:
            raise WrongShape(place, f"text of 1 to {most} characters", value)
        if any("\ud800" <= each <= "\udfff" for each in value):
            raise WrongShape(place, "text without halves of characters", value)
        if compiled is not None and compiled.fullmatch(value) is None:
            raise WrongShape(place, f"text like {pattern}", value)

    return check


def one_of(*choices: str | float) -> Shape:
    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value not in choices:
            raise WrongShape(place, f"one of {', '.join(map(str, choices))}", value)

    return check


def number(low: float, high: float) -> Shape:
    """A finite number of the closed range; integers are numbers."""

    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WrongShape(place, f"a number from {low:g} to {high:g}", value)
        if not (low <= value <= high and math.isfinite(value)):
            raise WrongShape(place, f"a number from {low:g} to {high:g}", value)

    return check


def count(low: int = 0, high: int = _LARGEST_COUNT) -> Shape:
    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise WrongShape(place, f"a whole number from {low} to {high}", value)

    return check


def flag(value: Any, place: str) -> None:
    """True or false: a shape."""
    if not isinstance(value, bool):
        raise WrongShape(place, "true or false", value)


def listed(of: Shape, *, most: int, least: int = 0) -> Shape:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise WrongShape(place, "a list", value)
        if not least <= len(value) <= most:
            raise WrongShape(place, f"a list of {least} to {most}", len(value))
        for index, each in enumerate(value):
            of(each, f"{place}[{index}]")

    return check


def members(needed: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    """An object with all of `needed`, any of `optional` and nothing else."""
    shapes = {**needed, **(optional or {})}

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise WrongShape(place, "an object", value)
        for name in needed:
            if name not in value:
                raise WrongShape(place, f"an object with `{name}`", value)
        for name, each in value.items():
            if name not in shapes:
                raise WrongShape(place, f"an object without other members than {', '.join(shapes)}", name)
            shapes[name](each, f"{place}.{name}" if place else name)

    return check


def unless_refused(
    whole: Shape, key: Mapping[str, Shape] | None = None, optional: Mapping[str, Shape] | None = None
) -> Shape:
    """`whole`, or in its place a refusal: why, how many trials it would take, and of what (`key`)."""
    refusal = members({"refused": text(1_000), **(key or {})}, {"trials_needed": count(), **(optional or {})})

    def check(value: Any, place: str) -> None:
        is_refused = isinstance(value, dict) and "refused" in value
        (refusal if is_refused else whole)(value, place)

    return check


def both(first: Shape, then: Shape) -> Shape:
    """Two shapes of one value; `then` may rely on `first`."""

    def check(value: Any, place: str) -> None:
        first(value, place)
        then(value, place)

    return check
