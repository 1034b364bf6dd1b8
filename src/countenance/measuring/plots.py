"""The figures of a report, as SVG: DET and FPIR/FNIR curves, CMC, histogram, groups with their intervals.

Series differ by colour, dash and sign (Okabe and Ito's palette, safe for the colour-blind); each figure's
numbers stand in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from countenance.measuring.axes import Axis, LinearAxis, LogAxis
from countenance.measuring.svg import Point, drawing, line, mark, polygon, polyline, text

_WIDTH, _HEIGHT = 440.0, 330.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 24.0, 14.0, 48.0
_ROW = 26.0
_SERIES = 6
"""Looks that the page's style block knows: `s0` to `s5`."""
_MOST_MARKS = 12
Scale = Literal["log", "linear"]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, with the band of its error where it is known.

    Attributes:
        points: (x, y) in the axes' units, ascending x.
        band: (low, high) of y at each point, or empty.
    """

    label: str
    points: tuple[Point, ...]
    band: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """One rate with the ends of its interval, or why there is none."""

    label: str
    rate: float | None
    low: float = 0.0
    high: float = 0.0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What a figure says in words: its name makes ids, and is once on a page."""

    name: str
    title: str
    description: str
    across: str
    up: str = ""


def error_curves(curves: Sequence[Curve], words: Words) -> Markup:
    """Curves of two error rates, both axes logarithmic; points at zero have no place there: left out."""
    kept = [_above_zero(curve) for curve in curves]
    xs = [x for curve in kept for x, _ in curve.points]
    ys = [y for curve in kept for _, y in curve.points]
    lows = [low for curve in kept for low, _ in curve.band if low > 0.0]
    highs = [high for curve in kept for _, high in curve.band]
    across = LogAxis(min(xs, default=1e-3), max(xs, default=1.0), _LEFT, _WIDTH - _RIGHT)
    floor = max(min([*ys, *lows], default=1e-3), min(ys, default=1e-3) / 30)
    up = LogAxis(floor, max([*ys, *highs], default=1.0), _HEIGHT - _BOTTOM, _TOP)
    return _plot(kept, across, up, words, ("log", "log"))


def rank_curves(curves: Sequence[Curve], words: Words) -> Markup:
    """Share of searches whose mate is among the first candidates, over the length of the list."""
    ys = [y for curve in curves for y in (*(p[1] for p in curve.points), *(low for low, _ in curve.band))]
    ranks = [x for curve in curves for x, _ in curve.points]
    lowest = math.floor(min(ys, default=0.0) * 20) / 20
    across = LinearAxis(0.0, max([2.0, *ranks]), _LEFT, _WIDTH - _RIGHT)
    up = LinearAxis(min(lowest, 0.95), 1.0, _HEIGHT - _BOTTOM, _TOP)
    return _plot(curves, across, up, words, ("linear", "share"))


def histogram(edges: Sequence[float], series: Sequence[tuple[str, Sequence[float]]], words: Words) -> Markup:
    """Shares of weight by bins of cosine, one outline a series."""
    most = max((share for _, shares in series for share in shares), default=0.0)
    across = LinearAxis(edges[0], edges[-1], _LEFT, _WIDTH - _RIGHT)
    up = LinearAxis(0.0, most or 1.0, _HEIGHT - _BOTTOM, _TOP)
    parts = _frame(across, up, words, ("linear", "share"))
    for index, (_, shares) in enumerate(series):
        outline: list[Point] = [(across(edges[0]), up(0.0))]
        for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
            outline += [(across(left), up(share)), (across(right), up(share))]
        outline.append((across(edges[-1]), up(0.0)))
        parts += [polygon(outline, f"band s{index}"), polyline(outline, f"line s{index}")]
    parts += _legend([label for label, _ in series], marked=False)
    return _drawing(words, parts, legend=len(series))


def bars(rows: Sequence[Bar], words: Words, scale: Scale) -> Markup:
    """Rates with their intervals, one a row, in the order given."""
    height = _TOP + _ROW * len(rows)
    known = [row for row in rows if row.rate is not None]
    left = 150.0
    across: Axis
    if scale == "log":
        lows = [value for row in known for value in (row.low, row.rate or 0.0) if value > 0.0]
        across = LogAxis(
            min(lows, default=1e-6), max((row.high for row in known), default=1.0), left, _WIDTH - _RIGHT
        )
    else:
        low = min((row.low for row in known), default=0.0)
        across = LinearAxis(min(math.floor(low * 20) / 20, 0.95), 1.0, left, _WIDTH - _RIGHT)
    parts = []
    for tick in across.ticks:
        parts.append(line((across(tick), _TOP), (across(tick), height), "grid"))
        parts.append(
            text(
                (across(tick), height + 18),
                _tick(tick, "share" if scale == "linear" else "log"),
                anchor="middle",
            )
        )
    for index, row in enumerate(rows):
        y = _TOP + _ROW * (index + 0.5)
        parts.append(text((left - 10, y + 4), _cut(row.label, 20), anchor="end"))
        if row.rate is None:
            parts.append(text((left + 6, y + 4), _cut(row.refused or "not stated", 40), of="word quiet"))
            continue
        start, end = (across(row.low), y), (across(row.high), y)
        parts += [line(start, end, "line s0"), *(_end_of(place) for place in (start, end))]
        parts.append(mark((across(row.rate), y), 0, "mark s0"))
    parts.append(text(((left + _WIDTH - _RIGHT) / 2, height + 38), words.across, anchor="middle"))
    return drawing(
        words.name, size=(_WIDTH, height + 46), title=words.title, description=words.description, parts=parts
    )


def _end_of(place: Point) -> Markup:
    return line((place[0], place[1] - 5), (place[0], place[1] + 5), "line s0")


def _plot(curves: Sequence[Curve], across: Axis, up: Axis, words: Words, kinds: tuple[str, str]) -> Markup:
    parts = _frame(across, up, words, kinds)
    for index, curve in enumerate(curves):
        look = f"s{index % _SERIES}"
        places = [(across(x), up(y)) for x, y in curve.points]
        if curve.band:
            xs = [x for x, _ in places]
            upper = [(x, up(high)) for x, (_, high) in zip(xs, curve.band, strict=True)]
            lower = [(x, up(low)) for x, (low, _) in zip(xs, curve.band, strict=True)]
            parts.append(polygon([*upper, *lower[::-1]], f"band {look}"))
        parts.append(polyline(places, f"line {look}"))
        every = max(1, math.ceil(len(places) / _MOST_MARKS))
        parts += [mark(place, index, f"mark {look}") for place in places[::every]]
    parts += _legend([curve.label for curve in curves], marked=True)
    return _drawing(words, parts, legend=len(curves))


def _frame(across: Axis, up: Axis, words: Words, kinds: tuple[str, str]) -> list[Markup]:
    floor, parts = _HEIGHT - _BOTTOM, []
    for tick in across.ticks:
        parts.append(line((across(tick), _TOP), (across(tick), floor), "grid"))
        parts.append(text((across(tick), floor + 18), _tick(tick, kinds[0]), anchor="middle"))
    for tick in up.ticks:
        parts.append(line((_LEFT, up(tick)), (_WIDTH - _RIGHT, up(tick)), "grid"))
        parts.append(text((_LEFT - 7, up(tick) + 4), _tick(tick, kinds[1]), anchor="end"))
    parts.append(text(((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8), words.across, anchor="middle"))
    parts.append(
        Markup(
            '<text transform="translate(13 {:.1f}) rotate(-90)" text-anchor="middle" class="word">{}</text>'
        ).format((_TOP + floor) / 2, words.up)
    )
    return parts


def _legend(labels: Sequence[str], *, marked: bool) -> list[Markup]:
    parts = []
    for index, label in enumerate(labels):
        y = _HEIGHT + 10 + 18 * index
        look = f"s{index % _SERIES}"
        parts.append(line((_LEFT, y), (_LEFT + 30, y), f"line {look}"))
        if marked:
            parts.append(mark((_LEFT + 15, y), index, f"mark {look}"))
        parts.append(text((_LEFT + 38, y + 4), _cut(label, 52)))
    return parts


def _drawing(words: Words, parts: list[Markup], *, legend: int) -> Markup:
    size = (_WIDTH, _HEIGHT + 18 * legend + 4)
    return drawing(words.name, size=size, title=words.title, description=words.description, parts=parts)


def _above_zero(curve: Curve) -> Curve:
    rows = [index for index, (x, y) in enumerate(curve.points) if x > 0.0 and y > 0.0]
    band = tuple(curve.band[index] for index in rows) if curve.band else ()
    return Curve(curve.label, tuple(curve.points[index] for index in rows), band)


def _tick(value: float, kind: str) -> str:
    if kind == "log":
        power = round(math.log10(value))
        return f"{value:g}" if power > -3 else "10" + str(power).translate(_RAISED)
    if kind == "share":
        return f"{value * 100:g} %"
    return f"{value:g}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
