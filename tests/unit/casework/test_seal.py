"""Held searches at rest."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.casework.seal import KEY_PREFIX, BrokenReviewSeal, ReviewSeal, key_name

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
REVIEW, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
TOLD = {"answer": {"FaceMatches": [{"Similarity": 99.5}]}, "note": "ähnlich"}


def test_what_was_sealed_is_opened_in_its_place():
    seal = ReviewSeal(KEY, REVIEW)
    assert seal.unseal("held", seal.seal("held", TOLD)) == TOLD


@pytest.mark.parametrize(
    ("key", "review", "place"),
    [
        (OTHER_KEY, REVIEW, "held"),
        (KEY, OTHER, "held"),
        (KEY, REVIEW, "released"),
        (KEY, REVIEW, "verdicts/Erin"),
    ],
)
def test_it_opens_with_no_other_key_and_for_no_other_review_or_place(key, review, place):
    """Whoever may write to the database could else put one review's answer, or one examiner's verdicts, in
    another's place.
    """
    sealed = ReviewSeal(KEY, REVIEW).seal("held", TOLD)
    with pytest.raises(BrokenReviewSeal):
        ReviewSeal(key, review).unseal(place, sealed)


@given(st.data())
def test_whatever_bit_is_changed_it_does_not_open(data):
    sealed = bytearray(ReviewSeal(KEY, REVIEW).seal("held", TOLD))
    position = data.draw(st.integers(0, len(sealed) - 1))
    sealed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BrokenReviewSeal):
        ReviewSeal(KEY, REVIEW).unseal("held", bytes(sealed))


@given(st.integers(0, 200))
def test_a_part_of_it_does_not_open(length):
    """A torn write is damage, not an empty review."""
    sealed = ReviewSeal(KEY, REVIEW).seal("held", TOLD)
    with pytest.raises(BrokenReviewSeal):
        ReviewSeal(KEY, REVIEW).unseal("held", sealed[: min(length, len(sealed) - 1)])


def test_no_two_seals_of_one_thing_are_alike_and_none_shows_it():
    """Equal answers of two searches would else be seen to be equal."""
    seal = ReviewSeal(KEY, REVIEW)
    assert seal.seal("held", TOLD) != seal.seal("held", TOLD)
    assert b"FaceMatches" not in seal.seal("held", TOLD)


def test_what_does_not_open_is_told_by_the_review_alone():
    assert str(BrokenReviewSeal(REVIEW)) == f"the review `{REVIEW}` does not open"


def test_each_review_has_a_key_of_its_own_that_no_backup_takes():
    assert key_name(REVIEW) != key_name(OTHER)
    assert key_name(REVIEW).startswith(KEY_PREFIX)
