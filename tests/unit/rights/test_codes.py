from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.errors import InvalidParameterException
from countenance.rights.codes import ALPHABET, CHECKS, DRAWN, draw_code, parse_code

PLACES = st.integers(0, DRAWN + CHECKS - 1)


def test_a_code_is_long_unlike_any_other_and_read_back():
    """110 bits: nobody who has all day guesses one."""
    codes = {parse_code(draw_code()) for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {24}
    assert len(ALPHABET) ** DRAWN > 2**100
    assert not set("ILOU") & set("".join(codes))


def test_what_people_do_to_codes_is_forgiven():
    """They are copied by hand from paper."""
    code = draw_code()
    said = code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert parse_code(f" {said}\n") == code.replace("-", "")


@given(place=PLACES, other=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(place, other):
    """It is told as mistyped and takes none of the few tries that somebody has."""
    code = parse_code(draw_code())
    wrong = code[:place] + other + code[place + 1 :]
    if wrong != code:
        with pytest.raises(InvalidParameterException, match="mistyped"):
            parse_code(wrong)


@given(place=st.integers(0, DRAWN - 2))
def test_two_that_changed_places_are_noticed(place):
    code = parse_code(draw_code())
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if swapped != code:
        with pytest.raises(InvalidParameterException, match="mistyped"):
            parse_code(swapped)


@given(st.text(max_size=64))
def test_nonsense_is_mistyped_and_never_an_error_of_ours(text):
    """Whatever a form on a public page is sent."""
    with pytest.raises(InvalidParameterException):
        parse_code(text)
