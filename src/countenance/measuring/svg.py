"""Elements of a drawing as SVG, every word in it escaped.

Looks are classes, which the page's one style block knows: nothing here needs a style attribute, which a
strict content security policy refuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from countenance.measuring.visible import visible

Point = tuple[float, float]


def line(start: Point, end: Point, of: str) -> Markup:
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(
        *start, *end, of
    )


def text(at: Point, words: str, *, anchor: str = "start", of: str = "word") -> Markup:
    """`anchor` is SVG's text-anchor: start, middle or end."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        *at, anchor, of, visible(words)
    )


def polyline(points: Sequence[Point], of: str) -> Markup:
    return Markup('<polyline points="{}" class="{}"/>').format(_places(points), of)


def polygon(points: Sequence[Point], of: str) -> Markup:
    return Markup('<polygon points="{}" class="{}"/>').format(_places(points), of)


def rectangle(corner: Point, size: Point, of: str) -> Markup:
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}"/>').format(
        *corner, *size, of
    )


def mark(at: Point, shape: int, of: str) -> Markup:
    """A small sign of one of four shapes, for series: disc, square, triangle, rhomb."""
    x, y = at
    match shape % 4:
        case 0:
            return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3.5" class="{}"/>').format(x, y, of)
        case 1:
            return rectangle((x - 3.2, y - 3.2), (6.4, 6.4), of)
        case 2:
            return polygon([(x, y - 4.2), (x + 4, y + 3.2), (x - 4, y + 3.2)], of)
        case _:
            return polygon([(x, y - 4.6), (x + 4.6, y), (x, y + 4.6), (x - 4.6, y)], of)


def drawing(name: str, *, size: Point, title: str, description: str, parts: Iterable[Markup]) -> Markup:
    """The whole: `name` makes the ids of its title and description, which must be once on a page."""
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:g} {h:g}" role="img"'
        ' aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{title}</title>'
        '<desc id="{name}-desc">{description}</desc>'
    ).format(w=size[0], h=size[1], name=name, title=visible(title), description=visible(description))
    return Markup("\n").join([head, *(escape(part) for part in parts), Markup("</svg>")])


def _places(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
