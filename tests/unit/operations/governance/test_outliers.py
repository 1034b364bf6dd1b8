from __future__ import annotations

import pytest

from countenance.errors import InvalidPaginationTokenException, ResourceNotFoundException
from fakes.vision import person, picture


@pytest.fixture
def user(call, collection):
    """Enrol faces and give them to a user: of each, who is in the picture."""

    def make(user_id, *who, likeness=1.0):
        call("CreateUser", CollectionId=collection, UserId=user_id)
        faces = []
        for place, name in enumerate(who):
            answer = call(
                "IndexFaces",
                CollectionId=collection,
                Image={"Bytes": picture(person(name, likeness=likeness), note=f"{user_id}-{place}")},
            )
            faces.append(answer["FaceRecords"][0]["Face"]["FaceId"])
        call("AssociateFaces", CollectionId=collection, UserId=user_id, FaceIds=faces, UserMatchThreshold=0)
        return faces

    return make


def listed(call, collection, **more):
    return call("ListOutliers", CollectionId=collection, **more)


def test_a_stranger_among_the_faces_of_a_user_is_told(call, collection, user):
    faces = user("ada", "ada", "ada", "eve", "ada")
    user("bob", "bob", "bob")
    answer = listed(call, collection)
    assert [each["FaceId"] for each in answer["Outliers"]][:1] == [faces[2]]
    assert answer["Outliers"][0]["UserId"] == "ada"
    assert answer["Outliers"][0]["FacesOfUser"] == 4
    assert answer["Outliers"][0]["Similarity"] < 80
    assert answer["UsersLookedAt"] == 2
    assert "NextToken" not in answer
    assert {each["UserId"] for each in answer["Outliers"]} == {"ada"}


def test_a_similarity_that_no_comparison_under_the_purpose_would_tell_is_not_told(
    client_of, account, user, call, collection
):
    """Or any two faces, put under one user, would be compared at any threshold."""
    user("ada", "ada", "eve")
    strict = client_of(account, purpose="access-control")
    told = strict("ListOutliers", CollectionId=collection, SimilarityThreshold=99.0)["Outliers"]
    assert len(told) == 2
    assert not any("Similarity" in each for each in told)


def test_it_looks_for_nobody_and_counts_as_no_search(call, collection, user, monkeypatch):
    """Reconciliation compares the searches that ran with those on record."""
    user("ada", "ada", "eve")
    counted = []
    monkeypatch.setattr(call.gallery._residency, "_activity", Counts(counted))
    listed(call, collection)
    assert counted == []


class Counts:
    """Where searches are counted."""

    def __init__(self, counted):
        self.searched = lambda: counted.append(1)


def test_one_user_may_be_asked_for(call, collection, user):
    user("ada", "ada", "eve")
    user("bob", "bob", "eve")
    answer = listed(call, collection, UserId="bob")
    assert {each["UserId"] for each in answer["Outliers"]} == {"bob"}
    assert len(answer["Outliers"]) == 2
    with pytest.raises(ResourceNotFoundException):
        listed(call, collection, UserId="nobody")


def test_a_threshold_of_nothing_tells_nothing(call, collection, user):
    user("ada", "ada", "eve")
    assert listed(call, collection, SimilarityThreshold=0.0)["Outliers"] == []


def test_pages_tell_what_one_answer_tells(call, collection, user):
    for name in ("ada", "bob", "cleo", "dan"):
        user(name, name, "eve")
    whole, told, token = listed(call, collection)["Outliers"], [], None
    for _ in range(10):
        answer = listed(call, collection, MaxResults=1, **({"NextToken": token} if token else {}))
        told += answer["Outliers"]
        token = answer.get("NextToken")
        if token is None:
            break
    assert told == whole
    assert len(told) == 8


def test_a_token_is_of_one_question(call, collection, user):
    user("ada", "ada", "eve")
    user("bob", "bob", "eve")
    token = listed(call, collection, MaxResults=1)["NextToken"]
    for more in ({"SimilarityThreshold": 99.0}, {"UserId": "ada"}):
        with pytest.raises(InvalidPaginationTokenException):
            listed(call, collection, NextToken=token, **more)
    with pytest.raises(InvalidPaginationTokenException):
        listed(call, collection, NextToken="x" * 20)


def test_a_collection_of_nobody_and_of_another_account(call, other_call, collection):
    assert listed(call, collection)["Outliers"] == []
    with pytest.raises(ResourceNotFoundException):
        listed(other_call, collection)
