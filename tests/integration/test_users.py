"""Users through boto3: association, search, idempotency."""

from __future__ import annotations

import uuid

import pytest

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture
def enrolled(rekognition, collection, portraits):
    """Person → FaceIds, of everyone in the portraits."""
    return {
        name: [
            rekognition.index_faces(CollectionId=collection, Image={"Bytes": path.read_bytes()})[
                "FaceRecords"
            ][0]["Face"]["FaceId"]
            for path in paths
        ]
        for name, paths in portraits.known.items()
    }


@pytest.fixture
def known(enrolled):
    return max(enrolled.values(), key=len)


@pytest.fixture
def other(enrolled):
    return min(enrolled.values(), key=len)


def test_users_are_created_listed_and_deleted(rekognition, collection, refusal):
    """A second user of an id is a ConflictException, not ResourceAlreadyExists."""
    assert (
        rekognition.create_user(CollectionId=collection, UserId="ada")["ResponseMetadata"]["HTTPStatusCode"]
        == 200
    )
    assert refusal(rekognition.create_user, CollectionId=collection, UserId="ada")[0] == "ConflictException"
    assert rekognition.list_users(CollectionId=collection)["Users"] == [
        {"UserId": "ada", "UserStatus": "CREATED"}
    ]
    assert rekognition.describe_collection(CollectionId=collection)["UserCount"] == 1
    rekognition.delete_user(CollectionId=collection, UserId="ada")
    assert (
        refusal(rekognition.delete_user, CollectionId=collection, UserId="ada")[0]
        == "ResourceNotFoundException"
    )


def test_association_follows_the_documented_rules(rekognition, collection, known, other, refusal):
    """First faces unchecked, own faces skipped, others' and strangers' refused with reasons."""
    for user in ("u1", "u2"):
        rekognition.create_user(CollectionId=collection, UserId=user)
    first = rekognition.associate_faces(CollectionId=collection, UserId="u1", FaceIds=[known[0]])
    assert first["AssociatedFaces"] == [{"FaceId": known[0]}]
    assert first["UserStatus"] in {"ACTIVE", "UPDATING"}
    missing = str(uuid.uuid4())
    answer = rekognition.associate_faces(
        CollectionId=collection, UserId="u1", FaceIds=[known[0], known[1], other[0], missing]
    )
    assert answer["AssociatedFaces"] == [{"FaceId": known[1]}]
    refused = {face["FaceId"]: face for face in answer["UnsuccessfulFaceAssociations"]}
    assert refused[other[0]]["Reasons"] == ["LOW_MATCH_CONFIDENCE"]
    assert 0 <= refused[other[0]]["Confidence"] < 75
    assert "UserId" not in refused[other[0]]
    assert refused[missing]["Reasons"] == ["FACE_NOT_FOUND"]
    assert known[0] not in refused
    taken = rekognition.associate_faces(CollectionId=collection, UserId="u2", FaceIds=[known[0]])
    assert taken["AssociatedFaces"] == []
    assert taken["UnsuccessfulFaceAssociations"] == [
        {"FaceId": known[0], "UserId": "u1", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]}
    ]
    code, _, _ = refusal(
        rekognition.associate_faces, CollectionId=collection, UserId="no", FaceIds=[known[0]]
    )
    assert code == "ResourceNotFoundException"
    of_user = rekognition.list_faces(CollectionId=collection, UserId="u1")["Faces"]
    assert {face["FaceId"] for face in of_user} == set(known[:2])
    assert {face["UserId"] for face in of_user} == {"u1"}


def test_disassociation_returns_the_user_to_created(rekognition, collection, known):
    """Faces that are not associated at all are skipped in silence."""
    rekognition.create_user(CollectionId=collection, UserId="u1")
    rekognition.associate_faces(CollectionId=collection, UserId="u1", FaceIds=[known[0]])
    missing = str(uuid.uuid4())
    answer = rekognition.disassociate_faces(
        CollectionId=collection, UserId="u1", FaceIds=[known[0], known[1], missing]
    )
    assert answer["DisassociatedFaces"] == [{"FaceId": known[0]}]
    assert [(f["FaceId"], f["Reasons"]) for f in answer["UnsuccessfulFaceDisassociations"]] == [
        (missing, ["FACE_NOT_FOUND"])
    ]
    assert rekognition.list_users(CollectionId=collection)["Users"] == [
        {"UserId": "u1", "UserStatus": "CREATED"}
    ]


def test_users_are_found_by_face_user_and_image(rekognition, collection, known, other, portraits, refusal):
    """A searched user is not its own match; a stranger matches nobody."""
    for user, faces in (("known", known[:2]), ("other", other)):
        rekognition.create_user(CollectionId=collection, UserId=user)
        rekognition.associate_faces(CollectionId=collection, UserId=user, FaceIds=faces)
    by_face = rekognition.search_users(CollectionId=collection, FaceId=known[2])
    assert [match["User"]["UserId"] for match in by_face["UserMatches"]] == ["known"]
    assert by_face["UserMatches"][0]["User"]["UserStatus"] == "ACTIVE"
    assert by_face["SearchedFace"] == {"FaceId": known[2]}
    by_user = rekognition.search_users(CollectionId=collection, UserId="known", UserMatchThreshold=0)
    assert [match["User"]["UserId"] for match in by_user["UserMatches"]] == ["other"]
    assert by_user["SearchedUser"] == {"UserId": "known"}

    person = max(portraits.known, key=lambda name: len(portraits.known[name]))
    by_image = rekognition.search_users_by_image(
        CollectionId=collection, Image={"Bytes": portraits.known[person][2].read_bytes()}
    )
    assert [match["User"]["UserId"] for match in by_image["UserMatches"]] == ["known"]
    assert by_image["SearchedFace"]["FaceDetail"]["BoundingBox"]
    assert by_image["UnsearchedFaces"] == []
    nobody = rekognition.search_users_by_image(
        CollectionId=collection, Image={"Bytes": portraits.stranger.read_bytes()}
    )
    assert nobody["UserMatches"] == []
    for wrong in ({}, {"UserId": "known", "FaceId": known[0]}):
        assert (
            refusal(rekognition.search_users, CollectionId=collection, **wrong)[0]
            == "InvalidParameterException"
        )
    assert (
        refusal(rekognition.search_users, CollectionId=collection, UserId="nobody")[0]
        == "ResourceNotFoundException"
    )


def test_a_token_makes_a_call_happen_once(rekognition, collection, refusal):
    """Same token and input: same answer, no second effect. Changed input: refused."""
    token = str(uuid.uuid4())
    for _ in range(2):
        rekognition.create_user(CollectionId=collection, UserId="once", ClientRequestToken=token)
    code, _, _ = refusal(
        rekognition.create_user, CollectionId=collection, UserId="twice", ClientRequestToken=token
    )
    assert code == "IdempotentParameterMismatchException"
    assert [user["UserId"] for user in rekognition.list_users(CollectionId=collection)["Users"]] == ["once"]
