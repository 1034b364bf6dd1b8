"""Misses over each measure, as one SVG of small drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from countenance.measuring.axes import LinearAxis, LogAxis
from photographs import REPOSITORY

CURVES = REPOSITORY / "docs" / "quality-curves.svg"
_WIDTH, _HEIGHT, _ACROSS = 300, 210, 3
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 28, 12, 40
_LEAST = 0.01
_INK, _BAR = "#1f5fa8", "#c2571a"
_PANELS = (
    ("distance", "eyes_px", "px between the eyes", "eyes_px"),
    ("blur", "sharpness", "sharpness", "sharpness"),
    ("darkness", "brightness", "brightness, made darker", "brightness"),
    ("overexposure", "brightness", "brightness, overexposed", "brightness_most"),
    ("yaw", "", "degrees of yaw", "yaw_deg"),
    ("pitch", "", "degrees of pitch", "pitch_deg"),
    ("noise", "sharpness", "sharpness, made noisy", ""),
    ("confidence", "", "the detector's confidence", "confidence"),
    ("rank", "", "rank", "rank"),
)


def write_curves(result: dict[str, Any], path: Path = CURVES) -> Path:
    down = -(-len(_PANELS) // _ACROSS)
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH * _ACROSS} {_HEIGHT * down}" '
            'font-family="sans-serif" font-size="11" role="img" aria-label="Misses over measures of quality">'
        ),
        f'<rect width="{_WIDTH * _ACROSS}" height="{_HEIGHT * down}" fill="white"/>',
    ]
    for place, panel in enumerate(_PANELS):
        row, at = divmod(place, _ACROSS)
        lines.append(f'<g transform="translate({at * _WIDTH},{row * _HEIGHT})">')
        lines += _panel(result, *panel)
        lines.append("</g>")
    path.write_text("\n".join([*lines, "</svg>"]) + "\n", "utf-8")
    return path


def _points(result: dict[str, Any], what: str, measure: str) -> list[tuple[float, dict[str, Any]]]:
    if what in result["poses"]:
        return [(each["median"], each) for each in result["poses"][what] if each["pairs"] >= 60]
    if not measure:
        return [(each["median"], each) for each in result[what]]
    clean = result["clean"]
    worse = [each for each in result["curves"][what] if each["pairs"] >= 60]
    return [(clean["medians"][measure], clean)] + [(each["medians"][measure], each) for each in worse]


def _panel(result: dict[str, Any], what: str, measure: str, label: str, bar: str) -> list[str]:
    points = _points(result, what, measure)
    values = [value for value, _ in points]
    across = LinearAxis(min(values), max(values), _LEFT, _WIDTH - _RIGHT)
    up = LogAxis(_LEAST, 1.0, _HEIGHT - _BOTTOM, _TOP)
    floor = _HEIGHT - _BOTTOM
    lines = [_text(_LEFT, 16, f"missed, over {label}", "start")]
    for share in (0.01, 0.1, 1.0):
        lines += [
            _line(_LEFT, up(share), _WIDTH - _RIGHT, up(share), "#ddd"),
            _text(_LEFT - 5, up(share) + 4, f"{share:.0%}", "end"),
        ]
    for value in across.ticks:
        lines += [
            _line(across(value), _TOP, across(value), floor, "#eee"),
            _text(across(value), floor + 14, f"{value:g}", "middle"),
        ]
    for level, row in result["bars"].items():
        if bar in row and min(values) <= row[bar] <= max(values):
            at = across(row[bar])
            lines += [_line(at, _TOP, at, floor, _BAR), _text(at, floor + 28, level[0], "middle", _BAR)]
    for value, each in points:
        lines.append(
            _line(
                across(value),
                up(max(each["low"], _LEAST)),
                across(value),
                up(max(each["high"], _LEAST)),
                _INK,
            )
        )
    drawn = " ".join(f"{across(value):.1f},{up(max(each['fnmr'], _LEAST)):.1f}" for value, each in points)
    lines.append(f'<polyline points="{drawn}" fill="none" stroke="{_INK}" stroke-width="2"/>')
    lines += [
        f'<circle cx="{across(value):.1f}" cy="{up(max(each["fnmr"], _LEAST)):.1f}" r="2.5" fill="{_INK}"/>'
        for value, each in points
    ]
    return lines


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
