from __future__ import annotations

import pytest

from countenance.errors import (
    ConflictException,
    InvalidPaginationTokenException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from fakes.vision import person, picture

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def ada(call, collection):
    """A user without faces."""
    call("CreateUser", CollectionId=collection, UserId="ada")
    return "ada"


@pytest.fixture
def associate(call, collection):
    def associate(user_id, *face_ids, **options):
        return call(
            "AssociateFaces", CollectionId=collection, UserId=user_id, FaceIds=list(face_ids), **options
        )

    return associate


@pytest.fixture
def disassociate(call, collection):
    def disassociate(user_id, *face_ids):
        return call("DisassociateFaces", CollectionId=collection, UserId=user_id, FaceIds=list(face_ids))

    return disassociate


def test_a_user_is_created_once(call, collection):
    """A second time is a conflict, not ResourceAlreadyExistsException."""
    assert call("CreateUser", CollectionId=collection, UserId="ada") == {}
    with pytest.raises(ConflictException):
        call("CreateUser", CollectionId=collection, UserId="ada")


def test_a_new_user_is_created_and_one_with_faces_is_active(call, collection, ada, index, associate):
    assert call("ListUsers", CollectionId=collection) == {
        "Users": [{"UserId": "ada", "UserStatus": "CREATED"}]
    }
    assert associate(ada, *index(picture(person("ada"))))["UserStatus"] == "ACTIVE"
    assert call("ListUsers", CollectionId=collection)["Users"][0]["UserStatus"] == "ACTIVE"


def test_users_have_pages_by_id(call, collection):
    for user_id in ("c", "a", "b:1"):
        call("CreateUser", CollectionId=collection, UserId=user_id)
    first = call("ListUsers", CollectionId=collection, MaxResults=2)
    assert [user["UserId"] for user in first["Users"]] == ["a", "b:1"]
    second = call("ListUsers", CollectionId=collection, NextToken=first["NextToken"])
    assert second == {"Users": [{"UserId": "c", "UserStatus": "CREATED"}]}
    call("CreateCollection", CollectionId="other")
    with pytest.raises(InvalidPaginationTokenException):
        call("ListUsers", CollectionId="other", NextToken=first["NextToken"])


def test_deleting_a_user_leaves_its_faces(call, collection, ada, index, associate):
    [face] = index(picture(person("ada")))
    associate(ada, face)
    assert call("DeleteUser", CollectionId=collection, UserId=ada) == {}
    [listed] = call("ListFaces", CollectionId=collection)["Faces"]
    assert listed["FaceId"] == face
    assert "UserId" not in listed
    with pytest.raises(ResourceNotFoundException):
        call("DeleteUser", CollectionId=collection, UserId=ada)


def test_the_first_faces_of_a_user_are_not_checked(ada, index, associate):
    """There is nothing to compare them with."""
    faces = index(picture(person("ada"))) + index(picture(person("bob")))
    answer = associate(ada, *faces)
    assert answer == {
        "AssociatedFaces": [{"FaceId": face} for face in faces],
        "UnsuccessfulFaceAssociations": [],
        "UserStatus": "ACTIVE",
    }


def test_a_face_unlike_the_users_is_refused_with_its_similarity(ada, index, associate):
    associate(ada, *index(picture(person("ada"))))
    [face] = index(picture(person("bob")))
    answer = associate(ada, face)
    [refused] = answer["UnsuccessfulFaceAssociations"]
    assert refused.pop("Confidence") < 75
    assert refused == {"FaceId": face, "Reasons": ["LOW_MATCH_CONFIDENCE"]}
    assert answer["AssociatedFaces"] == []
    assert answer["UserStatus"] == "ACTIVE"


def test_the_threshold_of_association_is_75_by_default(call, collection, ada, index, associate):
    """Every other threshold's default is 80: this face is similar enough to associate, not to find."""
    [first] = index(picture(person("ada")))
    associate(ada, first)
    [face] = index(picture(person("ada", likeness=0.485)))
    assert associate(ada, face)["AssociatedFaces"] == [{"FaceId": face}]
    assert call("SearchFaces", CollectionId=collection, FaceId=first)["FaceMatches"] == []


def test_the_threshold_of_association_is_inclusive(ada, index, associate):
    associate(ada, *index(picture(person("ada"))))
    [face] = index(picture(person("bob")))
    confidence = associate(ada, face)["UnsuccessfulFaceAssociations"][0]["Confidence"]
    assert associate(ada, face, UserMatchThreshold=confidence + 0.005)["AssociatedFaces"] == []
    assert associate(ada, face, UserMatchThreshold=confidence)["AssociatedFaces"] == [{"FaceId": face}]


def test_a_face_of_this_user_is_skipped_and_one_of_another_is_refused(
    call, collection, ada, index, associate
):
    call("CreateUser", CollectionId=collection, UserId="bob")
    [mine], [bobs] = index(picture(person("ada"))), index(picture(person("bob")))
    associate(ada, mine)
    associate("bob", bobs)
    assert associate(ada, mine, bobs, NOBODY) == {
        "AssociatedFaces": [],
        "UnsuccessfulFaceAssociations": [
            {"FaceId": bobs, "UserId": "bob", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]},
            {"FaceId": NOBODY, "Reasons": ["FACE_NOT_FOUND"]},
        ],
        "UserStatus": "ACTIVE",
    }


def test_disassociation_tells_what_it_left_and_returns_an_empty_user_to_created(
    call, collection, ada, index, associate, disassociate
):
    call("CreateUser", CollectionId=collection, UserId="bob")
    [mine], [bobs], [loose] = (index(picture(person(who))) for who in ("ada", "bob", "eve"))
    associate(ada, mine)
    associate("bob", bobs)
    assert disassociate(ada, mine, bobs, loose, NOBODY) == {
        "DisassociatedFaces": [{"FaceId": mine}],
        "UnsuccessfulFaceDisassociations": [
            {"FaceId": bobs, "UserId": "bob", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]},
            {"FaceId": NOBODY, "Reasons": ["FACE_NOT_FOUND"]},
        ],
        "UserStatus": "CREATED",
    }


def test_a_user_has_100_faces_at_most(call, collection, ada, index, associate):
    hundred = index(
        picture(*(person("ada", left=10 * n, size=60) for n in range(100)), width=2000),
        QualityFilter="NONE",
    )
    assert len(associate(ada, *hundred)["AssociatedFaces"]) == 100
    with pytest.raises(ServiceQuotaExceededException):
        associate(ada, *index(picture(person("ada"))))


@pytest.mark.parametrize("operation", ["AssociateFaces", "DisassociateFaces"])
def test_an_unknown_user_or_collection_is_not_found(call, collection, operation):
    for name in (collection, "nobody"):
        with pytest.raises(ResourceNotFoundException):
            call(operation, CollectionId=name, UserId="eve", FaceIds=[NOBODY])


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("CreateUser", {"UserId": "ada"}),
        ("DeleteUser", {"UserId": "ada"}),
        ("ListUsers", {}),
        ("AssociateFaces", {"UserId": "ada", "FaceIds": [NOBODY]}),
        ("DisassociateFaces", {"UserId": "ada", "FaceIds": [NOBODY]}),
    ],
)
def test_another_account_finds_no_collection_of_that_name(other_call, ada, collection, operation, more):
    with pytest.raises(ResourceNotFoundException, match="The collection id: friends does not exist"):
        other_call(operation, CollectionId=collection, **more)
