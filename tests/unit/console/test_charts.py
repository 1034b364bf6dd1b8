"""Charts: drawn to scale, whatever the figures, and readable without seeing them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from countenance.console.charts import Series, bars


def whole(markup: str) -> ET.Element:
    """The figure as XML: what is not well-formed raises."""
    return ET.fromstring(markup)


def test_bars_stand_on_one_another_and_keep_their_proportions() -> None:
    """A part twice as large is drawn twice as high, and ends where the next begins."""
    figure = whole(bars("calls", "Calls", ["a"], [Series("one", [10.0], 1), Series("two", [20.0], 2)]))
    low, high = (each for each in figure.iter("rect") if each.get("x"))
    assert float(high.get("height", "")) == pytest.approx(2 * float(low.get("height", "")), abs=0.02)
    upper_end = float(high.get("y", "")) + float(high.get("height", ""))
    assert upper_end == pytest.approx(float(low.get("y", "")), abs=0.02)


@pytest.mark.parametrize("most", [0.0, 1.0, 3.0, 4.0, 5.0, 99.0, 101.0, 4e4, 123_456.0, 1e9])
def test_no_figure_is_drawn_outside(most: float) -> None:
    """The axis ends at or above the largest figure, at every size."""
    figure = whole(bars("b", "Calls", ["a", "b"], [Series("one", [most, 0.0])]))
    assert all(float(each.get("y", "")) >= 0 for each in figure.iter("rect") if each.get("x"))


def test_the_table_has_every_figure() -> None:
    """Whoever cannot see the picture reads the same."""
    figure = whole(
        bars("b", "Calls", ["Mon", "Tue"], [Series("one", [1.0, 2500.0]), Series("two", [None, 7.0])])
    )
    rows = [[cell.text for cell in row] for row in figure.iter("tr")]
    assert rows[1:] == [["Mon", "1", "-"], ["Tue", "2 500", "7"]]
    assert figure.find(".//svg[@role='img']") is not None


def test_words_cannot_leave_their_place() -> None:
    """A series may be called by what somebody typed."""
    markup = bars("b", "<b>&", ["<i>"], [Series('"><script>', [1.0])])
    assert "<script>" not in markup
    assert "<b>" not in markup
    whole(markup)


def test_nothing_at_all_can_be_drawn() -> None:
    """A new account has no day yet."""
    whole(bars("b", "Calls", [], [Series("one", [])]))


def test_no_inline_style_or_script() -> None:
    """The pages' policy would not let them through."""
    assert not re.search(r"style=|<script|<style|on\w+=", bars("b", "t", ["a"], [Series("one", [1.0])]))
