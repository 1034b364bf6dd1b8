"""Charts as SVG: drawn here, coloured by the style sheet, each with a table of the same figures below it.

Nothing in one needs a script, an inline style or a colour to be understood: the table says it all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Final

from markupsafe import Markup

_WIDTH: Final = 720
_HEIGHT: Final = 240
_LEFT: Final = 64
_RIGHT: Final = 12
_TOP: Final = 12
_BOTTOM: Final = 30
_PLOT_WIDTH: Final = _WIDTH - _LEFT - _RIGHT
_PLOT_HEIGHT: Final = _HEIGHT - _TOP - _BOTTOM
_LABEL_WIDTH: Final = 76
_STEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Series:
    """One row of figures, a value for each label.

    Attributes:
        name: for the legend and the table's head.
        values: at least 0; None where nothing is known.
        colour: 1-4, of the style sheet's `.series-N`.
    """

    name: str
    values: Sequence[float | None]
    colour: int = 1


def bars(key: str, title: str, labels: Sequence[str], series: Sequence[Series], *, about: str = "") -> Markup:
    """Bars that stand on one another: one for each label, a part for each series.

    Args:
        key: names the chart on its page: letters, digits and hyphens.
        title: what is shown; it is the figure's caption.
        labels: of the bars, such as days; the table has all of them, the axis those that find room.
        about: a sentence for whoever cannot see it; without one, the sum of each series.
    """
    _require_whole(labels, series)
    width = _PLOT_WIDTH / max(len(labels), 1)
    top = _nice(max((_sum(series, at) for at in range(len(labels))), default=0.0))
    drawn = Markup("").join(_bar(at, width, top, labels[at], series) for at in range(len(labels)))
    return _figure(key, title, labels, series, drawn=drawn, top=top, about=about)


def _require_whole(labels: Sequence[str], series: Sequence[Series]) -> None:
    assert all(len(each.values) == len(labels) for each in series), "a value for each label"


def _sum(series: Sequence[Series], at: int) -> float:
    return sum(each.values[at] or 0.0 for each in series)


def _bar(at: int, width: float, top: float, label: str, series: Sequence[Series]) -> Markup:
    told = ", ".join(f"{_words(each.values[at])} {each.name}" for each in series)
    parts, floor_y = [Markup("<g><title>{}: {}</title>").format(label, told)], float(_TOP + _PLOT_HEIGHT)
    for each in series:
        if value := each.values[at]:
            height = value / top * _PLOT_HEIGHT
            floor_y -= height
            x = _LEFT + at * width + width * 0.12
            parts.append(
                Markup(
                    '<rect class="series-{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>'
                ).format(each.colour, x, floor_y, width * 0.76, height)
            )
    return Markup("").join([*parts, Markup("</g>")])


def _middle(at: int, count: int) -> float:
    return _LEFT + (at + 0.5) * _PLOT_WIDTH / max(count, 1)


def _figure(
    key: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    drawn: Markup,
    top: float,
    about: str,
) -> Markup:
    told = about or "; ".join(
        f"{each.name}: {_words(sum(value or 0.0 for value in each.values))} in all" for each in series
    )
    legend = Markup("").join(
        Markup(
            '<li><svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">'
            '<rect class="series-{}" width="14" height="14"/></svg> {}</li>'
        ).format(each.colour, each.name)
        for each in series
    )
    return Markup(
        '<figure class="chart"><figcaption>{title}</figcaption><ul class="legend">{legend}</ul>'
        '<div class="wide" tabindex="0" role="region" aria-label="Chart: {title}">'
        '<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}-title {key}-about">'
        '<title id="{key}-title">{title}</title><desc id="{key}-about">{told}. '
        "The table has each figure.</desc>"
        "{axis}{drawn}</svg></div>{table}</figure>"
    ).format(
        title=title,
        legend=legend,
        width=_WIDTH,
        height=_HEIGHT,
        key=key,
        told=told,
        axis=_axis(labels, top),
        drawn=drawn,
        table=_table(title, labels, series),
    )


def _axis(labels: Sequence[str], top: float) -> Markup:
    parts = []
    for step in range(_STEPS + 1):
        y = _TOP + _PLOT_HEIGHT * (1 - step / _STEPS)
        parts.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{:.2f}" y2="{:.2f}"/>'
                '<text x="{}" y="{:.2f}" text-anchor="end">{}</text>'
            ).format(_LEFT, _WIDTH - _RIGHT, y, y, _LEFT - 8, y + 4, _words(top * step / _STEPS))
        )
    every = max(1, -(-len(labels) * _LABEL_WIDTH // _PLOT_WIDTH))
    parts.extend(
        Markup('<text x="{:.2f}" y="{}" text-anchor="middle">{}</text>').format(
            _middle(at, len(labels)), _HEIGHT - 8, labels[at]
        )
        for at in range(len(labels) - 1, -1, -every)  # the newest has its label always
    )
    return Markup("").join(parts)


def _table(title: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    head = Markup("").join(
        Markup('<th scope="col" class="figure">{}</th>').format(each.name) for each in series
    )
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            label,
            Markup("").join(
                Markup('<td class="figure">{}</td>').format(_words(each.values[at])) for each in series
            ),
        )
        for at, label in enumerate(labels)
    )
    return Markup(
        '<details><summary>The same as a table</summary><div class="wide" tabindex="0" role="region" '
        'aria-label="Table: {0}"><table><thead><tr><td></td>{1}</tr></thead><tbody>{2}</tbody></table></div>'
        "</details>"
    ).format(title, head, rows)


def _words(value: float | None) -> str:
    """`1 200`, `0.25`; a dash for what nobody knows."""
    if value is None:
        return "-"
    return f"{value:,.0f}".replace(",", " ") if value == int(value) else f"{value:g}"


def _nice(most: float) -> float:
    """Where the axis ends: at or above `most`, in four steps that are round figures."""
    if most <= _STEPS:
        return float(_STEPS)
    unit = 10.0 ** floor(log10(most / _STEPS))
    return next(unit * step * _STEPS for step in (1, 2, 2.5, 5, 10) if unit * step * _STEPS >= most)
