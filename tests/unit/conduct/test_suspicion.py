from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduct_bench import START, about, call, photo
from countenance.conduct.suspicion import (
    DAY,
    MOST_EVENTS,
    Suspicion,
    enrolled_photos,
    events,
    fullest_windows,
)

STEPS = st.lists(st.tuples(st.integers(0, 6 * 3600), st.integers(0, 5)), max_size=40)


def rows_of(steps):
    """Calls with pauses between them, each with the value that is counted."""
    at_s, rows = 0, []
    for pause_s, value in steps:
        at_s += pause_s
        rows.append((call(at_s), value))
    return rows


def brute_force(rows, least, span):
    """Every window that ends with a call, one by one."""
    best = {}
    for end, (observed, _) in enumerate(rows):
        inside = [row for row in rows[: end + 1] if row[0].at > observed.at - span]
        count = len({value for _, value in inside})
        if count >= least and count > best.get(observed.at.date(), (0, None))[0]:
            best[observed.at.date()] = (count, [row[0].event_id for row in inside])
    return best


@given(steps=STEPS, least=st.integers(1, 5), span=st.sampled_from([timedelta(hours=1), DAY]))
def test_a_window_is_the_fullest_of_its_day(steps, least, span):
    """The sliding count is an optimisation of this and nothing else."""
    rows = rows_of(steps)
    found = fullest_windows(rows, least=least, span=span)
    assert {each.day: (each.count, [one.event_id for one in each.observed]) for each in found} == brute_force(
        rows, least, span
    )


@given(steps=STEPS, begins_s=st.integers(0, 48 * 3600))
def test_a_look_that_begins_later_finds_the_same_of_every_day_that_it_has_whole(steps, begins_s):
    """What was lifted must not come back under another fingerprint because the look slid on."""
    rows, begins = rows_of(steps), START + timedelta(seconds=begins_s)
    shorter = [row for row in rows if row[0].at > begins]

    def found(looked_at):
        return [
            each
            for each in fullest_windows(looked_at, least=3)
            if datetime.combine(each.day, time(), UTC) >= begins + DAY
        ]

    assert found(shorter) == found(rows)


def test_what_straddles_midnight_is_one_window():
    """A day is 24 hours, whatever the clock says meanwhile."""
    rows = [(call(14.9 * 3600 + minute * 60), minute) for minute in range(20)]
    (window,) = fullest_windows(rows, least=20)
    assert (window.count, str(window.day)) == (20, "2026-11-25")


def test_evidence_names_the_first_and_the_last_events_and_no_more():
    """A finding points into the log; it is no copy of it."""
    calls = [call(second) for second in range(200)]
    named = events(calls)
    assert len(named) == MOST_EVENTS
    assert (named[0], named[-1]) == (str(calls[0].event_id), str(calls[-1].event_id))
    assert events(calls[:3]) == [str(each.event_id) for each in calls[:3]]
    with pytest.raises(AssertionError):
        Suspicion(
            detector="d", severity="notice", summary="s", evidence={"events": ["e"] * 51}, fingerprint="f"
        )


def test_what_is_enrolled_is_known_by_its_photo():
    """Whoever imports an album searches for what it enrols."""
    calls = [call(kind="enrol", inputs=(photo("a"),)), call(inputs=(photo("b"),)), call(kind="analyse")]
    assert enrolled_photos(calls) == {photo("a")}


@pytest.mark.parametrize(
    ("purpose", "case", "trial", "low", "strangers"),
    [
        ("development", False, True, True, False),
        ("research", False, True, False, False),
        ("photo-library", False, False, True, False),
        ("missing-persons", True, False, False, True),
        ("fraud-prevention", False, False, False, True),
        ("access-control", False, False, False, False),
        ("of-a-later-version", False, False, False, True),
    ],
)
def test_purposes_are_weighed_by_the_catalogue(purpose, case, trial, low, strangers):
    """And one that it does not have is taken for the worst, but for a case that it cannot have asked for."""
    known = about()
    assert known.needs_case(purpose) is case
    assert known.is_trial(purpose) is trial
    assert known.is_low_risk(purpose) is low
    assert known.holds_strangers(purpose) is strangers
