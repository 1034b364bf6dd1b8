from __future__ import annotations

import pytest

from countenance.errors import (
    InvalidParameterException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)


@pytest.fixture
def arn(call, collection):
    return call("DescribeCollection", CollectionId=collection)["CollectionARN"]


def test_tags_are_added_replaced_and_removed(call, arn):
    call("TagResource", ResourceArn=arn, Tags={"team": "a", "cost": ""})
    call("TagResource", ResourceArn=arn, Tags={"team": "b"})
    assert call("ListTagsForResource", ResourceArn=arn) == {"Tags": {"team": "b", "cost": ""}}
    assert call("UntagResource", ResourceArn=arn, TagKeys=["cost", "never there"]) == {}
    assert call("ListTagsForResource", ResourceArn=arn) == {"Tags": {"team": "b"}}


def test_a_collection_without_tags_has_an_empty_map(call, arn):
    assert call("ListTagsForResource", ResourceArn=arn) == {"Tags": {}}


def test_the_arn_that_create_answers_is_taken_too(call):
    """CreateCollection's ARN lacks `arn:`; whoever uses it as it came must not fail."""
    bare = call("CreateCollection", CollectionId="c")["CollectionArn"]
    assert call("TagResource", ResourceArn=bare, Tags={"a": "b"}) == {}
    assert call("ListTagsForResource", ResourceArn="arn:" + bare)["Tags"] == {"a": "b"}


@pytest.mark.parametrize("key", ["aws:team", "AWS:x", "aWs:"])
def test_the_prefix_of_aws_is_reserved(call, arn, key):
    with pytest.raises(InvalidParameterException):
        call("TagResource", ResourceArn=arn, Tags={key: "a"})


def test_a_51st_tag_is_over_the_quota_and_changes_nothing(call, arn):
    call("TagResource", ResourceArn=arn, Tags={f"key{n}": "" for n in range(50)})
    call("TagResource", ResourceArn=arn, Tags={"key0": "replaced"})
    with pytest.raises(ServiceQuotaExceededException):
        call("TagResource", ResourceArn=arn, Tags={"one more": "", "key0": "lost"})
    tags = call("ListTagsForResource", ResourceArn=arn)["Tags"]
    assert (len(tags), tags["key0"]) == (50, "replaced")


@pytest.mark.parametrize(
    ("operation", "more"),
    [("TagResource", {"Tags": {}}), ("UntagResource", {"TagKeys": []}), ("ListTagsForResource", {})],
)
@pytest.mark.parametrize(
    "other",
    [
        "arn:aws:rekognition:us-east-1:{account}:collection/none",
        "arn:aws:rekognition:eu-west-1:{account}:collection/friends",
        "arn:aws-cn:rekognition:us-east-1:{account}:collection/friends",
        "arn:aws:rekognition:us-east-1:999999999999:collection/friends",
        "arn:aws:rekognition:us-east-1:{account}:project/friends/1690405809285",
    ],
)
def test_what_is_no_collection_of_the_caller_is_not_found(call, collection, account, operation, more, other):
    with pytest.raises(ResourceNotFoundException):
        call(operation, ResourceArn=other.format(account=account.account_id), **more)


@pytest.mark.parametrize("operation", ["TagResource", "UntagResource", "ListTagsForResource"])
def test_another_account_finds_nothing_behind_the_arn(other_call, arn, operation):
    more = {"TagResource": {"Tags": {"a": "b"}}, "UntagResource": {"TagKeys": ["a"]}}.get(operation, {})
    with pytest.raises(ResourceNotFoundException):
        other_call(operation, ResourceArn=arn, **more)


@pytest.mark.parametrize(
    "text",
    ["not an arn but long enough", "arn:aws:s3:::bucket-name-x", "x" * 2048, "arn:aws:rekognition:" * 9],
)
def test_what_is_no_name_of_this_service_is_an_invalid_parameter(call, text):
    with pytest.raises(InvalidParameterException):
        call("ListTagsForResource", ResourceArn=text)
