"""Figures as SVG: well-formed, escaped, with their marks where the numbers say."""

import xml.etree.ElementTree as ET

import pytest

from countenance.measuring.plots import Bar, Curve, Words, bars, error_curves, histogram, rank_curves

SVG = "{http://www.w3.org/2000/svg}"
WORDS = Words("name", "A <title>", "What & how", "across", "up")
HOSTILE = '<script>alert("x")</script>'


def points_of(element):
    return [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]


def lines_of(drawing, look):
    return [
        each for each in ET.fromstring(drawing).iter(f"{SVG}polyline") if each.get("class") == f"line {look}"
    ]


def test_a_drawing_has_a_name_and_a_description():
    """Whoever cannot see it is told what it is; the numbers are in the table."""
    root = ET.fromstring(error_curves([Curve("a", ((0.001, 0.1), (0.01, 0.05)))], WORDS))
    assert root.find(f"{SVG}title").text == "A <title>"
    assert root.find(f"{SVG}desc").text == "What & how"
    assert root.get("role") == "img"
    named = {each.get("id") for each in root}
    assert set(root.get("aria-labelledby").split()) <= named


def test_error_curves_are_logarithmic_and_leave_zeros_out():
    """Points at 1e-4, 1e-3 and 1e-2 stand equally far apart."""
    points = ((0.0, 0.9), (1e-4, 0.1), (1e-3, 0.1), (1e-2, 0.01), (0.1, 0.0))
    (line,) = lines_of(error_curves([Curve("a", points)], WORDS), "s0")
    places = points_of(line)
    assert len(places) == 3
    assert places[1][0] - places[0][0] == pytest.approx(places[2][0] - places[1][0], abs=0.11)
    assert places[0][1] == places[1][1] < places[2][1]  # down is up, on a screen


def test_a_band_lies_around_its_line():
    curve = Curve("a", ((1e-4, 0.1), (1e-3, 0.05)), ((0.08, 0.12), (0.04, 0.06)))
    root = ET.fromstring(error_curves([curve], WORDS))
    (band,) = [each for each in root.iter(f"{SVG}polygon") if each.get("class") == "band s0"]
    corners = points_of(band)
    (line,) = lines_of(error_curves([curve], WORDS), "s0")
    first = points_of(line)[0]
    assert corners[0][1] < first[1] < corners[-1][1]
    assert corners[0][0] == corners[-1][0] == first[0]


def test_series_differ_without_colour():
    """Each has a look of its own and marks of another shape."""
    curves = [Curve(f"{number}", ((1e-3, 0.1), (1e-2, 0.05))) for number in range(3)]
    root = ET.fromstring(error_curves(curves, WORDS))
    shapes = {each.tag for each in root.iter() if each.get("class", "").startswith("mark")}
    assert shapes == {f"{SVG}circle", f"{SVG}rect", f"{SVG}polygon"}


def test_nothing_but_zeros_makes_an_empty_drawing():
    """A small data set may have no error at all."""
    ET.fromstring(error_curves([Curve("a", ((0.0, 0.0),), ((0.0, 0.1),))], WORDS))
    ET.fromstring(rank_curves([], WORDS))
    ET.fromstring(bars([], WORDS, "log"))
    ET.fromstring(bars([Bar("a", None, refused="too few")], WORDS, "linear"))


def test_a_histogram_s_outline_has_two_corners_a_bin():
    drawing = histogram([0.0, 0.5, 1.0], [("a", [0.25, 0.75]), ("b", [1.0, 0.0])], WORDS)
    (first,) = lines_of(drawing, "s0")
    places = points_of(first)
    assert len(places) == 6
    base, low, high = places[0][1], places[1][1], places[3][1]
    assert base - low == pytest.approx((base - high) / 3, abs=0.1)


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_bars_stand_in_the_order_given(scale):
    """Groups are never sorted by their rates."""
    rows = [
        Bar("zulu", 0.99, 0.98, 1.0),
        Bar("alpha", 0.96, 0.955, 0.97),
        Bar("none", None, refused="too few trials"),
    ]
    root = ET.fromstring(bars(rows, WORDS, scale))
    words = [each.text for each in root.iter(f"{SVG}text")]
    assert [word for word in words if word in {"zulu", "alpha", "none"}] == ["zulu", "alpha", "none"]
    assert "too few trials" in words
    high, low = (float(each.get("cx")) for each in root.iter(f"{SVG}circle"))
    assert high > low


def test_hostile_labels_are_text():
    """A group's name comes from whoever made the data set."""
    drawings = [
        bars([Bar(HOSTILE, 0.5, 0.4, 0.6)], Words("n", HOSTILE, HOSTILE, HOSTILE), "linear"),
        error_curves([Curve(HOSTILE, ((1e-3, 0.1), (1e-2, 0.1)))], WORDS),
        histogram([0, 1], [(HOSTILE, [1.0])], WORDS),
    ]
    for drawing in drawings:
        assert "<script" not in drawing
        assert not list(ET.fromstring(drawing).iter(f"{SVG}script"))


def test_no_style_attribute():
    """The page's policy would refuse it."""
    assert "style=" not in error_curves([Curve("a", ((1e-3, 0.1), (1e-2, 0.1)))], WORDS)
