from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.facts import (
    AGES,
    CHARTER_KINDS,
    NOT_EVALUATED,
    PROFILES,
    RECORD_KINDS,
    SOURCES,
    AccountFacts,
    Charter,
    Claims,
    Evaluated,
    EvaluationFacts,
    EvaluationStanding,
)
from countenance.operations import defaults
from countenance.policy import AccessRequest, Decision, Resource, call_file, load_purposes
from countenance.policy.call_file import parse_call
from countenance.policy.groups import GROUPS
from countenance.policy.purposes import ATTRIBUTES

STANDINGS = ("pending", "good", "restricted", "suspended", "terminated")
ACCOUNT = "111122223333"
EVALUATION = {
    "independent": True,
    "groups": 4,
    "smallest_group": 30,
    "worst_group_tpr": 98.3,
    "worst_group_fmr": 0.0001,
    "worst_group_fpir": 0.00099901,
    "gallery": 500,
    "age_days": 20,
    "own_groups": 2,
}


def call(operation: str = "SearchFaces", **members) -> AccessRequest:
    return parse_call({"operation": operation, **members})


def test_only_the_operation_must_be_said():
    """The rest is a plain call: a good account of no purpose that asks for Amazon's defaults."""
    request = parse_call({"operation": "SearchFaces"})
    assert (request.service, request.operation) == ("rekognition", "SearchFaces")
    assert request.resource == Resource("Account", ACCOUNT, ACCOUNT)
    assert (request.account.standing, request.account.effective_standing) == ("good", "good")
    assert request.account.terms_accepted
    assert request.account.purposes == request.account.serves == frozenset()
    assert (request.purpose, request.own_purpose) == (None, None)
    assert (request.charter, request.officer) == (None, False)
    assert request.claims == Claims()
    assert (request.threshold, request.candidates) == (80.0, 4096)
    assert request.model is not None
    assert request.model.use == "any"
    assert request.model.evaluated == NOT_EVALUATED
    assert request.calls_last_hour == 0


def test_a_call_is_told_in_full():
    """Every member means what it is named after."""
    request = parse_call(
        {
            "operation": "rekognition:IndexFaces",
            "account": {
                "id": "999988887777",
                "standing": "restricted",
                "effective_standing": "suspended",
                "profile": "law_enforcement",
                "terms_accepted": False,
                "purposes": ["research"],
                "records": ["notice"],
                "trained": True,
                "beneficiaries": ["123412341234"],
                "beneficiary_barred": True,
                "serves": ["business", "public_body"],
            },
            "operator": "guy",
            "officer": True,
            "purpose": "missing-persons",
            "own_purpose": "disaster-victims",
            "claims": {
                "case": "C-1",
                "source": "cctv",
                "consent": "F-1",
                "age": "adult",
                "live": True,
                "authorization": "W-1",
                "exigent": True,
                "offence_facts": True,
                "probable_cause": True,
                "beneficiary": "123412341234",
            },
            "threshold": 99,
            "candidates": 5,
            "attributes": ["SMILE", "DEFAULT"],
            "collection": {
                "id": "staff",
                "face_count": 7,
                "purposes": ["missing-persons"],
                "kind": "reference",
                "legal_basis": "a statute",
                "face_cap": 10,
                "retention_days": 30,
                "minors_allowed": True,
            },
            "charter": {"purposes": ["research"]},
            "model": {"version": "2.1", "use": "research", "evaluation": EVALUATION},
            "calls_last_hour": 3,
            "at": "2026-11-26T12:00:00Z",
        }
    )
    account = request.account
    assert account.account_id == "999988887777"
    assert (account.standing, account.effective_standing) == ("restricted", "suspended")
    assert (account.profile, account.terms_accepted) == ("law_enforcement", False)
    assert (account.purposes, account.records) == ({"research"}, {"notice"})
    assert account.operator_trained
    assert account.beneficiary_barred
    assert account.serves == {"business", "public_body"}
    assert account.beneficiaries == {"123412341234"}
    assert (request.operator, request.officer, request.purpose) == ("guy", True, "missing-persons")
    assert request.own_purpose == "disaster-victims"
    assert request.claims == Claims(
        case="C-1",
        source="cctv",
        consent="F-1",
        age="adult",
        live=True,
        authorization="W-1",
        exigent=True,
        offence_facts=True,
        probable_cause=True,
        beneficiary="123412341234",
    )
    assert (request.threshold, request.candidates) == (99, 5)
    assert request.attributes == {"SMILE"}
    charter = Charter(
        purposes=("missing-persons",),
        kind="reference",
        legal_basis="a statute",
        face_cap=10,
        retention_days=30,
        minors_allowed=True,
    )
    assert request.resource == Resource("Collection", "staff", "999988887777", charter, 7)
    assert request.charter is not None
    assert request.charter.purposes == ("research",)
    assert request.model is not None
    assert (request.model.version, request.model.use) == ("2.1", "research")
    assert request.model.evaluated == Evaluated(
        standing="in_force",
        decides=EvaluationFacts(
            independent=True,
            groups=4,
            smallest_group=30,
            worst_group_tpr_bp=9830,
            worst_group_fmr_ppm=100,
            worst_group_fpir_ppm=1000,
            gallery=500,
            age_days=20,
        ),
        own_groups=2,
    )
    assert request.gallery == 7
    assert (request.calls_last_hour, request.now_s) == (3, 1_795_694_400)


def test_the_members_are_those_of_the_values_that_they_make():
    """A claim or a bound that a file cannot tell could not be tested for."""
    assert set(Claims.__dataclass_fields__) == call_file._CLAIMS
    assert set(Charter.__dataclass_fields__) == call_file._CHARTER_MEMBERS
    told = AccessRequest.__dataclass_fields__.keys() - {
        "access_key_id",
        "service",
        "resource",
        "now_s",
        "gallery",
    }
    assert told | {"collection", "at"} == call_file._CALL
    of_account = AccountFacts.__dataclass_fields__.keys() - {"terms_wanted", "parents", "upstream"}
    names = {"account_id": "id", "operator_trained": "trained"}
    assert {names.get(name, name) for name in of_account} == call_file._ACCOUNT_MEMBERS


@pytest.mark.parametrize(
    ("operation", "threshold", "candidates"),
    [
        *(
            (name, 80.0, 4096)
            for name in (*GROUPS["search"], *GROUPS["stream"])
            if name not in {"ImportFace", "IdentifyFace", "ReportCollisions"}
        ),
        ("countenance:ImportFace", 99.0, 1),
        ("countenance:IdentifyFace", 80.0, 3),
        ("countenance:ReportCollisions", 80.0, 10),
        ("countenance:VerifyFaces", 80.0, None),
        ("CompareFaces", 80.0, None),
        ("AssociateFaces", 75.0, None),
        ("IndexFaces", None, None),
        ("DetectFaces", None, None),
        ("CreateCollection", None, None),
        ("countenance:GetHealth", None, None),
    ],
)
def test_an_operation_has_the_defaults_that_it_has(operation, threshold, candidates):
    """A threshold on an operation without one would explain a call that cannot be made."""
    request = call(operation)
    assert (request.threshold, request.candidates) == (threshold, candidates)


def test_the_defaults_are_those_of_the_operations():
    """Else a call would be explained that the server judges otherwise."""
    assert call("SearchFaces").threshold == defaults.SEARCH_THRESHOLD
    assert call("CompareFaces").threshold == defaults.COMPARE_THRESHOLD
    assert call("countenance:ImportFace").threshold == defaults.IMPORT_THRESHOLD
    assert call("AssociateFaces").threshold == defaults.ASSOCIATE_THRESHOLD
    assert call("SearchFaces").candidates == defaults.MOST_FACES
    assert call("countenance:IdentifyFace").candidates == defaults.DECIDING_FACES
    assert call("countenance:ReportCollisions").candidates == defaults.COLLISIONS


@pytest.mark.parametrize(
    ("told", "rule_ids"),
    [
        ({}, ("CORE-001",)),
        ({"own_purpose": "research"}, ("CORE-001",)),
        ({"own_purpose": "development"}, ("PUR-017",)),
        ({"own_purpose": "development", "officer": True}, ("CORE-001",)),
        ({"account": {"purposes": ["research"], "serves": ["business"]}}, ("CORE-001",)),
        ({"account": {"purposes": ["research"], "serves": ["business", "law_enforcement"]}}, ("PUR-009",)),
    ],
)
def test_a_call_is_explained_by_what_its_key_is_for_and_whom_its_account_serves(engine, told, rule_ids):
    """As the server would judge it that knows both."""
    request = call("countenance:AssumePurpose", purpose="research", **told)
    assert engine.decide(request).rule_ids == rule_ids


def test_null_says_that_nothing_was_said():
    """So that a pack can test what happens where a threshold or a model is missing."""
    request = call(threshold=None, candidates=None, model=None)
    assert request.threshold is request.candidates is request.model is None
    assert call(calls_last_hour=None).calls_last_hour == 0


def test_a_purpose_is_approved_unless_the_file_says_what_is():
    """Most calls that people ask about are of a purpose that they have."""
    assert call(purpose="research").account.purposes == {"research"}
    assert call(purpose="research", account={"purposes": []}).account.purposes == frozenset()


def test_the_effective_standing_is_its_own_unless_said():
    """As the register has it for an account with nobody upstream."""
    assert call(account={"standing": "suspended"}).account.effective_standing == "suspended"


def test_all_attributes_are_every_one():
    """As Amazon has it."""
    assert call("DetectFaces", attributes=["ALL"]).attributes == set(ATTRIBUTES)
    assert call("DetectFaces", attributes=["ALL", "SMILE"]).attributes == set(ATTRIBUTES)
    assert call("DetectFaces", attributes=["DEFAULT"]).attributes == frozenset()


def test_a_collection_without_any_bound_has_no_charter():
    """Its name and its faces are no charter."""
    resource = call(collection={"id": "staff", "face_count": 5}).resource
    assert (resource.resource_id, resource.charter, resource.face_count) == ("staff", None, 5)
    assert call(collection={}).resource.charter is None
    assert call(collection={"purposes": []}).resource.charter is not None


@pytest.mark.parametrize(
    ("text", "service", "operation"),
    [
        ("SearchFaces", "rekognition", "SearchFaces"),
        ("rekognition:SearchFaces", "rekognition", "SearchFaces"),
        ("countenance:GetHealth", "countenance", "GetHealth"),
        (":GetHealth", "rekognition", "GetHealth"),
        ("a:b:GetHealth", "a:b", "GetHealth"),
    ],
)
def test_an_operation_is_named_with_or_without_its_service(text, service, operation):
    """Amazon's is meant where none is."""
    request = call(text)
    assert (request.service, request.operation) == (service, operation)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        ("2026-11-26T12:00:00Z", 1_795_694_400),
        ("2026-11-26T12:00:00", 1_795_694_400),
        ("2026-11-26T13:00:00+01:00", 1_795_694_400),
        ("2026-11-26", 1_795_651_200),
    ],
)
def test_a_time_is_in_utc_unless_it_says_otherwise(at, seconds):
    """Not in whatever zone the reader sits in."""
    assert call(at=at).now_s == seconds


MISTAKES = [
    (None, "the call is not an object"),
    ([], "the call is not an object"),
    ("SearchFaces", "the call is not an object"),
    ({}, "`operation` is missing"),
    ({"operation": ""}, "`operation` is missing"),
    ({"operation": 5}, "`operation` is missing"),
    ({"treshold": 99}, "the call has no member `treshold`; it may have account, "),
    ({"account": {"standng": "good"}}, "account has no member `standng`"),
    ({"claims": {"consnt": "F-1"}}, "claims has no member `consnt`"),
    ({"collection": {"facecount": 1}}, "collection has no member `facecount`"),
    ({"charter": {"face_count": 1}}, "charter has no member `face_count`"),
    ({"model": {"licence": "any"}}, "model has no member `licence`"),
    ({"account": None}, "account is not an object"),
    ({"account": []}, "account is not an object"),
    ({"claims": None}, "claims is not an object"),
    ({"collection": "staff"}, "collection is not an object"),
    ({"charter": None}, "charter is not an object"),
    ({"model": "1.0"}, "model is not an object"),
    ({"account": {"standing": "goood"}}, "`standing` is `goood`; it may be pending, good, "),
    ({"account": {"standing": None}}, "`standing` is `None`"),
    ({"account": {"standing": ["good"]}}, "`standing` is"),
    ({"account": {"effective_standing": "none"}}, "`effective_standing` is `none`"),
    ({"account": {"profile": "police"}}, "`profile` is `police`"),
    ({"account": {"terms_accepted": 1}}, "`terms_accepted` is not true or false"),
    ({"account": {"trained": "yes"}}, "`trained` is not true or false"),
    ({"account": {"beneficiary_barred": None}}, "`beneficiary_barred` is not true or false"),
    ({"account": {"purposes": "research"}}, "`purposes` is not a list of texts"),
    ({"account": {"records": [1]}}, "`records` is not a list of texts"),
    ({"account": {"records": ["notices"]}}, "`records` has `notices`, which is no kind of record"),
    ({"account": {"records": ["notice", ""]}}, "`records` has ``, which is no kind of record"),
    ({"account": {"beneficiaries": "123412341234"}}, "`beneficiaries` is not a list of texts"),
    ({"account": {"serves": "business"}}, "`serves` is not a list of texts"),
    ({"account": {"serves": None}}, "`serves` is not a list of texts"),
    ({"account": {"serves": [["business"]]}}, "`serves` is not a list of texts"),
    ({"account": {"serves": ["business", "police"]}}, "`serves` has `police`, which is no profile"),
    ({"own_purpose": ["research"]}, "`own_purpose` is not a text"),
    ({"ownPurpose": "research"}, "the call has no member `ownPurpose`"),
    ({"account": {"id": 111122223333}}, "`id` is not a text"),
    ({"operator": None}, "`operator` is not a text"),
    ({"officer": "no"}, "`officer` is not true or false"),
    ({"purpose": ["research"]}, "`purpose` is not a text"),
    ({"claims": {"case": 7}}, "`case` is not a text"),
    ({"claims": {"source": "web"}}, "`source` is `web`; it may be undeclared, "),
    ({"claims": {"age": 17}}, "`age` is `17`"),
    ({"claims": {"live": 0}}, "`live` is not true or false"),
    ({"threshold": "99"}, "`threshold` is not a number"),
    ({"threshold": True}, "`threshold` is not a number"),
    ({"threshold": -1}, "`threshold` is `-1`; it may be 0 to 100"),
    ({"threshold": 100.1}, "`threshold` is `100.1`"),
    ({"threshold": float("nan")}, "`threshold` is `nan`"),
    ({"threshold": float("inf")}, "`threshold` is `inf`"),
    ({"model": {"gate_passed": True}}, "model has no member `gate_passed`"),
    ({"model": {"evaluation": {"worst_group_tpr": float("inf")}}}, "`worst_group_tpr` is `inf`"),
    ({"model": {"evaluation": {"worst_group_tpr": [98]}}}, "`worst_group_tpr` is not a number"),
    ({"model": {"evaluation": {"worst_group_fmr": 1.5}}}, "`worst_group_fmr` is `1.5`; it is a share"),
    ({"model": {"evaluation": {"standing": "fine"}}}, "`standing` is `fine`"),
    ({"model": {"evaluation": {"differs": ["weather"]}}}, "`differs` has `weather`"),
    ({"model": {"evaluation": {"groups": "2"}}}, "`groups` is not a whole number"),
    ({"model": {"use": "all"}}, "`use` is `all`; it may be any, research, unstated"),
    ({"candidates": 10.0}, "`candidates` is not a whole number"),
    ({"candidates": True}, "`candidates` is not a whole number"),
    ({"calls_last_hour": "7"}, "`calls_last_hour` is not a whole number"),
    ({"collection": {"face_count": 1.5}}, "`face_count` is not a whole number"),
    ({"collection": {"kind": "everybody"}}, "`kind` is `everybody`"),
    ({"collection": {"retention_days": "30"}}, "`retention_days` is not a whole number"),
    ({"attributes": ["SMILES"]}, "`attributes` has `SMILES`, which is no attribute"),
    ({"attributes": "ALL"}, "`attributes` is not a list of texts"),
    ({"at": "noon"}, "`at` is not a time"),
    ({"at": 1_795_694_400}, "`at` is not a text"),
]


@pytest.mark.parametrize(("told", "problem"), MISTAKES, ids=[str(told)[:50] for told, _ in MISTAKES])
def test_a_mistake_is_named_and_not_passed_over(told, problem: str):
    """A misspelt member would explain another call than was meant."""
    if isinstance(told, dict) and told and "operation" not in told:
        told = {"operation": "SearchFaces", **told}
    with pytest.raises(ValueError, match="^" + problem.replace("(", r"\(")):
        parse_call(told)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("good"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def nearly(known: frozenset[str], **better) -> st.SearchStrategy:
    """An object of known members, most of them of the wrong type."""
    return st.fixed_dictionaries(
        {}, optional={name: better.get(name, st.nothing()) | JSON for name in sorted(known)}
    )


CHARTERS = nearly(
    call_file._CHARTER_MEMBERS,
    kind=st.sampled_from(CHARTER_KINDS),
    face_cap=st.integers(),
    retention_days=st.none(),
)
CALLS = nearly(
    call_file._CALL,
    operation=st.sampled_from(["SearchFaces", "rekognition:IndexFaces", "countenance:GetHealth"]),
    account=nearly(
        call_file._ACCOUNT_MEMBERS,
        standing=st.sampled_from(STANDINGS),
        profile=st.sampled_from(PROFILES),
        serves=st.lists(st.sampled_from(PROFILES)),
        records=st.lists(st.sampled_from(sorted(RECORD_KINDS))),
    ),
    claims=nearly(call_file._CLAIMS, source=st.sampled_from(SOURCES), age=st.sampled_from(AGES)),
    threshold=st.floats(0, 100),
    candidates=st.integers(),
    collection=CHARTERS,
    charter=CHARTERS,
    model=nearly(
        frozenset({"version", "use", "evaluation"}),
        evaluation=nearly(
            call_file._EVALUATION_MEMBERS,
            standing=st.sampled_from(get_args(EvaluationStanding)),
            worst_group_fmr=st.floats(0, 1),
            groups=st.integers(),
            gallery=st.integers(),
        ),
    ),
    at=st.datetimes().map(str) | st.datetimes(timezones=st.timezones()).map(str),
)


@settings(max_examples=300, deadline=None)
@given(JSON | CALLS)
def test_whatever_the_file_holds_it_is_a_call_or_a_mistake(engine, told):
    """It comes from files and from callers: nothing in it may crash the one who reads it, or the engine."""
    try:
        request = parse_call(told)
    except ValueError:
        return
    assert engine.decide(request).decision in Decision


@settings(max_examples=200, deadline=None)
@given(
    standing=st.sampled_from(STANDINGS),
    profile=st.sampled_from(PROFILES),
    serves=st.lists(st.sampled_from(PROFILES)),
    purpose=st.sampled_from(sorted(load_purposes())),
    own_purpose=st.sampled_from(sorted(load_purposes())),
    operation=st.sampled_from(["rekognition:SearchFaces", "countenance:CreateAccessKey"]),
    source=st.sampled_from(SOURCES),
    age=st.sampled_from(AGES),
    records=st.lists(st.sampled_from(sorted(RECORD_KINDS))),
    threshold=st.floats(0, 100),
    candidates=st.integers(0, 4096),
    kind=st.sampled_from(CHARTER_KINDS),
    attributes=st.lists(st.sampled_from(ATTRIBUTES)),
)
def test_every_word_that_is_documented_is_understood_and_decided(engine, **told):
    """Whatever a document or a pack's test may say, the engine has an answer and no error."""
    request = parse_call(
        json.loads(
            json.dumps(
                {
                    "operation": told["operation"],
                    "account": {
                        "standing": told["standing"],
                        "profile": told["profile"],
                        "records": told["records"],
                        "serves": told["serves"],
                    },
                    "purpose": told["purpose"],
                    "own_purpose": told["own_purpose"],
                    "claims": {"source": told["source"], "age": told["age"]},
                    "threshold": told["threshold"],
                    "candidates": told["candidates"],
                    "attributes": told["attributes"],
                    "collection": {"purposes": [told["purpose"]], "kind": told["kind"]},
                }
            )
        )
    )
    assert engine.decide(request).errors == ()
