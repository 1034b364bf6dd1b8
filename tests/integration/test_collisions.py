"""ReportCollisions through boto3, with real photos: one man under two names."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture
def ours(service):
    return service.client("countenance")


def test_one_man_under_two_names_is_found_and_a_stranger_is_not(ours, rekognition, collection, portraits):
    """What a report is for: somebody who was enrolled twice."""
    man = [path.read_bytes() for path in max(portraits.known.values(), key=len)]
    faces = {}
    for user, photo in (("he", man[0]), ("himself", man[1]), ("other", portraits.stranger.read_bytes())):
        [record] = rekognition.index_faces(
            CollectionId=collection, Image={"Bytes": photo}, MaxFaces=1, ExternalImageId=user
        )["FaceRecords"]
        faces[user] = record["Face"]["FaceId"]
        rekognition.create_user(CollectionId=collection, UserId=user)
        rekognition.associate_faces(CollectionId=collection, UserId=user, FaceIds=[faces[user]])
    told = ours.report_collisions(CollectionId=collection)
    [pair] = told["Collisions"]
    assert [(pair[name]["UserId"], pair[name]["FaceId"]) for name in ("First", "Second")] == [
        ("he", faces["he"]),
        ("himself", faces["himself"]),
    ]
    assert pair["Second"]["ExternalImageId"] == "himself"
    assert (told["People"], told["PeopleDone"], told["HasChanged"]) == (3, 3, False)
    [match] = rekognition.search_users(CollectionId=collection, UserId="he")["UserMatches"]
    assert pair["Similarity"] == pytest.approx(match["Similarity"], abs=0.011)


def test_what_is_not_there_and_what_is_no_token_is_refused(ours, collection, refusal):
    code, _, _ = refusal(ours.report_collisions, CollectionId="nobodys-at-all")
    assert code == "ResourceNotFoundException"
    code, _, _ = refusal(ours.report_collisions, CollectionId=collection, NextToken="0" * 40)
    assert code == "InvalidPaginationTokenException"
    assert ours.report_collisions(CollectionId=collection)["Collisions"] == []
