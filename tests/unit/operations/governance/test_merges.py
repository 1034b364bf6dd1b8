"""MergeUsers, UndoMerge, ListMerges: what is told, and what is told to nobody."""

from __future__ import annotations

import uuid

import pytest

from countenance.errors import ConflictException, ResourceNotFoundException
from fakes.vision import person, picture


@pytest.fixture
def user(call, collection):
    """Enrol faces and give them to a user: of each, who is in the picture."""

    def make(user_id, *who):
        call("CreateUser", CollectionId=collection, UserId=user_id)
        faces = []
        for place, name in enumerate(who):
            answer = call(
                "IndexFaces",
                CollectionId=collection,
                Image={"Bytes": picture(person(name, likeness=0.97), note=f"{user_id}-{place}")},
            )
            faces.append(answer["FaceRecords"][0]["Face"]["FaceId"])
        call("AssociateFaces", CollectionId=collection, UserId=user_id, FaceIds=faces, UserMatchThreshold=0)
        return faces

    return make


def merged(call, source, target, **more):
    return call("MergeUsers", CollectionId="friends", SourceUserId=source, TargetUserId=target, **more)


def ids(faces):
    return {each["FaceId"] for each in faces}


def test_a_dry_run_tells_what_it_would_be_of_and_changes_nothing(call, collection, user):
    ada, twice = user("ada", "ada", "ada"), user("ada-2", "ada")
    answer = merged(call, "ada-2", "ada", DryRun=True)
    compared = answer["Compared"]
    assert "MergeId" not in answer
    assert answer["AssociatedFaces"] == []
    assert (ids(compared["SourceFaces"]), ids(compared["TargetFaces"])) == (set(twice), set(ada))
    assert (compared["FacesTogether"], compared["MostFaces"], compared["Obstacles"]) == (3, 100, [])
    assert compared["Similarity"] > 75
    assert 0 <= compared["EstimatedFalseMatchRate"]["Rate"] < 1e-3
    assert compared["WeakestPair"]["SourceFaceId"] == twice[0]
    assert {each["UserId"] for each in call("ListUsers", CollectionId=collection)["Users"]} == {
        "ada",
        "ada-2",
    }


def test_merged_listed_and_undone(call, collection, user):
    user("ada", "ada", "ada")
    twice = user("ada-2", "ada")
    done = merged(call, "ada-2", "ada")
    assert ids(done["AssociatedFaces"]) == set(twice)
    [listed] = call("ListMerges", CollectionId=collection, UserId="ada-2")["Merges"]
    assert listed.items() >= {"MergeId": done["MergeId"], "Faces": 1, "MergedBy": "tester"}.items()
    assert listed["UndoUntil"] - listed["MergedAt"] == 30 * 24 * 3600
    back = call("UndoMerge", CollectionId=collection, MergeId=done["MergeId"])
    assert (back["SourceUserId"], back["FacesElsewhere"], back["FacesDeleted"]) == ("ada-2", [], 0)
    assert ids(back["AssociatedFaces"]) == set(twice)


def test_what_stands_against_it_is_told_and_enforced(call, user):
    faces, others = user("ada", "ada"), user("eve", "eve")
    call(
        "RejectMatch", CollectionId="friends", FaceId=others[0], RejectedFaceId=faces[0], Reason="two people"
    )
    compared = merged(call, "eve", "ada", DryRun=True)["Compared"]
    assert compared["Obstacles"] == ["LOW_SIMILARITY", "REJECTED"]
    assert [each["Reason"] for each in compared["Rejections"]] == ["two people"]
    with pytest.raises(ConflictException, match="less alike than `75`; 1 rejections say"):
        merged(call, "eve", "ada")


def test_a_similarity_under_the_purposes_minimum_is_not_told(client_of, account, user):
    """Or any two people, made users, would be compared at any threshold."""
    user("ada", "ada"), user("eve", "eve")
    strict = client_of(account, purpose="access-control")
    compared = merged(strict, "eve", "ada", DryRun=True, UserMatchThreshold=99.0)["Compared"]
    assert "Similarity" not in compared
    assert "EstimatedFalseMatchRate" not in compared
    assert "Similarity" not in compared["WeakestPair"]


def test_nothing_of_another_account(other_call, call, user):
    user("ada", "ada"), user("ada-2", "ada")
    merge_id = merged(call, "ada-2", "ada")["MergeId"]
    with pytest.raises(ResourceNotFoundException):
        merged(other_call, "ada-2", "ada")
    other_call("CreateCollection", CollectionId="friends")
    for unknown in (merge_id, str(uuid.uuid4())):
        with pytest.raises(ResourceNotFoundException):
            other_call("UndoMerge", CollectionId="friends", MergeId=unknown)
    assert other_call("ListMerges", CollectionId="friends")["Merges"] == []


def test_a_list_has_pages(call, collection, user):
    for name in ("a", "b", "c"):
        user(name, "ada")
    user("ada", "ada")
    for name in ("a", "b", "c"):
        merged(call, name, "ada")
    first = call("ListMerges", CollectionId=collection, MaxResults=2)
    rest = call("ListMerges", CollectionId=collection, NextToken=first["NextToken"])
    assert [each["SourceUserId"] for each in first["Merges"] + rest["Merges"]] == ["a", "b", "c"]
    assert "NextToken" not in rest
