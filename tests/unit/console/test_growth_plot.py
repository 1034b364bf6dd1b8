"""The figures of a plot: whole, in order, and drawn where they belong."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from countenance.console.growth_plot import WIDTH, draw

END = date(2026, 11, 27)


def told(days, counts):
    return {
        "From": (END - timedelta(days=days - 1)).isoformat(),
        "To": END.isoformat(),
        "Days": [
            {"Day": (END - timedelta(days=ago)).isoformat(), "FacesEnrolled": came, "FacesErased": went}
            for ago, (came, went) in sorted(counts.items(), reverse=True)
        ],
    }


@given(
    st.integers(1, 366).flatmap(
        lambda days: st.tuples(
            st.just(days),
            st.dictionaries(
                st.integers(0, days - 1), st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))
            ),
        )
    )
)
def test_every_face_is_in_one_bar_and_every_bar_is_in_the_drawing(drawn):
    days, counts = drawn
    plot = draw(told(days, counts))
    assert plot.enrolled == sum(came for came, _ in counts.values())
    assert plot.erased == sum(went for _, went in counts.values())
    assert [bar.begin for bar in plot.bars] == sorted({bar.begin for bar in plot.bars})
    assert plot.bars[0].begin == plot.begin
    for bar in plot.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH + 0.02
        assert 0 <= bar.up <= plot.base


def test_a_week_holds_its_seven_days_and_the_last_is_whole():
    plot = draw(told(182, {0: (5, 0), 6: (1, 0), 7: (2, 1)}))
    assert plot.is_weekly
    assert [(bar.enrolled, bar.erased) for bar in plot.bars[-2:]] == [(2, 1), (6, 0)]
    assert plot.bars[-1].begin == END - timedelta(days=6)


def test_nothing_is_a_drawing_as_well():
    plot = draw(told(30, {}))
    assert (len(plot.bars), plot.most, plot.is_weekly) == (30, 0, False)
