"""A report of collisions is a search of everybody: what it may do, and what the record has of it."""

from __future__ import annotations

import json

import pytest

from fakes.vision import person, picture

OURS = {"service": "countenance"}
ADA, TWIN = ({"Bytes": picture(person("ada"), note=note)} for note in "12")


@pytest.fixture
def account(party):
    account = party("development", "photo-library")
    account.told("CreateCollection", CollectionId="friends")
    account.faces = [
        account.told("IndexFaces", CollectionId="friends", Image=image)["FaceRecords"][0]["Face"]["FaceId"]
        for image in (ADA, TWIN)
    ]
    return account


def test_the_record_has_figures_and_no_pair(account):
    """Who looks like whom is told to the caller; a log that anybody may be shown must not repeat it."""
    answer, told = account("ReportCollisions", **OURS, CollectionId="friends", SimilarityThreshold=90.0)
    assert len(told["Collisions"]) == 1
    entry = account.entry(answer)
    assert (entry["candidates"], entry["asked"], entry["collection"]) == (1, {"candidates": 10}, "friends")
    assert entry["threshold"] == {"asked": 90, "in_force": 90}
    assert not any(face in json.dumps(entry) for face in account.faces)


def test_it_is_under_the_charter_of_the_collection(account):
    message = account.as_("photo-library").refused("ReportCollisions", **OURS, CollectionId="friends")
    assert message.startswith("PUR-002")


@pytest.mark.parametrize(
    ("purpose", "request_", "rule"),
    [
        ("photo-library", {"SimilarityThreshold": 49.9}, "PUR-005"),
        ("photo-library", {"SimilarityThreshold": 0.0}, "PUR-005"),
        ("access-control", {"SimilarityThreshold": 99.0, "MaxResults": 3}, "PUR-004"),
    ],
)
def test_a_purposes_bounds_on_searches_bound_it(party, purpose, request_, rule):
    """A purpose that may not search for an enrolled face may not search for all of them."""
    account = party(purpose).as_(purpose)
    account.told("CreateCollection", CollectionId="faces")
    message = account.refused("ReportCollisions", **OURS, CollectionId="faces", **request_)
    assert rule in message


def test_candidates_that_people_must_review_first_are_told_to_nobody(party):
    """A list of look-alikes of a law-enforcement gallery is a list of candidates."""
    account = party("investigative-lead", profile="law_enforcement")
    answer, told = account(
        "ReportCollisions", **OURS, CollectionId="none", SimilarityThreshold=99.0, MaxResults=10
    )
    assert (answer.status, told["__type"]) == (400, "AccessDeniedException")
