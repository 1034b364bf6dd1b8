"""What purposes ask of photos."""

from __future__ import annotations

from typing import get_args

from countenance.policy.photo_demands import LEVEL_OF_RISK, demands, level_of
from countenance.policy.purposes import Risk, load_purposes

ORDER = ("AUTO", "MEDIUM", "HIGH")


def test_the_more_a_purpose_risks_the_more_it_asks_for():
    assert [LEVEL_OF_RISK[risk] for risk in get_args(Risk)] == list(ORDER)


def test_every_purpose_that_enrols_is_there_and_no_other():
    """A purpose that keeps no face has no enrolment photo to be coached for."""
    for name, purpose in load_purposes().items():
        assert (name in demands()) == ("IndexFaces" in purpose.operations)
        if name in demands():
            assert demands()[name] == level_of(purpose)


def test_whoever_may_analyse_faces_may_be_coached_and_nobody_else():
    """It looks at a face as DetectFaces does, so it stands and falls with it."""
    for purpose in load_purposes().values():
        assert ("CoachPhoto" in purpose.operations) == ("DetectFaces" in purpose.operations)
