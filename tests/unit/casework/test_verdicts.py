"""What follows from what examiners say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.casework.verdicts import VERDICTS, conclusion, decide, disagree

VERDICT = st.sampled_from(VERDICTS)


def examiners(count: int, candidates: int):
    return st.lists(
        st.lists(VERDICT, min_size=candidates, max_size=candidates), min_size=count, max_size=count
    )


def test_one_examiner_decides_nothing():
    assert decide([]) is None
    assert decide([["support_strong"]]) is None


@given(examiners(2, 3))
def test_two_decide_exactly_if_they_conclude_the_same_of_everybody(said):
    """Of one candidate alone they cannot decide: the third looks at all, so that no seat tells which."""
    first, second = said
    decided = decide(said)
    assert (decided is None) == disagree(first, second)
    if decided is not None:
        assert decided == [conclusion(each) for each in first]


@given(examiners(3, 3))
def test_of_three_nobody_is_supported_whom_fewer_than_two_support(said):
    """Two people verify each candidate: one alone, or a vote that ties, releases nobody."""
    decided = decide(said)
    assert decided is not None
    for number, concluded in enumerate(decided):
        supporting = sum(conclusion(of[number]) == "support" for of in said)
        assert (concluded == "support") == (supporting >= 2)


@given(examiners(3, 2), st.permutations(range(3)))
def test_who_said_it_first_does_not_matter(said, order):
    assert decide(said) == decide([said[place] for place in order])


def test_three_who_differ_conclude_nothing():
    assert decide([["support_strong"], ["against"], ["inconclusive"]]) == ["inconclusive"]


@pytest.mark.parametrize("weak", ["support", "against"])
def test_how_strong_a_verdict_is_is_no_disagreement(weak):
    assert decide([[weak], [f"{weak}_strong"]]) == [weak]


def test_verdicts_of_another_number_of_candidates_decide_nothing():
    with pytest.raises(ValueError, match="zip"):
        decide([["support"], ["support", "against"]])


def test_an_unknown_verdict_is_none():
    with pytest.raises(KeyError):
        conclusion("certainly")
