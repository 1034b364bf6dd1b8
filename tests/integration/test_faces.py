"""Faces, searches and comparisons through boto3, on real photos."""

from __future__ import annotations

import io
import uuid

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture(scope="module")
def known(portraits):
    """Photos of the person of whom there are several, as bytes."""
    name = max(portraits.known, key=lambda person: len(portraits.known[person]))
    return [path.read_bytes() for path in portraits.known[name]]


@pytest.fixture(scope="module")
def other(portraits):
    """A photo of somebody else."""
    name = min(portraits.known, key=lambda person: len(portraits.known[person]))
    return portraits.known[name][0].read_bytes()


@pytest.fixture(scope="module")
def stranger(portraits):
    return portraits.stranger.read_bytes()


@pytest.fixture(scope="module")
def faceless():
    """A picture of a gradient: nobody is in it."""
    ramp = np.tile(np.linspace(60, 200, 320, dtype=np.uint8), (240, 1))
    return _jpeg(Image.fromarray(ramp).convert("RGB"))


def _jpeg(picture):
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=92)
    return target.getvalue()


def _side_by_side(*photos):
    tiles = []
    for photo in photos:
        tile = Image.open(io.BytesIO(photo)).convert("RGB")
        tiles.append(tile.resize((max(80, round(tile.width * 400 / tile.height)), 400)))
    sheet = Image.new("RGB", (sum(tile.width for tile in tiles), 400))
    left = 0
    for tile in tiles:
        sheet.paste(tile, (left, 0))
        left += tile.width
    return _jpeg(sheet)


def test_a_person_is_found_and_a_stranger_is_not(rekognition, collection, known, other, stranger):
    """The main job."""
    enrolled = rekognition.index_faces(
        CollectionId=collection, Image={"Bytes": known[0]}, ExternalImageId="known"
    )
    rekognition.index_faces(CollectionId=collection, Image={"Bytes": other}, ExternalImageId="other")
    for photo in known[1:]:
        answer = rekognition.search_faces_by_image(CollectionId=collection, Image={"Bytes": photo})
        assert [match["Face"]["ExternalImageId"] for match in answer["FaceMatches"]] == ["known"]
        assert answer["FaceMatches"][0]["Similarity"] >= 80
        assert answer["FaceMatches"][0]["Face"]["FaceId"] == enrolled["FaceRecords"][0]["Face"]["FaceId"]
        assert answer["FaceModelVersion"] == enrolled["FaceModelVersion"]
        assert 0 < answer["SearchedFaceConfidence"] <= 100
    answer = rekognition.search_faces_by_image(CollectionId=collection, Image={"Bytes": stranger})
    assert answer["FaceMatches"] == []


def test_index_faces_answers_what_aws_answers(rekognition, collection, known):
    """Face here has neither IndexFacesModelVersion nor UserId; ListFaces has them."""
    answer = rekognition.index_faces(CollectionId=collection, Image={"Bytes": known[0]})
    assert answer["UnindexedFaces"] == []
    assert "OrientationCorrection" not in answer
    record = answer["FaceRecords"][0]
    assert set(record["Face"]) == {"FaceId", "BoundingBox", "ImageId", "Confidence"}
    assert set(record["FaceDetail"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert uuid.UUID(record["Face"]["FaceId"]).version == 4
    assert uuid.UUID(record["Face"]["ImageId"]).version == 3
    listed = rekognition.list_faces(CollectionId=collection)
    assert listed["Faces"][0]["IndexFacesModelVersion"] == answer["FaceModelVersion"]
    assert "UserId" not in listed["Faces"][0]
    assert listed["Faces"][0]["BoundingBox"]["Left"] == float(
        np.float32(round(record["Face"]["BoundingBox"]["Left"], 6))
    )


def test_indexing_the_same_photo_again_makes_no_duplicate(rekognition, collection, known):
    """The same image and ExternalImageId give the same face; another ExternalImageId a new one."""
    first = rekognition.index_faces(CollectionId=collection, Image={"Bytes": known[0]}, ExternalImageId="a")
    again = rekognition.index_faces(CollectionId=collection, Image={"Bytes": known[0]}, ExternalImageId="a")
    other_id = rekognition.index_faces(
        CollectionId=collection, Image={"Bytes": known[0]}, ExternalImageId="b"
    )
    face = [answer["FaceRecords"][0]["Face"] for answer in (first, again, other_id)]
    assert face[0]["FaceId"] == face[1]["FaceId"] != face[2]["FaceId"]
    assert face[0]["ImageId"] == face[1]["ImageId"] == face[2]["ImageId"]
    assert rekognition.describe_collection(CollectionId=collection)["FaceCount"] == 2


def test_no_face_is_empty_for_index_and_detect_and_an_error_for_search_and_compare(
    rekognition, collection, faceless, known, refusal
):
    """AWS treats the four differently, and clients rely on it."""
    answer = rekognition.index_faces(CollectionId=collection, Image={"Bytes": faceless})
    assert (answer["FaceRecords"], answer["UnindexedFaces"]) == ([], [])
    assert rekognition.detect_faces(Image={"Bytes": faceless})["FaceDetails"] == []
    code, message, status = refusal(
        rekognition.search_faces_by_image, CollectionId=collection, Image={"Bytes": faceless}
    )
    assert (code, status) == ("InvalidParameterException", 400)
    assert message == "There are no faces in the image. Should be at least 1."
    for source, target in ((faceless, known[0]), (known[0], faceless)):
        code, message, _ = refusal(
            rekognition.compare_faces, SourceImage={"Bytes": source}, TargetImage={"Bytes": target}
        )
        assert (code, message) == ("InvalidParameterException", "Request has invalid parameters")


def test_max_faces_drops_to_unindexed_with_its_reason(rekognition, collection, known, other, stranger):
    """What is dropped is told, with its FaceDetail."""
    group = _side_by_side(known[0], other, stranger)
    answer = rekognition.index_faces(CollectionId=collection, Image={"Bytes": group}, MaxFaces=1)
    assert len(answer["FaceRecords"]) == 1
    dropped = [face for face in answer["UnindexedFaces"] if "EXCEEDS_MAX_FACES" in face["Reasons"]]
    assert len(dropped) == len(answer["UnindexedFaces"]) == 2
    assert all(face["FaceDetail"]["BoundingBox"] for face in dropped)


def test_records_are_sorted_by_area(rekognition, collection, known, other, stranger):
    """Largest first, as documented."""
    group = _side_by_side(known[0], other, stranger)
    records = rekognition.index_faces(CollectionId=collection, Image={"Bytes": group})["FaceRecords"]
    areas = [r["Face"]["BoundingBox"]["Width"] * r["Face"]["BoundingBox"]["Height"] for r in records]
    assert len(areas) == 3
    assert areas == sorted(areas, reverse=True)


def test_search_faces_never_returns_the_face_itself(rekognition, collection, known, refusal):
    """And an unknown FaceId is InvalidParameterException, not ResourceNotFound."""
    ids = [
        rekognition.index_faces(CollectionId=collection, Image={"Bytes": photo})["FaceRecords"][0]["Face"][
            "FaceId"
        ]
        for photo in known
    ]
    answer = rekognition.search_faces(CollectionId=collection, FaceId=ids[0], FaceMatchThreshold=50)
    assert answer["SearchedFaceId"] == ids[0]
    assert {match["Face"]["FaceId"] for match in answer["FaceMatches"]} == set(ids[1:])
    similarities = [match["Similarity"] for match in answer["FaceMatches"]]
    assert similarities == sorted(similarities, reverse=True)
    code, message, _ = refusal(rekognition.search_faces, CollectionId=collection, FaceId=str(uuid.uuid4()))
    assert (code, message) == ("InvalidParameterException", "faceId was not found in the collection")


def test_the_threshold_is_inclusive_at_the_similarity_that_was_answered(rekognition, collection, known):
    """Asking again with the Similarity just seen as threshold must find the same face."""
    rekognition.index_faces(CollectionId=collection, Image={"Bytes": known[0]})
    seen = rekognition.search_faces_by_image(
        CollectionId=collection, Image={"Bytes": known[1]}, FaceMatchThreshold=0
    )["FaceMatches"][0]["Similarity"]
    again = rekognition.search_faces_by_image(
        CollectionId=collection, Image={"Bytes": known[1]}, FaceMatchThreshold=seen
    )
    assert [match["Similarity"] for match in again["FaceMatches"]] == [seen]
    if seen < 99.9:
        above = rekognition.search_faces_by_image(
            CollectionId=collection, Image={"Bytes": known[1]}, FaceMatchThreshold=seen + 0.02
        )
        assert above["FaceMatches"] == []


def test_compare_faces_puts_every_target_into_exactly_one_list(rekognition, known, other, stranger):
    """Threshold 0 puts all into FaceMatches."""
    target = _side_by_side(other, known[1], stranger)
    answer = rekognition.compare_faces(SourceImage={"Bytes": known[0]}, TargetImage={"Bytes": target})
    assert len(answer["FaceMatches"]) == 1
    assert len(answer["UnmatchedFaces"]) == 2
    face = answer["FaceMatches"][0]["Face"]
    assert [landmark["Type"] for landmark in face["Landmarks"]] == [
        "eyeLeft", "eyeRight", "mouthLeft", "mouthRight", "nose",
    ]  # fmt: skip
    assert {"BoundingBox", "Confidence", "Pose", "Quality", "Landmarks"} == set(face)
    everything = rekognition.compare_faces(
        SourceImage={"Bytes": known[0]}, TargetImage={"Bytes": target}, SimilarityThreshold=0
    )
    assert (len(everything["FaceMatches"]), everything["UnmatchedFaces"]) == (3, [])
    assert "SourceImageOrientationCorrection" not in everything


def test_numbers_are_float32_widened(rekognition, known):
    """As AWS prints them."""
    box = rekognition.detect_faces(Image={"Bytes": known[0]})["FaceDetails"][0]["BoundingBox"]
    assert all(value == float(np.float32(value)) for value in box.values())


def test_faces_are_deleted_but_not_those_of_a_user(rekognition, collection, known):
    """Partial success is a 200, and both lists are always there."""
    ids = [
        rekognition.index_faces(CollectionId=collection, Image={"Bytes": photo})["FaceRecords"][0]["Face"][
            "FaceId"
        ]
        for photo in known[:2]
    ]
    rekognition.create_user(CollectionId=collection, UserId="u1")
    rekognition.associate_faces(CollectionId=collection, UserId="u1", FaceIds=[ids[0]])
    missing = str(uuid.uuid4())
    answer = rekognition.delete_faces(CollectionId=collection, FaceIds=[*ids, missing])
    assert answer["DeletedFaces"] == [ids[1]]
    reasons = {face["FaceId"]: face["Reasons"] for face in answer["UnsuccessfulFaceDeletions"]}
    assert reasons == {ids[0]: ["ASSOCIATED_TO_AN_EXISTING_USER"], missing: ["FACE_NOT_FOUND"]}
    again = rekognition.search_faces_by_image(
        CollectionId=collection, Image={"Bytes": known[1]}, FaceMatchThreshold=99
    )
    assert ids[1] not in [match["Face"]["FaceId"] for match in again["FaceMatches"]]


def test_faces_are_listed_in_pages_and_by_id(rekognition, collection, known):
    """FaceIds and UserId filter; pages do not overlap."""
    ids = [
        rekognition.index_faces(CollectionId=collection, Image={"Bytes": known[0]}, ExternalImageId=str(n))[
            "FaceRecords"
        ][0]["Face"]["FaceId"]
        for n in range(5)
    ]
    pages = list(
        rekognition.get_paginator("list_faces").paginate(
            CollectionId=collection, PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["Faces"]) for page in pages] == [2, 2, 1]
    assert sorted(face["FaceId"] for page in pages for face in page["Faces"]) == sorted(ids)
    chosen = rekognition.list_faces(CollectionId=collection, FaceIds=ids[:2])["Faces"]
    assert {face["FaceId"] for face in chosen} == set(ids[:2])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "ValidationException"),
        (b"x" * 5_242_881, "ValidationException"),
        (b"GIF89a" + b"\0" * 200, "InvalidImageFormatException"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 200, "InvalidImageFormatException"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 200, "InvalidImageFormatException"),
        (b"not an image", "InvalidImageFormatException"),
    ],
)
def test_what_is_no_photo_is_refused_by_name(rekognition, refusal, data, code):
    """Never a 5xx, whatever the bytes are."""
    found, _, status = refusal(rekognition.detect_faces, Image={"Bytes": data})
    assert (found, status) == (code, 400)


def test_too_small_and_too_large_photos(rekognition, refusal):
    """80 px a side at least, 10,000 px a side and 100 megapixels at most."""
    small = _jpeg(Image.new("RGB", (79, 200)))
    assert refusal(rekognition.detect_faces, Image={"Bytes": small})[0] == "InvalidParameterException"
    wide = _jpeg(Image.new("RGB", (10_001, 80)))
    assert refusal(rekognition.detect_faces, Image={"Bytes": wide})[0] == "ImageTooLargeException"


@pytest.mark.parametrize("image", [{}, {"Bytes": b"x", "S3Object": {"Bucket": "photos", "Name": "a.jpg"}}])
def test_an_image_is_bytes_or_an_s3_object(rekognition, refusal, image):
    """Neither and both are refused."""
    assert refusal(rekognition.detect_faces, Image=image)[0] == "InvalidParameterException"


def test_photos_come_from_allow_listed_buckets(rekognition, refusal, s3_root, known):
    """And nothing else of the file system does."""
    (s3_root / "photos" / "a.jpg").write_bytes(known[0])
    (s3_root / "private" / "a.jpg").write_bytes(known[0])
    (s3_root / "photos" / "big.jpg").write_bytes(known[0] + b"\0" * (15 * 1024 * 1024))
    there = rekognition.detect_faces(Image={"S3Object": {"Bucket": "photos", "Name": "a.jpg"}})
    assert len(there["FaceDetails"]) == 1
    refused = [
        {"Bucket": "photos", "Name": "missing.jpg"},
        {"Bucket": "private", "Name": "a.jpg"},
        {"Bucket": "no-such-bucket", "Name": "a.jpg"},
        {"Bucket": "photos", "Name": "../private/a.jpg"},
        {"Bucket": "photos", "Name": "a.jpg", "Version": "7"},
    ]
    for s3_object in refused:
        code, _, status = refusal(rekognition.detect_faces, Image={"S3Object": s3_object})
        assert (code, status) == ("InvalidS3ObjectException", 400), s3_object
    code, _, _ = refusal(
        rekognition.detect_faces, Image={"S3Object": {"Bucket": "photos", "Name": "big.jpg"}}
    )
    assert code == "ImageTooLargeException"
