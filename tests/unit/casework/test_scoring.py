"""What is measured of examiners."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from countenance.casework.scoring import score
from countenance.casework.verdicts import VERDICTS

ROWS = st.integers(1, 4).flatmap(
    lambda count: st.lists(
        st.lists(st.sampled_from(VERDICTS), min_size=count, max_size=count), min_size=2, max_size=3
    )
)


def test_two_who_agree_have_agreed_of_everybody_and_nobody_is_reversed():
    for figures in score([["support", "against"], ["support_strong", "against_strong"]], None):
        assert (figures["agreed"], figures["reversed"], figures["hits"]) == (2, None, None)


def test_whoever_the_other_and_the_third_are_against_is_reversed():
    """A third who sides with the one reverses the other, and is measured by none of it."""
    first, second, third = score([["support"], ["against"], ["against_strong"]], None)
    assert (first["reversed"], second["reversed"], third["reversed"]) == (1, 0, None)
    assert (first["agreed"], second["agreed"], third["agreed"]) == (0, 0, None)


def test_three_who_differ_reverse_nobody():
    assert [each["reversed"] for each in score([["support"], ["against"], ["inconclusive"]], None)] == [
        0,
        0,
        None,
    ]


def test_not_to_say_so_of_a_mated_pair_is_a_miss_and_of_others_no_false_alarm():
    """`inconclusive` releases nobody: it costs a lead, and accuses no one."""
    [figures, _] = score([["inconclusive", "inconclusive"]] * 2, [True, False])
    assert (figures["hits"], figures["misses"]) == (0, 1)
    assert (figures["false_alarms"], figures["correct_rejections"]) == (0, 1)


@given(ROWS, st.data())
def test_every_known_pair_is_counted_once(said, data):
    """Of each examiner the four counts are a partition of the pairs, by what is known of them."""
    count = len(said[0])
    mated = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    for figures in score(said, mated):
        assert figures["hits"] + figures["misses"] == mated.count(True)
        assert figures["false_alarms"] + figures["correct_rejections"] == mated.count(False)


@given(ROWS)
def test_agreement_is_mutual_and_nobody_is_reversed_who_agreed(said):
    figures = score(said, None)
    assert figures[0]["agreed"] == figures[1]["agreed"]
    for each in figures[:2]:
        if each["reversed"] is not None:
            assert each["reversed"] <= len(said[0]) - each["agreed"]
