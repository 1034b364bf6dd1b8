"""Where a value stands on a drawing."""

import pytest

from countenance.measuring.axes import LinearAxis, LogAxis


def test_a_logarithmic_axis_ends_at_powers_of_ten():
    axis = LogAxis(2e-4, 0.03, 100, 0)
    assert axis.ticks == pytest.approx((1e-4, 1e-3, 1e-2, 1e-1))
    assert [axis(tick) for tick in axis.ticks] == pytest.approx([100, 200 / 3, 100 / 3, 0])


def test_equal_ratios_are_equal_distances():
    axis = LogAxis(1.0, 1000.0, 0, 300)
    assert axis(20) - axis(2) == pytest.approx(axis(200) - axis(20)) == pytest.approx(100)


def test_an_axis_of_one_power_has_two_ends():
    """All sizes may be the same."""
    assert LogAxis(10, 10, 0, 1).powers == (1, 2)


def test_what_lies_outside_stands_at_the_end():
    """Zero has no place on a logarithmic axis; a band that reaches it ends at the frame."""
    axis = LogAxis(0.01, 1.0, 0, 10)
    assert (axis(0.0), axis(1e-9), axis(50.0)) == (0, 0, 10)
    assert LinearAxis(0, 1, 0, 10)(1.5) == 10


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, (0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (0.95, 1.0, (0.95, 0.96, 0.97, 0.98, 0.99, 1.0)),
        (-0.5, 1.1, (-0.5, 0, 0.5, 1.0)),
        (0, 20, (0, 5, 10, 15, 20)),
    ],
)
def test_ticks_of_a_linear_axis_are_round(low, high, ticks):
    assert LinearAxis(low, high, 0, 1).ticks == pytest.approx(ticks)


def test_an_axis_needs_a_range():
    for wrong in (
        lambda: LogAxis(0.0, 1.0, 0, 1),
        lambda: LogAxis(2.0, 1.0, 0, 1),
        lambda: LinearAxis(1, 1, 0, 1),
    ):
        with pytest.raises(ValueError, match="axis"):
            wrong()
