from __future__ import annotations

import math

import numpy as np
import pytest

from countenance.vision.attributes.age_gender import AgeGender, to_age_range
from countenance.vision.attributes.certainty import Fit
from countenance.vision.attributes.description import Gender
from countenance.vision.attributes.face_mesh import POINTS, Mesh


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


class Answers:
    """A session that answers these numbers."""

    input_names = ("input",)

    def __init__(self, age, female):
        self.age, self.female = age, female

    def run(self, _):
        return np.array([[self.age]], np.float32), np.array([[1 - self.female, self.female]], np.float32)


def network(age, female):
    made = object.__new__(AgeGender)
    made._session, made._fit = Answers(age, female), Fit(offset=0.0, weights=(1.0,), most=0.99)
    return made


FACE = Mesh(np.random.default_rng(1).uniform(20, 60, (POINTS, 3)).astype(np.float32), 1.0)
PIXELS = np.zeros((90, 90, 3), np.uint8)


@pytest.mark.parametrize(("female", "value"), [(0.9, "Female"), (0.1, "Male")])
def test_the_gender_is_what_the_network_says_also_where_it_is_not_believed(female, value):
    assert network(30, female).read(PIXELS, FACE, 1.0)[1] == Gender(value, pytest.approx(90))
    assert network(30, female).read(PIXELS, FACE, 0.0)[1] == Gender(value, 50)


def test_a_network_that_answers_no_numbers_knows_neither():
    age, gender = network(math.nan, math.nan).read(PIXELS, FACE, 1.0)
    assert (age.low, age.high, gender.confidence) == (0, 120, 50)
