from __future__ import annotations

import pytest

from countenance.errors import (
    ImageTooLargeException,
    InvalidImageFormatException,
    InvalidParameterException,
    InvalidS3ObjectException,
)
from countenance.operations.images import load_photo, read_image
from countenance.store import UnitOfWork
from fakes.vision import person, picture

S3 = {"Bucket": "photos", "Name": "a.jpg"}


@pytest.fixture
def deps(call, database):
    with UnitOfWork(database) as uow:
        yield call.deps(uow)


def test_bytes_are_taken_as_they_are(deps):
    assert read_image({"Bytes": b"picture"}, deps) == b"picture"


def test_an_s3_object_is_read_for_the_calling_account(deps, s3_root):
    (s3_root / "photos/a.jpg").write_bytes(b"picture")
    assert read_image({"S3Object": S3}, deps) == b"picture"


@pytest.mark.parametrize("image", [{}, {"Bytes": b"x", "S3Object": S3}])
def test_exactly_one_source_is_taken(deps, image):
    with pytest.raises(InvalidParameterException):
        read_image(image, deps)


@pytest.mark.parametrize("reference", [{}, {"Bucket": "photos"}, {"Name": "a.jpg"}])
def test_half_a_reference_names_no_object(deps, reference):
    """The model requires neither member."""
    with pytest.raises(InvalidS3ObjectException, match="Request has invalid S3 object"):
        read_image({"S3Object": reference}, deps)


@pytest.mark.parametrize(
    "reference",
    [{"Bucket": "photos", "Name": "none"}, {"Bucket": "private", "Name": "a.jpg"}, {**S3, "Version": "1"}],
)
def test_a_missing_or_forbidden_object_is_said_in_the_words_of_aws(deps, s3_root, reference):
    (s3_root / "photos/a.jpg").write_bytes(b"picture")
    with pytest.raises(InvalidS3ObjectException, match="Unable to get object metadata from S3"):
        read_image({"S3Object": reference}, deps)


def test_an_object_over_15_mb_is_too_large(deps, s3_root):
    with (s3_root / "photos/a.jpg").open("wb") as file:
        file.truncate(15 * 1024 * 1024 + 1)
    with pytest.raises(ImageTooLargeException):
        read_image({"S3Object": S3}, deps)


def test_the_image_id_depends_on_the_bytes_alone(deps, s3_root):
    """Wherever they come from, and in every collection and account."""
    data = picture(person("ada"))
    (s3_root / "photos/a.jpg").write_bytes(data)
    vision = deps.default_vision()
    ids = {load_photo(image, vision, deps).image_id for image in ({"Bytes": data}, {"S3Object": S3})}
    assert len(ids) == 1
    assert ids.pop().version == 3
    assert load_photo({"Bytes": picture()}, vision, deps).image_id not in ids


def test_the_probe_is_the_largest_face_or_none(deps):
    data = picture(person("ada", size=100), person("bob", left=300, size=200, brightness=1.0))
    photo = load_photo({"Bytes": data}, deps.default_vision(), deps)
    assert photo.find_probe("NONE") is photo.detection.faces[0]
    assert photo.find_probe("AUTO") is None
    with pytest.raises(InvalidParameterException):
        photo.require_probe("AUTO")


SMALL = {"Bytes": picture(width=79)}
WRONG_IMAGES = [
    ({}, InvalidParameterException),
    ({"Bytes": b"x", "S3Object": S3}, InvalidParameterException),
    ({"S3Object": S3}, InvalidS3ObjectException),
    ({"S3Object": {"Bucket": "photos", "Name": "big.jpg"}}, ImageTooLargeException),
    ({"Bytes": b"GIF89a"}, InvalidImageFormatException),
    (SMALL, InvalidParameterException),
]


@pytest.mark.parametrize(("image", "error"), WRONG_IMAGES)
@pytest.mark.parametrize(
    ("operation", "member"),
    [
        ("CompareFaces", "SourceImage"),
        ("CompareFaces", "TargetImage"),
        ("CoachPhoto", "Image"),
        ("DetectFaces", "Image"),
        ("IndexFaces", "Image"),
        ("SearchFacesByImage", "Image"),
        ("SearchUsersByImage", "Image"),
    ],
)
def test_every_operation_on_pictures_refuses_the_same_ones_with_declared_errors(
    call, collection, s3_root, operation, member, image, error
):
    """That the model declares the error is what `call` itself checks."""
    with (s3_root / "photos/big.jpg").open("wb") as file:
        file.truncate(15 * 1024 * 1024 + 1)
    fine = {"Bytes": picture(person("ada"))}
    rest = {
        "CompareFaces": {"SourceImage": fine, "TargetImage": fine},
        "CoachPhoto": {},
        "DetectFaces": {},
    }.get(operation, {"CollectionId": collection})
    with pytest.raises(error):
        call(operation, **{**rest, member: image})
