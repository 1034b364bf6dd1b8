from __future__ import annotations

import math

import pytest

from countenance.vision.attributes.age_gender import to_age_range


def test_the_range_is_about_the_years_that_were_seen():
    age = to_age_range(40.4, 1.0)
    assert (age.low, age.high) == (34, 46)


def test_less_trust_is_a_wider_range():
    narrow, wide = to_age_range(40, 1.0), to_age_range(40, 0.0)
    assert wide.low < narrow.low
    assert wide.high > narrow.high


@pytest.mark.parametrize("years", [-20.0, 0.0, 3.0, 119.0, 500.0])
def test_it_stays_among_the_ages_that_people_have(years):
    """AWS's members are integers from 0 on."""
    age = to_age_range(years, 0.5)
    assert 0 <= age.low <= age.high <= 120
    assert isinstance(age.low, int)


@pytest.mark.parametrize("years", [math.nan, math.inf])
def test_a_network_that_answers_no_number_says_any_age(years):
    age = to_age_range(years, 1.0)
    assert (age.low, age.high) == (0, 120)
