from __future__ import annotations

import pytest

from countenance.gateway.resource import NamedResource, parse_arn, resource_of
from countenance.policy import Resource
from fixtures_gateway import header

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
    assert resource_of(request_, OWN) == resource


@pytest.mark.parametrize("kind", ["collection/faces", "streamprocessor/door"])
def test_what_is_anothers_does_not_exist_for_the_caller_and_is_a_deny_in_the_event(bench, kind):
    """Else an error's code would tell which collections another account has."""
    arn = f"arn:aws:rekognition:us-east-1:{OTHER}:{kind}"
    answer, told = bench.call("ListTagsForResource", {"ResourceArn": arn})
    assert (answer.status, told["__type"]) == (400, "ResourceNotFoundException")
    event = bench.event(header(answer, "x-countenance-event-id"))
    assert (event["decision"], event["outcome"]) == ("deny", "refused")
    assert event["rules"] == ["CORE-002"]
    assert event["resource"] == arn


def test_an_account_may_name_its_own_resource_by_arn(bench):
    arn = f"arn:aws:rekognition:us-east-1:{bench.account.account_id}:collection/faces"
    assert bench.call("ListTagsForResource", {"ResourceArn": arn})[1] == {"Tags": {}}


@pytest.mark.parametrize("standing", ["pending", "restricted", "suspended", "terminated"])
def test_an_account_that_is_not_in_good_standing_is_refused_with_the_rule_and_its_remedy(bench, standing):
    bench.services.accounts.change_standing(bench.account.account_id, standing)
    answer, told = bench.call("CreateCollection", {"CollectionId": "faces"})
    assert (answer.status, told["__type"]) == (400, "AccessDeniedException")
    assert told["Message"].startswith("AUP-00")
    assert bench.events()[0].members["decision"] == "deny"
    assert bench.collections() == set()
