"""ReportCollisions on a real database: who looks like whom, page by page."""

from __future__ import annotations

import pytest

from countenance.errors import InvalidPaginationTokenException, ResourceNotFoundException
from fakes.vision import person, picture


@pytest.fixture
def twins(call, collection, index):
    """Ada under two names, an ada without a name, and bob; the three adas' faces in order."""
    faces = [index(picture(person("ada"), note=note))[0] for note in "123"]
    index(picture(person("bob")))
    for user, face in zip(("one", "two"), faces, strict=False):
        call("CreateUser", CollectionId=collection, UserId=user)
        call("AssociateFaces", CollectionId=collection, UserId=user, FaceIds=[face])
    return faces


def pairs(answer):
    return [(each["First"]["FaceId"], each["Second"]["FaceId"]) for each in answer["Collisions"]]


def test_twins_are_told_of_once_and_a_stranger_is_not(call, collection, twins):
    answer = call("ReportCollisions", CollectionId=collection)
    one, two, loose = twins
    assert set(pairs(answer)) == {(one, two), (one, loose), (two, loose)}
    assert len(answer["Collisions"]) == 3
    named = {each["First"]["UserId"]: each["Second"].get("UserId") for each in answer["Collisions"]}
    assert named["two"] is None
    assert (answer["People"], answer["PeopleDone"], answer["HasChanged"]) == (4, 4, False)
    assert (answer["CollisionThreshold"], answer["FacesLeftOut"]) == (80.0, 0)
    assert "NextToken" not in answer


def test_faces_of_one_user_do_not_collide(call, collection, index):
    """They are to look alike."""
    faces = [index(picture(person("ada"), note=note))[0] for note in "12"]
    call("CreateUser", CollectionId=collection, UserId="ada")
    call("AssociateFaces", CollectionId=collection, UserId="ada", FaceIds=faces)
    answer = call("ReportCollisions", CollectionId=collection, SimilarityThreshold=0.0)
    assert (answer["Collisions"], answer["People"]) == ([], 1)


def test_an_empty_collection_has_none(call, collection):
    answer = call("ReportCollisions", CollectionId=collection)
    assert (answer["Collisions"], answer["People"], answer["PeopleDone"]) == ([], 0, 0)


def paged(call, collection, between=lambda: None):
    found, changed, token = [], [], {}
    while True:
        answer = call("ReportCollisions", CollectionId=collection, MaxResults=1, **token)
        found += pairs(answer)
        changed.append(answer["HasChanged"])
        if "NextToken" not in answer:
            return found, changed
        token = {"NextToken": answer["NextToken"]}
        between()


def test_pages_hold_each_pair_once(call, collection, twins):
    one, two, loose = twins
    found, changed = paged(call, collection)
    assert found == [(one, two), (one, loose), (two, loose)]
    assert not any(changed)


def test_a_report_over_a_collection_that_changes_says_so(call, collection, twins, index):
    """Its answers together are of no one state: whoever reads them has to know."""
    one, two, loose = twins
    found, changed = paged(
        call, collection, lambda: call("DeleteFaces", CollectionId=collection, FaceIds=[loose])
    )
    assert found == [(one, two)]
    assert changed == [False, True]


def test_a_token_is_good_for_the_same_report_alone(call, other_call, collection, twins):
    token = call("ReportCollisions", CollectionId=collection, MaxResults=1)["NextToken"]
    call("CreateCollection", CollectionId="second")
    other_call("CreateCollection", CollectionId=collection)
    for caller, request in (
        (call, {"NextToken": token[:-1] + ("A" if token[-1] != "A" else "B")}),
        (call, {"NextToken": "\u00e9"}),
        (call, {"NextToken": token, "SimilarityThreshold": 81.0}),
        (call, {"NextToken": token, "CollectionId": "second"}),
        (other_call, {"NextToken": token}),
    ):
        with pytest.raises(InvalidPaginationTokenException):
            caller("ReportCollisions", **({"CollectionId": collection} | request))


def test_another_accounts_collection_is_not_there(other_call, collection, twins):
    with pytest.raises(ResourceNotFoundException):
        other_call("ReportCollisions", CollectionId=collection)
