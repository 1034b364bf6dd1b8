"""Duties of a call: met before it is answered, or it is not."""

from __future__ import annotations

import dataclasses

import pytest

from countenance.facts import ModelDigests, ModelFacts
from countenance.gateway.obligations import DISCHARGES, undischarged
from countenance.operations.call_report import Report
from fakes.vision import person, picture
from signed_evaluations import put_on_record

ADA = {"Bytes": picture(person("ada"))}


@pytest.mark.parametrize(
    ("owed", "discharged", "ran_search", "left"),
    [
        ((), (), True, []),
        (("fpir_budget",), (), True, ["fpir_budget"]),
        (("fpir_budget",), ("fpir_budget",), True, []),
        (("fpir_budget",), (), False, []),
        (("log_min_12_3", "record_attestations"), (), True, []),
        (("zeal", "human_review"), (), False, ["human_review", "zeal"]),
        (("human_review",), ("human_review",), True, []),
        (("fpir_budget", "human_review"), ("fpir_budget",), True, ["human_review"]),
    ],
)
def test_what_is_owed_and_was_not_met_is_left(owed, discharged, ran_search, left):
    """What every entry does is met by the record; a probe without a face has run no search."""
    assert undischarged(owed, Report(discharged=set(discharged)), ran_search=ran_search) == left


def test_people_review_candidates():
    """test_review.py shows that they do."""
    assert "human_review" in DISCHARGES


@pytest.fixture
def account(party):
    """Of a purpose whose searches have a budget of false candidates, with two faces to search."""
    account = party("accessibility").as_("accessibility", consent="F-1")
    account.told("CreateCollection", CollectionId="friends")
    for name in ("ada", "bob"):
        account.told("IndexFaces", CollectionId="friends", Image={"Bytes": picture(person(name))})
    return account


SEARCH = {"CollectionId": "friends", "Image": ADA, "FaceMatchThreshold": 95.0, "MaxFaces": 10}


def test_a_search_that_meets_its_budget_is_answered_and_says_so_in_its_entry(account):
    answer, told = account("SearchFacesByImage", **SEARCH)
    assert (answer.status, len(told["FaceMatches"])) == (200, 1)
    assert account.entry(answer)["obligations"] == ["fpir_budget", "record_attestations"]


def test_a_search_that_does_not_keep_to_its_budget_is_refused_and_rolled_back(account):
    """An operation that forgets a duty must not answer by mistake: nothing of it stays."""

    def forgetful(request, deps):
        deps.threshold(request.get("FaceMatchThreshold"), default=80.0)
        deps.uow.connection.execute(
            "insert into tag (collection_id, key, value)"
            " select collection_id, 'kept', '' from collection where account_id = %s",
            (deps.caller.account_id,),
        )
        return {"FaceMatches": [], "FaceModelVersion": "1.0"}

    careless = account.with_operations(SearchFacesByImage=forgetful)
    answer, told = careless("SearchFacesByImage", **SEARCH)
    assert (answer.status, told["__type"]) == (400, "AccessDeniedException")
    assert "fpir_budget" in told["Message"]
    entry = account.entry(answer)
    assert (entry["decision"], entry["outcome"]) == ("allow", "refused")
    assert "fpir_budget" in entry["obligations"]
    assert "candidates" not in entry
    arn = f"arn:aws:rekognition:us-east-1:{account.account_id}:collection/friends"
    assert account.told("ListTagsForResource", ResourceArn=arn) == {"Tags": {}}


def test_a_probe_without_a_face_owes_no_threshold(account):
    """SearchUsersByImage answers such a picture: no candidate was looked for."""
    asked = {"CollectionId": "friends", "UserMatchThreshold": 95.0, "MaxUsers": 10}
    told = account.told("SearchUsersByImage", Image={"Bytes": picture()}, **asked)
    assert told["UserMatches"] == []
    assert account.told("SearchUsersByImage", Image=ADA, **asked)["UserMatches"] == []


def test_a_duty_that_nobody_could_meet_refuses_the_call(party):
    """Review by people is asked for by the purpose, and there is nothing to look at: the rule says so."""
    account = party("fraud-prevention", profile="business")
    account = account.as_("fraud-prevention", source="own_camera", age="adult")
    charter = {"countenance:legal-basis": "a statute"}
    account.told("CreateCollection", CollectionId="refused", Tags=charter)
    search = {"CollectionId": "refused", "Image": ADA, "FaceMatchThreshold": 99.0, "MaxFaces": 5}
    answer, told = account("SearchFacesByImage", **search)
    assert (answer.status, told["__type"]) == (400, "AccessDeniedException")
    digests = ModelDigests("1" * 64, "2" * 64, "3" * 64)
    put_on_record(account.server.database, digests, version="obliged")
    facts = ModelFacts("obliged", "any", digests)
    gate = dataclasses.replace(account.bench.services, model_facts=lambda _: facts)
    account = dataclasses.replace(account, bench=dataclasses.replace(account.bench, services=gate))
    put = {"Kind": "notice", "Reference": "https://example/notice", "service": "countenance"}
    account.told("PutRecord", **put)
    message = account.refused("SearchFacesByImage", **search)
    assert message.startswith(
        "OBL-REVIEW: nobody could look at the candidates: the collection keeps no pictures"
    )
