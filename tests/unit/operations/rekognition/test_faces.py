from __future__ import annotations

import uuid

import pytest

from countenance.errors import (
    InvalidImageFormatException,
    InvalidPaginationTokenException,
    ResourceNotFoundException,
)
from fakes.vision import person, picture

NOBODY = "00000000-0000-4000-8000-000000000000"
TRIO = picture(
    person("ada", left=0, size=100), person("bob", left=200, size=300), person("eve", left=600, size=200)
)


def index_faces(call, data, **options):
    return call("IndexFaces", CollectionId="friends", Image={"Bytes": data}, **options)


def widths(faces):
    return [round(face["BoundingBox"]["Width"] * 1000) for face in faces]


def test_records_are_sorted_by_box_area_largest_first(call, collection):
    answer = index_faces(call, TRIO)
    assert widths(record["Face"] for record in answer["FaceRecords"]) == [300, 200, 100]
    assert answer["UnindexedFaces"] == []
    assert answer["FaceModelVersion"] == "1.0"


def test_no_face_is_an_answer_and_not_an_error(call, collection):
    """CompareFaces and SearchFacesByImage differ here."""
    assert index_faces(call, picture()) == {
        "FaceRecords": [],
        "FaceModelVersion": "1.0",
        "UnindexedFaces": [],
    }


def test_a_record_has_the_members_of_aws_and_no_others(call, collection):
    """AWS leaves IndexFacesModelVersion and UserId out of this answer, though the shape has them."""
    record = index_faces(call, picture(person("ada")))["FaceRecords"][0]
    assert set(record["Face"]) == {"FaceId", "BoundingBox", "ImageId", "Confidence"}
    assert set(record["FaceDetail"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    labelled = index_faces(call, picture(person("bob")), ExternalImageId="b:1")["FaceRecords"][0]
    assert labelled["Face"]["ExternalImageId"] == "b:1"


def test_ids_are_a_random_face_id_and_a_name_based_image_id(call, collection):
    face = index_faces(call, TRIO)["FaceRecords"][0]["Face"]
    assert uuid.UUID(face["FaceId"]).version == 4
    assert uuid.UUID(face["ImageId"]).version == 3


def test_the_same_picture_again_makes_no_duplicate(call, collection):
    first, again = index_faces(call, TRIO), index_faces(call, TRIO)
    ids = [[record["Face"]["FaceId"] for record in answer["FaceRecords"]] for answer in (first, again)]
    assert ids[0] == ids[1]
    assert call("DescribeCollection", CollectionId=collection)["FaceCount"] == 3


def test_the_same_picture_with_another_external_id_is_stored_beside(call, collection):
    for external in ("a", "b"):
        index_faces(call, TRIO, ExternalImageId=external)
    assert call("DescribeCollection", CollectionId=collection)["FaceCount"] == 6


def test_after_deletion_the_picture_has_its_image_id_and_a_new_face_id(call, collection):
    first = index_faces(call, picture(person("ada")))["FaceRecords"][0]["Face"]
    call("DeleteFaces", CollectionId=collection, FaceIds=[first["FaceId"]])
    again = index_faces(call, picture(person("ada")))["FaceRecords"][0]["Face"]
    assert again["ImageId"] == first["ImageId"]
    assert again["FaceId"] != first["FaceId"]


def test_another_file_of_the_same_faces_has_another_image_id(call, collection):
    ids = {
        index_faces(call, picture(person("ada"), note=note))["FaceRecords"][0]["Face"]["ImageId"]
        for note in ("", "x")
    }
    assert len(ids) == 2


def test_max_faces_keeps_the_largest_of_equal_quality(call, collection):
    answer = index_faces(call, TRIO, MaxFaces=2)
    assert widths(record["Face"] for record in answer["FaceRecords"]) == [300, 200]
    assert [unindexed["Reasons"] for unindexed in answer["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]]
    assert widths(unindexed["FaceDetail"] for unindexed in answer["UnindexedFaces"]) == [100]


def test_max_faces_drops_low_quality_before_small_boxes(call, collection):
    blurred = person("eve", left=600, size=300, sharpness=5.0)
    answer = index_faces(call, picture(person("ada", size=150), blurred), MaxFaces=1, QualityFilter="NONE")
    assert widths(record["Face"] for record in answer["FaceRecords"]) == [150]
    assert answer["UnindexedFaces"][0]["Reasons"] == ["EXCEEDS_MAX_FACES"]


def test_max_faces_may_be_larger_than_the_number_of_faces(call, collection):
    assert len(index_faces(call, TRIO, MaxFaces=2**31 - 1)["FaceRecords"]) == 3


def test_the_quality_filter_is_on_by_default_and_says_why(call, collection):
    """AUTO here; every other operation has NONE."""
    dark_profile = person("eve", left=600, yaw=80.0, brightness=2.0)
    answer = index_faces(call, picture(person("ada"), dark_profile))
    assert len(answer["FaceRecords"]) == 1
    [unindexed] = answer["UnindexedFaces"]
    assert {"EXTREME_POSE", "LOW_BRIGHTNESS"} <= set(unindexed["Reasons"])
    assert set(unindexed["FaceDetail"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    everyone = index_faces(call, picture(person("ada"), dark_profile, note="2"), QualityFilter="NONE")
    assert len(everyone["FaceRecords"]) == 2


def test_a_filtered_face_does_not_count_towards_max_faces(call, collection):
    dark = person("eve", left=600, size=300, brightness=1.0)
    answer = index_faces(call, picture(dark, person("ada"), person("bob", left=400)), MaxFaces=2)
    assert len(answer["FaceRecords"]) == 2
    assert "EXCEEDS_MAX_FACES" not in answer["UnindexedFaces"][0]["Reasons"]


def test_boxes_outside_the_picture_are_not_clipped(call, collection):
    face = index_faces(call, picture(person("ada", left=-20, top=700)))["FaceRecords"][0]["Face"]
    assert face["BoundingBox"]["Left"] < 0
    assert face["BoundingBox"]["Top"] + face["BoundingBox"]["Height"] > 1


def test_a_broken_picture_stores_nothing(call, collection):
    with pytest.raises(InvalidImageFormatException):
        index_faces(call, b"GIF89a")
    assert call("DescribeCollection", CollectionId=collection)["FaceCount"] == 0


def test_a_missing_collection_is_told_before_the_picture_is_looked_at(call):
    with pytest.raises(ResourceNotFoundException):
        call("IndexFaces", CollectionId="nobody", Image={"Bytes": b"GIF89a"})


def test_a_collection_keeps_the_pack_it_was_made_with(call, collection, models):
    """Templates of two packs cannot be compared, so an upgrade is for new collections only."""
    models.upgrade()
    assert index_faces(call, TRIO)["FaceModelVersion"] == "1.0"
    call("CreateCollection", CollectionId="newer")
    newer = call("IndexFaces", CollectionId="newer", Image={"Bytes": TRIO})
    assert newer["FaceModelVersion"] == "2.0"


def test_listed_faces_have_their_model_version_and_rounded_values(call, collection):
    third = picture(
        person("ada", left=1, top=1, size=100, confidence=99.99736785888672), width=300, height=300
    )
    indexed = index_faces(call, third, ExternalImageId="x")["FaceRecords"][0]["Face"]
    answer = call("ListFaces", CollectionId=collection)
    assert set(answer) == {"Faces", "FaceModelVersion"}
    [face] = answer["Faces"]
    assert set(face) == set(indexed) | {"IndexFacesModelVersion"}
    assert face["BoundingBox"]["Left"] == pytest.approx(0.003333, abs=1e-9)
    assert indexed["BoundingBox"]["Left"] == pytest.approx(1 / 300, rel=1e-6)
    assert face["Confidence"] == 99.99739837646484
    assert indexed["Confidence"] == 99.99736785888672


def test_faces_of_a_user_say_so_and_can_be_listed_alone(call, collection, index):
    ada, *_ = index(picture(person("ada"), person("bob", left=500, size=100)))
    call("CreateUser", CollectionId=collection, UserId="ada")
    call("AssociateFaces", CollectionId=collection, UserId="ada", FaceIds=[ada])
    [face] = call("ListFaces", CollectionId=collection, UserId="ada")["Faces"]
    assert (face["FaceId"], face["UserId"]) == (ada, "ada")
    others = [face for face in call("ListFaces", CollectionId=collection)["Faces"] if "UserId" not in face]
    assert len(others) == 1


def test_some_ids_can_be_listed_and_unknown_ones_are_left_out(call, collection, index):
    _, second, _ = index(TRIO)
    answer = call("ListFaces", CollectionId=collection, FaceIds=[second, NOBODY])
    assert [face["FaceId"] for face in answer["Faces"]] == [second]


def test_pages_hold_every_face_once(call, collection, index):
    ids = set(index(TRIO))
    seen, token = [], ""
    for _ in range(3):
        page = call("ListFaces", CollectionId=collection, MaxResults=1, NextToken=token)
        seen += [face["FaceId"] for face in page["Faces"]]
        token = page.get("NextToken")
    assert token is None
    assert sorted(seen) == sorted(ids)


def test_a_token_holds_for_its_own_collection_and_filter(call, collection, index):
    index(TRIO)
    token = call("ListFaces", CollectionId=collection, MaxResults=1)["NextToken"]
    call("CreateCollection", CollectionId="other")
    with pytest.raises(InvalidPaginationTokenException):
        call("ListFaces", CollectionId="other", NextToken=token)
    with pytest.raises(InvalidPaginationTokenException):
        call("ListFaces", CollectionId=collection, UserId="ada", NextToken=token)


def test_a_token_of_a_deleted_collection_is_not_one_of_its_namesake(call, collection, index):
    index(TRIO)
    token = call("ListFaces", CollectionId=collection, MaxResults=1)["NextToken"]
    call("DeleteCollection", CollectionId=collection)
    call("CreateCollection", CollectionId=collection)
    with pytest.raises(InvalidPaginationTokenException):
        call("ListFaces", CollectionId=collection, NextToken=token)


def test_deletion_tells_what_was_deleted_and_what_was_not(call, collection, index):
    """Partial success is a success, and both lists are always there."""
    ada, bob, _ = index(TRIO)
    call("CreateUser", CollectionId=collection, UserId="ada")
    call("AssociateFaces", CollectionId=collection, UserId="ada", FaceIds=[ada])
    answer = call("DeleteFaces", CollectionId=collection, FaceIds=[ada, bob, NOBODY])
    assert answer == {
        "DeletedFaces": [bob],
        "UnsuccessfulFaceDeletions": [
            {"FaceId": ada, "UserId": "ada", "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]},
            {"FaceId": NOBODY, "Reasons": ["FACE_NOT_FOUND"]},
        ],
    }
    assert call("DescribeCollection", CollectionId=collection)["FaceCount"] == 2


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("IndexFaces", {"Image": {"Bytes": TRIO}}),
        ("ListFaces", {}),
        ("DeleteFaces", {"FaceIds": [NOBODY]}),
    ],
)
def test_another_account_finds_no_collection_of_that_name(other_call, collection, operation, more):
    with pytest.raises(ResourceNotFoundException):
        other_call(operation, CollectionId=collection, **more)
