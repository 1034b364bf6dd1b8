from __future__ import annotations

import time

import pytest

from countenance.errors import (
    InvalidPaginationTokenException,
    InvalidParameterException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
)
from fakes.vision import person, picture


def test_create_answers_an_arn_without_its_prefix(call, account):
    """AWS does so on the wire, and only here; clients that compare the two members would notice."""
    answer = call("CreateCollection", CollectionId="friends")
    assert answer == {
        "StatusCode": 200,
        "CollectionArn": f"aws:rekognition:us-east-1:{account.account_id}:collection/friends",
        "FaceModelVersion": "1.0",
    }


def test_describe_answers_the_full_arn_and_the_counts(call, collection, account, index):
    """The member is spelled CollectionARN here; the time is in seconds, with milliseconds."""
    index(picture(person("ada"), person("bob", left=500)))
    call("CreateUser", CollectionId=collection, UserId="ada")
    answer = call("DescribeCollection", CollectionId=collection)
    created = answer.pop("CreationTimestamp")
    assert abs(created - time.time()) < 60
    assert answer == {
        "FaceCount": 2,
        "UserCount": 1,
        "FaceModelVersion": "1.0",
        "CollectionARN": f"arn:aws:rekognition:us-east-1:{account.account_id}:collection/friends",
    }


def test_a_name_is_taken_once_per_account_and_region(call, collection, other_call, client_of, account):
    with pytest.raises(ResourceAlreadyExistsException, match="The collection id: friends already exists"):
        call("CreateCollection", CollectionId=collection)
    other_call("CreateCollection", CollectionId=collection)
    client_of(account, region="eu-west-1")("CreateCollection", CollectionId=collection)


def test_names_differ_by_case(call, collection):
    call("CreateCollection", CollectionId="Friends")
    assert call("ListCollections")["CollectionIds"] == ["Friends", "friends"]


def test_tags_given_at_creation_are_kept(call):
    call("CreateCollection", CollectionId="tagged", Tags={"team": "a"})
    arn = call("DescribeCollection", CollectionId="tagged")["CollectionARN"]
    assert call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"team": "a"}


@pytest.mark.parametrize("key", ["aws:team", "AWS:team"])
def test_a_reserved_tag_prevents_the_collection(call, key):
    with pytest.raises(InvalidParameterException):
        call("CreateCollection", CollectionId="tagged", Tags={key: "a"})
    assert call("ListCollections")["CollectionIds"] == []


def test_more_than_50_tags_prevent_the_collection(call):
    with pytest.raises(ServiceQuotaExceededException):
        call("CreateCollection", CollectionId="tagged", Tags={f"key{n}": "" for n in range(51)})
    assert call("ListCollections")["CollectionIds"] == []


@pytest.mark.parametrize("operation", ["DescribeCollection", "DeleteCollection"])
def test_a_missing_collection_is_not_found(call, operation):
    with pytest.raises(ResourceNotFoundException, match="The collection id: nobody does not exist"):
        call(operation, CollectionId="nobody")


def test_another_accounts_collection_is_as_if_it_were_not_there(other_call, collection):
    with pytest.raises(ResourceNotFoundException, match="The collection id: friends does not exist"):
        other_call("DescribeCollection", CollectionId=collection)
    with pytest.raises(ResourceNotFoundException):
        other_call("DeleteCollection", CollectionId=collection)
    assert other_call("ListCollections")["CollectionIds"] == []


def test_delete_drops_all_and_is_not_found_again(call, collection, index):
    index(picture(person("ada")))
    assert call("DeleteCollection", CollectionId=collection) == {"StatusCode": 200}
    with pytest.raises(ResourceNotFoundException):
        call("DeleteCollection", CollectionId=collection)
    call("CreateCollection", CollectionId=collection)
    assert call("DescribeCollection", CollectionId=collection)["FaceCount"] == 0


def test_a_list_without_collections_is_two_empty_lists_and_no_token(call):
    """A loop on `'NextToken' in response` must end."""
    assert call("ListCollections") == {"CollectionIds": [], "FaceModelVersions": []}


def test_pages_are_by_name_and_parallel_to_their_model_versions(call, models):
    call("CreateCollection", CollectionId="b")
    models.upgrade()
    for name in ("c", "a"):
        call("CreateCollection", CollectionId=name)
    first = call("ListCollections", MaxResults=2)
    assert (first["CollectionIds"], first["FaceModelVersions"]) == (["a", "b"], ["2.0", "1.0"])
    second = call("ListCollections", MaxResults=2, NextToken=first["NextToken"])
    assert second == {"CollectionIds": ["c"], "FaceModelVersions": ["2.0"]}


def test_a_list_goes_on_where_it_stopped_after_a_deletion(call):
    """Deleting what each page shows is what clean-up scripts do."""
    for name in ("a", "b", "c"):
        call("CreateCollection", CollectionId=name)
    first = call("ListCollections", MaxResults=1)
    call("DeleteCollection", CollectionId="a")
    assert call("ListCollections", NextToken=first["NextToken"])["CollectionIds"] == ["b", "c"]


def test_the_longest_names_have_pages_too(call):
    """A token has 255 characters at most, and so has a name."""
    names = ["z" * 254 + last for last in "yz"]
    for name in names:
        call("CreateCollection", CollectionId=name)
    first = call("ListCollections", MaxResults=1)
    assert len(first["NextToken"]) <= 255
    assert call("ListCollections", NextToken=first["NextToken"])["CollectionIds"] == names[1:]


def test_zero_results_asked_for_means_the_default(call, collection):
    """The model allows MaxResults 0, and botocore's paginator sends it."""
    assert call("ListCollections", MaxResults=0, NextToken="")["CollectionIds"] == [collection]


def test_a_token_of_another_account_or_region_is_refused(call, other_call, client_of, account):
    for name in ("a", "b"):
        call("CreateCollection", CollectionId=name)
    token = call("ListCollections", MaxResults=1)["NextToken"]
    for stranger in (other_call, client_of(account, region="eu-west-1")):
        with pytest.raises(InvalidPaginationTokenException):
            stranger("ListCollections", NextToken=token)
