"""Calls that decide: under which rules they are, and what the record has of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import pytest

from countenance.assurance.calibrations import Calibrations
from countenance.errors import InternalServerError
from countenance.facts import ModelDigests, ModelFacts
from countenance.operations.registry import OPERATIONS
from countenance.similarity import Calibration, similarity_at_fmr
from fakes.calibrations import put_in_force
from fakes.vision import FakeModels, person, picture
from fixtures_gateway import header
from small_server import PIPELINE

ADA, EVE, ALIKE = (picture(person(name, **looks)) for name, looks in (
    ("ada", {}), ("eve", {}), ("ada", {"likeness": 0.6}),
))  # fmt: skip
ADA, EVE, ALIKE = ({"Bytes": data} for data in (ADA, EVE, ALIKE))
OURS = {"service": "countenance"}


@pytest.fixture
def account(party):
    """It has ada enrolled as a user."""
    account = party("development", "photo-library")
    account.told("CreateCollection", CollectionId="friends")
    [record] = account.told("IndexFaces", CollectionId="friends", Image=ADA)["FaceRecords"]
    account.face_id = record["Face"]["FaceId"]
    account.told("CreateUser", CollectionId="friends", UserId="ada")
    account.told("AssociateFaces", CollectionId="friends", UserId="ada", FaceIds=[account.face_id])
    return account


def test_a_search_that_decides_is_recorded_as_a_search(account):
    answer, told = account("IdentifyFace", **OURS, CollectionId="friends", Image=ALIKE, ReviewThreshold=70.0)
    [candidate] = told["Candidates"]
    entry = account.entry(answer)
    assert entry["threshold"] == {"asked": 70, "in_force": 70, "match": 80}
    assert entry["decided"] == told["Decision"] == "MATCH"
    assert (entry["candidates"], entry["asked"], entry["collection"]) == (1, {"candidates": 3}, "friends")
    assert entry["touched"]["count"] == 1
    assert "fpir_budget" not in entry.get("obligations", [])
    assert candidate["Similarity"] == pytest.approx(91.29, abs=0.02)
    assert "calibration" not in entry


def test_whom_a_comparison_was_with_is_recorded(account):
    """Of the face and of the user alike: a person may ask which calls were about them."""
    for reference in ({"FaceId": account.face_id}, {"UserId": "ada"}):
        answer, told = account("VerifyFaces", **OURS, CollectionId="friends", Image=ADA, **reference)
        assert told["Decision"] == "MATCH"
        entry = account.entry(answer)
        assert (entry["touched"]["count"], entry["collection"]) == (1, "friends")
        assert entry["threshold"] == {"in_force": 80, "match": 80}
        assert entry["decided"] == "MATCH"
        assert entry["model"]["version"] == "1.0"


@pytest.mark.parametrize(
    ("asked", "recorded"),
    [
        ({"MatchThreshold": 95.0}, {"asked": 95, "in_force": 95, "match": 95}),
        ({"MatchThreshold": 95.0, "ReviewThreshold": 70.5}, {"asked": 70.5, "in_force": 70.5, "match": 95}),
        ({"MaxFalseMatchRate": 1e-4}, {"asked": 80.01, "in_force": 80.01, "match": 80.01}),
    ],
)
def test_the_least_that_would_be_told_is_recorded_as_what_was_asked(account, asked, recorded):
    """What policy judged: a simulation judges it again from the log."""
    answer, told = account("VerifyFaces", **OURS, Image=ADA, ReferenceImage=EVE, **asked)
    assert account.entry(answer)["decided"] == told["Decision"] == "NO_MATCH"
    assert account.entry(answer)["threshold"] == recorded


def test_a_comparison_with_somebody_enrolled_is_under_the_charter_of_the_collection(account):
    """Else a collection would be searched one by one for what it is not for."""
    other = account.as_("photo-library")
    for reference in ({"FaceId": account.face_id}, {"UserId": "ada"}):
        message = other.refused("VerifyFaces", **OURS, CollectionId="friends", Image=ADA, **reference)
        assert message.startswith("PUR-002: the collection's charter does not have the purpose")
    assert other.told("VerifyFaces", **OURS, Image=ADA, ReferenceImage=ADA)["Decision"] == "MATCH"
    message = other.refused("IdentifyFace", **OURS, CollectionId="friends", Image=ADA)
    assert message.startswith("PUR-002")


@pytest.mark.parametrize(
    "asked",
    [
        {"MatchThreshold": 49.99},
        {"MatchThreshold": 90.0, "ReviewThreshold": 49.99},
        {"MaxFalseMatchRate": 9e-4},
        {"MaxFalseMatchRate": 1e-4, "ReviewThreshold": 0.0},
    ],
)
def test_the_least_that_is_told_is_what_a_purpose_bounds(party, asked):
    """Of two thresholds the lower one, and of a rate the similarity that it stands for."""
    account = party("photo-library")
    message = account.refused("VerifyFaces", **OURS, Image=ADA, ReferenceImage=ADA, **asked)
    assert message.startswith("PUR-005: the similarity threshold is")
    assert "MatchThreshold" in message


def test_a_rate_that_stands_for_enough_is_allowed(party):
    account = party("photo-library")
    assert similarity_at_fmr(5e-4) > 50
    told = account.told("VerifyFaces", **OURS, Image=ADA, ReferenceImage=ADA, MaxFalseMatchRate=5e-4)
    assert told["ThresholdInForce"]["Similarity"] == similarity_at_fmr(5e-4)


def test_candidates_are_bounded_by_the_purpose(party):
    account = party("access-control").as_("access-control")
    account.told("CreateCollection", CollectionId="staff")
    message = account.refused(
        "IdentifyFace", **OURS, CollectionId="staff", Image=ADA, MaxFaces=4, MatchThreshold=99.0
    )
    assert "PUR-006: the search asks for up to 4 candidates" in message


def test_nothing_is_answered_that_people_must_review_first(party):
    """There is nobody yet: refused, as the searches and comparisons of Rekognition are."""
    account = party("investigative-lead", profile="law_enforcement")
    for operation, request in {
        "VerifyFaces": {"ReferenceImage": ADA},
        "IdentifyFace": {"CollectionId": "none"},
    }.items():
        answer, told = account(operation, **OURS, Image=ADA, MatchThreshold=99.0, **request)
        assert answer.status == 400
        assert told["__type"] == "AccessDeniedException"


def test_the_threshold_that_was_raised_is_told_and_recorded(party):
    account = party("accessibility").as_("accessibility", consent="F-1", age="adult")
    account.told("CreateCollection", CollectionId="staff")
    for name in ("ada", "eve"):
        account.told("IndexFaces", CollectionId="staff", Image={"Bytes": picture(person(name))})
    answer, told = account("IdentifyFace", **OURS, CollectionId="staff", Image=ADA, MatchThreshold=90.0)
    assert told["ThresholdInForce"]["Similarity"] == 90.0
    assert "fpir_budget" in account.entry(answer)["obligations"]
    assert header(answer, "x-countenance-threshold") is None


def test_the_operators_calibration_is_named_in_the_record_of_the_calls_that_used_it(account):
    vision = FakeModels().default
    stricter = Calibration((0.0, 0.5, 1.0), (0.9, 3.9, 6.9), trials=999, extrapolated_from=1.0)
    calls = {
        "CompareFaces": {"SourceImage": ADA, "TargetImage": ADA},
        "SearchFacesByImage": {"CollectionId": "friends", "Image": ADA},
        "SearchFaces": {"CollectionId": "friends", "FaceId": account.face_id},
        "SearchUsers": {"CollectionId": "friends", "UserId": "ada"},
        "DetectFaces": {"Image": ADA},
    }
    ours = {
        "VerifyFaces": {"ReferenceImage": ADA, "Image": ADA},
        "IdentifyFace": {"CollectionId": "friends", "Image": ADA},
    }

    def named():
        answers = {name: account(name, **request)[0] for name, request in calls.items()}
        answers |= {name: account(name, **OURS, **request)[0] for name, request in ours.items()}
        return {name: account.entry(answer).get("calibration") for name, answer in answers.items()}

    assert set(named().values()) == {None}
    with put_in_force(account.bench.database, vision, stricter, pipeline_digest=PIPELINE):
        told = named()
        assert told.pop("DetectFaces") is None
        assert set(told.values()) == {stricter.digest}
    assert set(named().values()) == {None}


def test_a_call_whose_calibration_cannot_be_read_fails(account):
    """Nobody knows what a similarity means then, so nothing is answered."""

    class Damaged:
        def find(self, pack_digest, *, connection=None):
            raise InternalServerError

    services = account.bench.services
    damaged = replace(
        services,
        make_deps=lambda caller, uow: replace(services.make_deps(caller, uow), calibrations=Damaged()),
    )
    broken = replace(account, bench=replace(account.bench, services=damaged))
    answer, told = broken("CompareFaces", SourceImage=ADA, TargetImage=ADA)
    assert (answer.status, told["__type"]) == (500, "InternalServerError")
    answer, told = broken("SearchFacesByImage", CollectionId="friends", Image=ADA)
    assert (answer.status, told["__type"]) == (500, "InternalServerError")


@pytest.mark.parametrize("operation", ["SearchFacesByImage", "SearchFaces", "SearchUsers"])
def test_a_calibration_that_came_after_the_decision_decides_nothing(account, operation):
    """An evaluation is of one calibration: what it let pass is not answered by another."""
    request = {
        "SearchFaces": {"FaceId": account.face_id},
        "SearchUsers": {"UserId": "ada"},
    }.get(operation, {"Image": ADA})
    vision = FakeModels().default
    digests = ModelDigests(vision.pack_digest, vision.calibration.digest, PIPELINE)
    facts = ModelFacts("1.0", "any", digests)
    calibrations = Calibrations(account.bench.database, pipeline_digest=PIPELINE)
    services = replace(account.bench.services, model_facts=lambda _: facts, calibrations=calibrations)
    account = replace(account, bench=replace(account.bench, services=services))
    stricter = Calibration((0.0, 0.5, 1.0), (0.9, 3.9, 6.8), trials=998, extrapolated_from=1.0)
    asked = {"CollectionId": "friends", **request}
    assert account(operation, **asked)[0].status == 200
    with ExitStack() as later:

        def after_the_decision(request, deps):
            later.enter_context(
                put_in_force(account.bench.database, vision, stricter, pipeline_digest=PIPELINE)
            )
            return OPERATIONS["rekognition"][operation](request, deps)

        late = account.with_operations(**{operation: after_the_decision})
        answer, told = late(operation, **asked)
        assert (answer.status, told["__type"]) == (400, "ThrottlingException")
        assert account(operation, **asked)[0].status == 200, "policy has judged the new one"
