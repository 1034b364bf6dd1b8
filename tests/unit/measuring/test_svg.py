"""Elements of a drawing."""

import xml.etree.ElementTree as ET

import pytest

from countenance.measuring import svg


def test_words_are_escaped_and_made_visible():
    element = ET.fromstring(svg.text((1, 2), "<a> & \u202e", anchor="end"))
    assert element.text == "<a> & ⟨U+202E⟩"
    assert (element.get("x"), element.get("y"), element.get("text-anchor")) == ("1.0", "2.0", "end")


@pytest.mark.parametrize(
    ("element", "attributes"),
    [
        (
            svg.line((1, 2), (3, 4), "grid"),
            {"x1": "1.0", "y1": "2.0", "x2": "3.0", "y2": "4.0", "class": "grid"},
        ),
        (svg.polyline([(1, 2), (3, 4.56)], "l"), {"points": "1.0,2.0 3.0,4.6", "class": "l"}),
        (svg.rectangle((1, 2), (3, 4), "r"), {"x": "1.0", "y": "2.0", "width": "3.0", "height": "4.0"}),
    ],
)
def test_elements_have_their_places_and_their_look(element, attributes):
    assert attributes.items() <= ET.fromstring(element).attrib.items()


def test_four_signs_differ():
    """Series are told apart by whoever sees no colours, and on a grey print."""
    signs = [str(svg.mark((10, 10), shape, "m")) for shape in range(4)]
    assert len(set(signs)) == 4
    assert str(svg.mark((10, 10), 4, "m")) == signs[0]


def test_a_part_that_is_no_markup_is_escaped():
    whole = svg.drawing("n", size=(10, 20), title="t", description="d", parts=["<script>"])
    assert "<script" not in whole
    assert ET.fromstring(whole).get("viewBox") == "0 0 10 20"
