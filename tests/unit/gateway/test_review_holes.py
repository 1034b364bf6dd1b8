"""Ways round a review: each told something of a candidate whom nobody had looked at. None does."""

from __future__ import annotations

import dataclasses
from importlib import resources

import pytest

from countenance.gateway.obligations import DISCHARGES
from countenance.policy import load_purposes
from countenance.policy.engine import PolicyEngine, schema_for
from countenance.policy.register import FixedPolicies
from fakes.vision import person, picture
from review_house import ADA, OURS, SEARCH, House


@pytest.fixture(scope="module")
def strict(models):
    """The core rules, and development needs a case and a review: it may call all that there is."""
    purposes = dict(load_purposes())
    own = purposes["development"]
    purposes["development"] = dataclasses.replace(own, requires=(*own.requires, "case", "review"))
    operations = {name: service.operations for name, service in models.services.items()}
    whole = PolicyEngine.load(operations, discharges=DISCHARGES)
    folder = resources.files("countenance.policy")
    engine = PolicyEngine(
        folder.joinpath("core.cedar").read_text("utf-8"),
        schema_for(operations),
        obligations=folder.joinpath("obligations.cedar").read_text("utf-8"),
        purposes=purposes,
        packs=whole.packs,
        discharges=DISCHARGES,
    )
    return FixedPolicies(engine)


@pytest.fixture
def house(party, strict):
    """An account with ada and eve enrolled, pictures kept, a case, and three examiners."""
    return House(party("development"), strict)


def _enrolled(house: House) -> str:
    """A face of ada's that somebody enrols to search with."""
    photo = {"Bytes": picture(person("ada"), note="another file")}
    [made] = house.party.told("IndexFaces", CollectionId="seen", Image=photo)["FaceRecords"]
    return str(made["Face"]["FaceId"])


def test_a_rejected_candidate_is_held_like_any_other(house):
    """Rejected all, swept through thresholds: the number left out at each would be everybody's score."""
    probe = _enrolled(house)
    for face_id in house.faces.values():
        house.party.told("RejectMatch", **OURS, CollectionId="seen", FaceId=probe, RejectedFaceId=face_id)
    for threshold in (80.0, 99.0, 99.99):
        answer, told = house.requester(
            "SearchFaces", **(SEARCH | {"FaceMatchThreshold": threshold}), FaceId=probe
        )
        assert (answer.status, "OBL-REVIEW" in told["Message"]) == (400, True)
        assert "x-countenance-rejected" not in dict(answer.headers)
        assert "rejected" not in house.requester.entry(answer)


def test_a_rejection_is_no_answer_of_a_photos_search_either(house):
    """Two who are known apart: the better of them says of the other that they are like the photo as well."""
    house.party.told(
        "RejectMatch",
        **OURS,
        CollectionId="seen",
        FaceId=house.faces["ada"],
        RejectedFaceId=house.faces["ada too"],
    )
    review = house.held("IdentifyFace", **OURS, CollectionId="seen", Image=ADA)
    seen = house.examiners[0].told("BeginExamination", **OURS, ReviewId=review)
    assert len(seen["Pictures"]) == 2
    for examiner in house.examiners[:2]:
        house.examine(examiner, review)
    told = house.requester.told("IdentifyFace", **OURS, CollectionId="seen", Image=ADA)
    assert told["CandidatesRejected"] == 0
