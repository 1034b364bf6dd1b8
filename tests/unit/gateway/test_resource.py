from __future__ import annotations

import pytest

from countenance.gateway.resource import NamedResource, parse_arn, resource_of
from countenance.policy import Resource

OWN = "111111111111"
OTHER = "222222222222"


@pytest.mark.parametrize(
    ("arn", "named"),
    [
        (f"arn:aws:rekognition:us-east-1:{OTHER}:collection/faces", NamedResource(OTHER, "faces")),
        (f"aws:rekognition:us-east-1:{OTHER}:collection/faces", NamedResource(OTHER, "faces")),
        (f"arn:aws:rekognition:us-east-1:{OTHER}:streamprocessor/door", NamedResource(OTHER, None)),
        (f"arn:aws:rekognition:us-east-1:{OTHER}:", None),
        ("arn:aws:rekognition:us-east-1:12:collection/faces", None),
        ("faces", None),
    ],
)
def test_an_arn_names_its_account_with_or_without_its_prefix(arn, named):
    """CreateCollection answers ARNs without the prefix; whoever passes one on must not be refused."""
    assert parse_arn(arn) == named


@pytest.mark.parametrize(
    ("request_", "resource"),
    [
        ({"CollectionId": "faces"}, Resource("Collection", "faces", OWN)),
        ({}, Resource("Account", OWN, OWN)),
        ({"AccountId": OTHER}, Resource("Account", OWN, OWN)),
        ({"CollectionId": "faces", "AccountId": OTHER}, Resource("Collection", "faces", OWN)),
        ({"ResourceArn": "nonsense that is no ARN"}, Resource("Account", OWN, OWN)),
        (
            {"ResourceArn": f"arn:aws:rekognition:us-east-1:{OTHER}:collection/faces"},
            Resource("Collection", "faces", OTHER),
        ),
        (
            {"ResourceArn": f"arn:aws:rekognition:us-east-1:{OTHER}:project/p/1"},
            Resource("Account", OTHER, OTHER),
        ),
    ],
)
def test_a_collection_is_the_callers_unless_an_arn_says_whose_it_is(request_, resource):
    """An account's id beside it says nothing: no operation of Amazon's has one."""
    assert resource_of(request_, OWN) == resource


def test_what_an_officer_does_to_another_account_acts_on_the_house():
    """Whether they may is the rule about officers: a collection of that name may be nobody's."""
    request = {"CollectionId": "faces", "AccountId": OTHER}
    assert resource_of(request, OWN, of_account=True) == Resource("Account", OWN, OWN)
