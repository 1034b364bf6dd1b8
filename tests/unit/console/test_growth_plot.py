"""The figures of a plot: whole, in order, and in the table below it."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from countenance.console.growth_plot import draw, stretches

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
def test_every_face_is_in_one_stretch_and_stretches_are_in_order(drawn):
    days, counts = drawn
    found = stretches(told(days, counts))
    assert sum(each.enrolled for each in found) == sum(came for came, _ in counts.values())
    assert sum(each.erased for each in found) == sum(went for _, went in counts.values())
    begins = [each.begin for each in found]
    assert begins == sorted(set(begins))
    assert begins[0] == END - timedelta(days=days - 1)


def test_a_week_holds_its_seven_days_and_the_last_is_whole():
    found = stretches(told(182, {0: (5, 0), 6: (1, 0), 7: (2, 1)}))
    assert [(each.enrolled, each.erased) for each in found[-2:]] == [(2, 1), (6, 0)]
    assert found[-1].begin == END - timedelta(days=6)


def test_a_chart_says_what_it_counts_by_and_has_every_figure_in_its_table():
    weekly, daily, nothing = (
        draw(told(182, {0: (5, 0)}), "staff"),
        draw(told(30, {0: (5, 3)}), "<b>staff"),
        draw(told(30, {}), "staff"),
    )
    assert "by week" in weekly
    assert "by day" in daily
    assert '<td class="figure">5</td><td class="figure">3</td>' in daily
    assert "&lt;b&gt;staff" in daily
    assert "<svg" in nothing
