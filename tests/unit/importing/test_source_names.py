"""Ids made of names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from countenance.importing.source_names import (
    EXTERNAL_IMAGE_ID,
    USER_ID,
    to_external_image_id,
    to_user_id,
)

NAMES = st.text(
    st.characters(exclude_characters="/\x00", exclude_categories=("Cs",)), min_size=1, max_size=300
)


def test_a_name_that_may_be_an_id_is_its_own():
    assert to_user_id("AJ_Cook-2.b") == "AJ_Cook-2.b"
    assert to_external_image_id(["AJ_Cook", "AJ_Cook_0001.jpg"]) == "AJ_Cook:AJ_Cook_0001.jpg"


def test_another_stays_readable_and_says_that_it_was_changed():
    assert to_user_id("Zoë Müller").startswith("Zoe_Muller.")
    assert to_user_id("王").startswith("_.")
    assert len(to_user_id("王")) == 10


@given(NAMES)
def test_every_name_becomes_an_id(name):
    assert USER_ID.fullmatch(to_user_id(name))
    assert EXTERNAL_IMAGE_ID.fullmatch(to_external_image_id([name, name, name]))


@given(NAMES, NAMES)
def test_two_names_are_never_one_id(one, other):
    assert (to_user_id(one) == to_user_id(other)) == (one == other)


@given(st.lists(NAMES, min_size=1, max_size=3), st.lists(NAMES, min_size=1, max_size=3))
def test_two_paths_are_never_one_id(one, other):
    """Not by their names, and not by where one part ends and the next begins."""
    assert (to_external_image_id(one) == to_external_image_id(other)) == (one == other)


def test_names_that_look_alike_stay_apart():
    alike = ["Ann Lee", "Ann_Lee", "Ann  Lee", "Änn Lee", "Ann:Lee", "ann lee"]
    assert len({to_user_id(name) for name in alike}) == len(alike)
