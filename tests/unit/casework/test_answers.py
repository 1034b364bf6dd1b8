"""Whom an answer names, and what is left of it once people have decided."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.casework.answers import REVIEWED, candidates_of, face_id_of, released
from countenance.policy.groups import GROUPS


def match(name: str, similarity: float = 99.0) -> dict:
    return {"Face": {"FaceId": name}, "Similarity": similarity}


def candidate(name: str, decision: str = "MATCH") -> dict:
    return match(name) | {"Decision": decision}


SEARCH = {"SearchedFaceConfidence": 99.0, "FaceMatches": [match("a"), match("b"), match("c")]}
IDENTIFY = {"Decision": "MATCH", "Candidates": [candidate("a"), candidate("b", "REVIEW")]}
COMPARE = {
    "FaceMatches": [{"Face": {"BoundingBox": {"Left": 0.1}}, "Similarity": 99.0}],
    "UnmatchedFaces": [{"BoundingBox": {"Left": 0.5}}],
}
VERIFY = {
    "Decision": "REVIEW",
    "Similarity": 91.0,
    "EstimatedFalseMatchRate": 1e-5,
    "ReviewReasons": ["LOW_SHARPNESS"],
    "ThresholdInForce": {"Similarity": 90.0},
}
OF = {
    "SearchFaces": SEARCH,
    "SearchFacesByImage": SEARCH,
    "IdentifyFace": IDENTIFY,
    "CompareFaces": COMPARE,
    "VerifyFaces": VERIFY,
}


def test_every_operation_that_is_held_has_an_answer_here_and_compares_faces():
    assert OF.keys() == REVIEWED
    assert {*GROUPS["search"], *GROUPS["compare"]} >= REVIEWED


@pytest.mark.parametrize("operation", sorted(REVIEWED))
def test_with_nobody_supported_nothing_of_a_match_is_left(operation):
    """A similarity, a rate or a reason of somebody who was not supported would be a match by halves."""
    answer = OF[operation]
    told = released(operation, answer, [False] * len(candidates_of(operation, answer)))
    assert candidates_of(operation, told) == []
    for word in ("Similarity': 99", "Similarity': 91", "EstimatedFalseMatchRate", "LOW_SHARPNESS"):
        assert word not in str(told)
    assert told.get("Decision", "NO_MATCH") == "NO_MATCH"


@pytest.mark.parametrize("operation", sorted(REVIEWED))
def test_with_everybody_supported_the_answer_is_the_operations_own(operation):
    answer = OF[operation]
    assert released(operation, answer, [True] * len(candidates_of(operation, answer))) == answer


@pytest.mark.parametrize("operation", sorted(REVIEWED))
def test_the_answer_that_is_kept_is_not_changed_by_what_is_released_of_it(operation):
    before = copy.deepcopy(OF[operation])
    released(operation, OF[operation], [False] * len(candidates_of(operation, OF[operation])))
    assert OF[operation] == before


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_who_is_left_is_who_was_supported_in_the_order_of_the_answer(supported):
    told = released("SearchFacesByImage", SEARCH, supported)
    assert [face_id_of(each) for each in told["FaceMatches"]] == [
        name for name, kept in zip("abc", supported, strict=True) if kept
    ]


def test_the_decision_is_that_of_the_best_who_is_left():
    """IdentifyFace decides by its first candidate: without that one, by the next."""
    assert released("IdentifyFace", IDENTIFY, [False, True])["Decision"] == "REVIEW"


def test_a_compared_face_that_was_not_supported_is_one_without_a_match():
    """CompareFaces accounts for every face of the target: none may vanish."""
    told = released("CompareFaces", COMPARE, [False])
    assert {face["BoundingBox"]["Left"] for face in told["UnmatchedFaces"]} == {0.1, 0.5}


@pytest.mark.parametrize("supported", [[], [True], [True] * 4])
def test_verdicts_of_another_number_of_candidates_release_nothing(supported):
    """A shift by one would release somebody else: it is an error, whatever went wrong before."""
    with pytest.raises(ValueError, match="zip"):
        released("SearchFaces", SEARCH, supported)


def test_no_match_names_nobody():
    assert candidates_of("VerifyFaces", VERIFY | {"Decision": "NO_MATCH"}) == []
    assert face_id_of(COMPARE["FaceMatches"][0]) is None
