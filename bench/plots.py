"""One plot, as SVG: milliseconds over rows, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from countenance.measuring.axes import LogAxis
from photographs import REPOSITORY

GROWTH = REPOSITORY / "docs" / "search-growth.svg"
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 680, 400, 70, 30, 120, 50
_SERIES = (("p50", "#1f5fa8"), ("p99", "#c2571a"))


def write_growth(grown: Sequence[dict[str, Any]], path: Path = GROWTH) -> None:
    """`grown`: `rows` and `ms` (`p50`, `p99`) of each size, ascending."""
    rows = [each["rows"] for each in grown]
    times = [each["ms"][name] for each in grown for name, _ in _SERIES]
    across = LogAxis(min(rows), max(rows), _LEFT, _WIDTH - _RIGHT)
    up = LogAxis(min(times), max(times), _HEIGHT - _BOTTOM, _TOP)
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="sans-serif" font-size="12" role="img" aria-label="Time of a search">'
        ),
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for value in across.ticks:
        lines.append(_line(across(value), _TOP, across(value), _HEIGHT - _BOTTOM, "#ddd"))
        lines.append(_text(across(value), _HEIGHT - _BOTTOM + 18, _short(value), "middle"))
    for value in up.ticks:
        lines.append(_line(_LEFT, up(value), _WIDTH - _RIGHT, up(value), "#ddd"))
        lines.append(_text(_LEFT - 8, up(value) + 4, f"{value:g} ms", "end"))
    for name, colour in _SERIES:
        points = [(across(each["rows"]), up(each["ms"][name])) for each in grown]
        path_of = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(f'<polyline points="{path_of}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        label = up(grown[-1]["ms"][name]) + (14 if name == "p50" else -6)
        lines.append(
            _text(_WIDTH - _RIGHT + 8, label, f"{name} {grown[-1]['ms'][name]:.0f} ms", "start", colour)
        )
    lines.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, "faces in the gallery (256-d)", "middle"))
    path.write_text("\n".join([*lines, "</svg>"]) + "\n")


def _short(value: float) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
