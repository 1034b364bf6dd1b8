"""Two people verify each candidate, under the pack that asks for it (EU AI Act, Article 14(5))."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from countenance.accounts import Actor
from countenance.gateway.obligations import DISCHARGES
from countenance.policy.engine import PolicyEngine
from countenance.policy.packs import Activation, load_packs, shipped_issuers, shipped_packs
from countenance.policy.register import FixedPolicies
from review_house import ADA, NOBODY, OURS, House

SEARCH = {"CollectionId": "seen", "FaceMatchThreshold": 95.0, "MaxFaces": 5}
SHIPPED = load_packs(shipped_packs(), shipped_issuers())
DAY = date(2027, 12, 2)
"""The rule of the pack is in force from then on."""


@pytest.fixture(scope="module")
def union(models):
    """The rules of the Union, as they were signed, on the day from which all of them bind."""
    operations = {name: service.operations for name, service in models.services.items()}
    engine = PolicyEngine.load(
        operations,
        packs={"eu-ai-act": SHIPPED["eu-ai-act"]},
        activations=[Activation("eu-ai-act")],
        discharges=DISCHARGES,
        today=DAY,
    )
    return FixedPolicies(engine)


@pytest.fixture
def house(party, union):
    """Missing persons are looked for: a purpose that asks for no review by itself."""
    house = House(
        party("missing-persons"), union, purpose="missing-persons", source="own_camera", authorization="A-1"
    )
    for examiner in house.examiners:
        train(house, examiner.bench.key.operator)
    return house


def train(house: House, name: str) -> None:
    house.party.bench.services.governance.on_file.train(
        house.party.account_id,
        name,
        valid_until=datetime.now(UTC) + timedelta(days=100),
        actor=Actor("test"),
    )


def test_a_search_is_held_under_the_pack_and_answered_once_two_have_verified(house):
    """The duty is met by the review, and the entry of the answer names who verified (Article 12(3)(d))."""
    answer, told = house.requester("SearchFacesByImage", **SEARCH, Image=ADA)
    assert (answer.status, "OBL-REVIEW" in told["Message"]) == (400, True), told
    entry = house.requester.entry(answer)
    assert entry["outcome"] == "withheld"
    assert "two_person_verification" in entry["obligations"]
    assert "human_review" not in entry["obligations"]
    review = house.held("SearchFacesByImage", **SEARCH, Image=ADA)
    first, second, _ = house.examiners
    house.examine(first, review)
    assert house.held("SearchFacesByImage", **SEARCH, Image=ADA) == review  # one is not two
    house.examine(second, review)
    answer, told = house.requester("SearchFacesByImage", **SEARCH, Image=ADA)
    assert answer.status == 200, told
    assert house.faces["ada"] in {match["Face"]["FaceId"] for match in told["FaceMatches"]}
    entry = house.requester.entry(answer)
    assert "two_person_verification" in entry["obligations"]
    pseudonym = house.party.bench.pseudonym
    assert entry["reviewers"] == [pseudonym("operator", "Erin"), pseudonym("operator", "Emil")]


def test_nobody_found_is_nobody_to_verify(house):
    assert house.requester.told("SearchFacesByImage", **SEARCH, Image=NOBODY)["FaceMatches"] == []


def test_an_examiner_without_training_is_not_one_of_the_two(house):
    """They are to have competence and training, though the purpose itself asks for none."""
    review = house.held("SearchFacesByImage", **SEARCH, Image=ADA)
    novice = house.operator("Nora", "examiner")
    assert "EXA-003" in novice.refused("BeginExamination", **OURS, ReviewId=review)
    train(house, "Nora")
    novice.told("BeginExamination", **OURS, ReviewId=review)


def test_an_answer_that_fewer_than_two_stand_behind_is_given_to_nobody(house):
    """Whatever became of what they said: the answer is not given on the word of one, and people look anew."""
    review = house.held("SearchFacesByImage", **SEARCH, Image=ADA)
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    house.statement(
        "delete from examination e using operator o where o.operator_id = e.operator_id"
        " and e.review_id = %s and o.name = 'Erin'",
        uuid.UUID(review),
    )
    assert house.held("SearchFacesByImage", **SEARCH, Image=ADA) != review


def test_before_the_day_of_the_rule_the_search_is_answered(house, models):
    """The pack watches until then: its rule has a date."""
    operations = {name: service.operations for name, service in models.services.items()}
    engine = PolicyEngine.load(
        operations,
        packs={"eu-ai-act": SHIPPED["eu-ai-act"]},
        activations=[Activation("eu-ai-act")],
        discharges=DISCHARGES,
        today=DAY - timedelta(days=1),
    )
    services = dataclasses.replace(house.party.bench.services, policies=FixedPolicies(engine))
    bench = dataclasses.replace(house.requester.bench, services=services)
    requester = dataclasses.replace(house.requester, bench=bench)
    assert requester.told("SearchFacesByImage", **SEARCH, Image=ADA)["FaceMatches"]
