"""Collections through boto3."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest

pytestmark = pytest.mark.xdist_group("server")


def test_a_created_collection_answers_as_aws_does(rekognition):
    """Tools parse these members: the ARN has no `arn:` here and has it in DescribeCollection."""
    name = f"made-{uuid.uuid4().hex[:8]}"
    created = rekognition.create_collection(CollectionId=name, Tags={"team": "blue"})
    assert created["StatusCode"] == 200
    assert created["CollectionArn"].startswith("aws:rekognition:us-east-1:")
    assert created["CollectionArn"].endswith(f":collection/{name}")
    assert all(part.isdigit() for part in created["FaceModelVersion"].split("."))

    described = rekognition.describe_collection(CollectionId=name)
    assert described["CollectionARN"] == f"arn:{created['CollectionArn']}"
    assert (described["FaceCount"], described["UserCount"]) == (0, 0)
    age = dt.datetime.now(dt.UTC) - described["CreationTimestamp"]
    assert abs(age.total_seconds()) < 60
    assert rekognition.list_tags_for_resource(ResourceArn=described["CollectionARN"])["Tags"] == {
        "team": "blue"
    }

    assert rekognition.delete_collection(CollectionId=name)["StatusCode"] == 200


def test_a_second_collection_of_a_name_is_refused(rekognition, collection, refusal):
    """Clients match on the message."""
    code, message, status = refusal(rekognition.create_collection, CollectionId=collection)
    assert (code, status) == ("ResourceAlreadyExistsException", 400)
    assert message == f"The collection id: {collection} already exists"


@pytest.mark.parametrize(
    "operation",
    ["describe_collection", "delete_collection", "list_faces", "list_users"],
)
def test_a_missing_collection_is_not_found_with_400(rekognition, refusal, operation):
    """ResourceNotFoundException is 400 in this protocol, not 404."""
    code, message, status = refusal(getattr(rekognition, operation), CollectionId="no-such")
    assert (code, status) == ("ResourceNotFoundException", 400)
    assert message == "The collection id: no-such does not exist"


def test_collections_are_listed_by_name_in_pages(rekognition):
    """The token appears only while there is more, so that loops on its presence end."""
    names = sorted(f"page-{uuid.uuid4().hex[:8]}" for _ in range(5))
    for name in names:
        rekognition.create_collection(CollectionId=name)
    try:
        pages = list(rekognition.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 2}))
        listed = [name for page in pages for name in page["CollectionIds"]]
        assert listed == sorted(listed)
        assert set(names) <= set(listed)
        assert all(len(page["CollectionIds"]) == len(page["FaceModelVersions"]) <= 2 for page in pages)
        assert "NextToken" not in pages[-1]
        assert rekognition.list_collections(NextToken="")["CollectionIds"] == listed
        assert rekognition.list_collections(MaxResults=0)["CollectionIds"] == listed
    finally:
        for name in names:
            rekognition.delete_collection(CollectionId=name)


def test_a_token_of_our_own_making_is_refused(rekognition, refusal, collection):
    """Tokens are opaque: a made-up one is InvalidPaginationTokenException."""
    code, _, status = refusal(rekognition.list_collections, NextToken="bm90IGEgdG9rZW4=")
    assert (code, status) == ("InvalidPaginationTokenException", 400)
    code, _, _ = refusal(rekognition.list_faces, CollectionId=collection, NextToken="x")
    assert code == "InvalidPaginationTokenException"


@pytest.mark.parametrize(
    ("parameters", "constraint"),
    [
        ({"CollectionId": "a b"}, "pattern"),
        ({"CollectionId": "x" * 256}, "length less than or equal to 255"),
        ({"CollectionId": ""}, "length greater than or equal to 1"),
        ({}, "not be null"),
    ],
)
def test_model_constraints_are_enforced_by_the_server(rekognition, refusal, parameters, constraint):
    """botocore checks no pattern and no maximum, so the server alone can."""
    code, message, status = refusal(rekognition.create_collection, **parameters)
    assert (code, status) == ("ValidationException", 400)
    assert constraint in message
    assert re.match(r"\d+ validation errors? detected: ", message)


def test_tags_are_put_listed_and_removed(rekognition, collection, refusal):
    """Both forms of the ARN are taken; tags of absent keys are removed without complaint."""
    arn = rekognition.describe_collection(CollectionId=collection)["CollectionARN"]
    rekognition.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": ""})
    rekognition.tag_resource(ResourceArn=arn.removeprefix("arn:"), Tags={"a": "2"})
    assert rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "2", "b": ""}
    rekognition.untag_resource(ResourceArn=arn, TagKeys=["a", "absent"])
    assert rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"b": ""}

    code, _, _ = refusal(rekognition.tag_resource, ResourceArn=arn, Tags={str(n): "" for n in range(51)})
    assert code == "ServiceQuotaExceededException"
    gone = arn.rsplit("/", 1)[0] + "/no-such"
    code, _, _ = refusal(rekognition.list_tags_for_resource, ResourceArn=gone)
    assert code == "ResourceNotFoundException"


def test_what_is_not_offered_says_so_with_a_4xx(rekognition, refusal):
    """A 5xx would cost every client three retries."""
    code, message, status = refusal(rekognition.detect_labels, Image={"Bytes": b"x"})
    assert (code, status) == ("UnsupportedOperationException", 400)
    assert "`DetectLabels` is not offered by Countenance yet" in message
