from __future__ import annotations

import dataclasses

import pytest

from countenance.policy import AccessRequest, Resource
from countenance.policy.entities import OpenSlice, require_closed, resource_uid, slice_for, uid

OURS, THEIRS = "1" * 12, "2" * 12
REQUEST = AccessRequest(
    account_id=OURS,
    standing="good",
    access_key_id="AKIA" + "A" * 16,
    operator="guy",
    service="rekognition",
    operation="SearchFaces",
    resource=Resource("Collection", "staff", OURS),
)


def test_a_slice_is_complete_for_every_kind_of_resource():
    """An ancestor that is missing would be taken for one that does not exist."""
    for resource in (
        Resource("Account", OURS, OURS),
        Resource("Collection", "staff", OURS),
        Resource("Account", THEIRS, THEIRS),
        Resource("Collection", "staff", THEIRS),
    ):
        request = dataclasses.replace(REQUEST, resource=resource)
        require_closed(slice_for(request), uid("Caller", request.access_key_id), resource_uid(request))


@pytest.mark.parametrize("missing", ["Caller", "Account", "Collection"])
def test_a_slice_with_anything_missing_is_refused(missing: str):
    """The second fail-open trap: a suspended account whose row was not loaded would not be suspended."""
    entities = [entity for entity in slice_for(REQUEST) if entity["uid"]["type"] != missing]
    with pytest.raises(OpenSlice, match=missing):
        require_closed(entities, uid("Caller", REQUEST.access_key_id), resource_uid(REQUEST))


def test_a_reference_deep_in_an_attribute_counts():
    """Later rules will look into sets and records of entities."""
    holder = {
        "uid": uid("Account", "1"),
        "parents": [],
        "attrs": {"a": [{"b": {"__entity": uid("Pack", "x")}}]},
    }
    with pytest.raises(OpenSlice, match="Pack"):
        require_closed([holder])
    require_closed([holder, {"uid": uid("Pack", "x"), "parents": [], "attrs": {}}])


def test_collections_of_one_name_in_two_accounts_are_two_resources():
    """Otherwise the owner of one could be taken for the owner of the other."""
    theirs = dataclasses.replace(REQUEST, resource=Resource("Collection", "staff", THEIRS))
    assert resource_uid(REQUEST) != resource_uid(theirs)
