from __future__ import annotations

import dataclasses
import re
import tomllib
from importlib import resources

import pytest

from countenance.errors import SetupError
from countenance.facts import PROFILES
from countenance.policy import Decision, load_purposes
from countenance.policy.groups import kinds_of
from countenance.policy.purposes import ATTRIBUTES, MAY_READ_EMOTIONS, REQUIREMENTS, _parse
from countenance.wire.model import load_models

CATALOGUE = load_purposes()
TEXT = resources.files("countenance.policy").joinpath("purposes.toml").read_text("utf-8")
WRITTEN = tomllib.loads(TEXT)
ALL = [pytest.param(purpose, id=name) for name, purpose in CATALOGUE.items()]


def test_the_catalogue_is_closed():
    """What is not here, Countenance is not for: to add a purpose is a decision, not an edit."""
    assert list(CATALOGUE) == [
        *("development", "photo-library", "accessibility", "event-photos", "research"),
        *("identity-verification", "access-control", "missing-persons", "disaster-victims"),
        *("identity-proofing", "fraud-prevention", "investigative-lead"),
    ]
    assert all(name == purpose.name for name, purpose in CATALOGUE.items())


def test_no_purpose_is_for_immigration_enforcement():
    """No purpose, pack or officer can allow it."""
    assert not any("immigration_enforcement" in purpose.profiles for purpose in CATALOGUE.values())
    members = WRITTEN["missing-persons"] | {"profiles": ["general", "immigration_enforcement"]}
    with pytest.raises(SetupError, match="`missing-persons` is damaged"):
        _parse("missing-persons", members)


def test_what_law_enforcement_may_do_is_for_a_case_and_two_people_approved_it():
    """Of every purpose that police may have the searches have a case, a source and few candidates."""
    for name, purpose in CATALOGUE.items():
        if "law_enforcement" in purpose.profiles:
            assert {"case", "source"} <= purpose.requires
            assert purpose.approvals == 2
            assert purpose.fpir_budget > 0
            assert purpose.kind == "reference", name
            assert purpose.minimum_threshold >= 80
            assert purpose.maximum_candidates <= 50


def test_what_people_look_at_first_is_told_by_no_association():
    """AssociateFaces tells of each face how alike it is: where a review is owed that is a search without one.

    By the purpose, or by the pack of the Union, which owes two people for every purpose but those it names.
    """
    pack = (
        resources.files("countenance.policy").joinpath("packs/eu-ai-act/obligations.cedar").read_text("utf-8")
    )
    rule = pack.split('@obligation("two_person_verification")')[1]
    spared = set(re.findall(r'"([a-z-]+)"', rule.split("unless")[1].split("]")[0]))
    assert "development" in spared
    owing = [each for each in CATALOGUE.values() if "review" in each.requires or each.name not in spared]
    assert {"fraud-prevention", "investigative-lead", "missing-persons"} <= {each.name for each in owing}
    for purpose in owing:
        told = {name for name in purpose.operations if kinds_of(name) & {"associate"}}
        assert not told, purpose.name


def test_a_lead_in_an_investigation_has_what_amazon_and_the_settlements_ask():
    """Threshold 99, few candidates, a trained operator, an evaluated model, and people who look first."""
    lead = CATALOGUE["investigative-lead"]
    assert lead.minimum_threshold >= 99
    assert lead.maximum_candidates <= 10
    assert {"training", "gate", "review"} <= lead.requires
    assert lead.profiles == ("law_enforcement",)
    assert not lead.minors_allowed


@pytest.mark.parametrize("purpose", ALL)
def test_a_purpose_is_within_what_it_can_mean(purpose):
    """A bound out of range would be none."""
    assert 0 <= purpose.minimum_threshold <= 100
    assert purpose.minimum_threshold * 100 == int(purpose.minimum_threshold * 100)
    assert 1 <= purpose.maximum_candidates <= 4096
    assert purpose.fpir_budget >= 0
    assert purpose.face_cap >= 1
    assert purpose.calls_per_hour >= 1
    assert purpose.retention_days is None or purpose.retention_days >= 1
    assert purpose.profiles
    assert set(purpose.profiles) <= set(PROFILES)
    assert purpose.title
    assert purpose.summary.endswith(".")
    assert len(set(purpose.operations)) == len(purpose.operations)


@pytest.mark.parametrize("purpose", ALL)
def test_a_purposes_operations_use_a_face_and_are_offered(purpose):
    """A misspelt one would refuse what the catalogue promises."""
    services = load_models().services
    for operation in purpose.operations:
        ours = {
            *("CoachPhoto", "GetFaceImage", "IdentifyFace", "ImportFace", "ListOutliers", "MergeUsers"),
            *("ReportCollisions", "VerifyFaces"),
        } & set(services["countenance"].operations)
        assert operation in ours | set(services["rekognition"].operations)
        assert {"face", "offered"} <= kinds_of(operation)


@pytest.mark.parametrize("purpose", ALL)
def test_faces_are_shown_only_where_they_are_enrolled_and_nobody_examines(purpose):
    """Who asks for a search that people look at first must not see who is in the gallery."""
    shows = "GetFaceImage" in purpose.operations
    assert shows == ("IndexFaces" in purpose.operations and "review" not in purpose.requires)
    assert ("MergeUsers" in purpose.operations) == ("AssociateFaces" in purpose.operations)


@pytest.mark.parametrize("purpose", ALL)
def test_the_more_a_purpose_risks_the_more_it_takes(purpose):
    """Two people approve what is of high risk; little is asked only of what decides about nobody."""
    if purpose.risk == "high":
        assert purpose.approvals == 2
        assert "gate" in purpose.requires
        assert purpose.retention_days is not None
    if not purpose.requires:
        assert purpose.risk == "low"
        assert purpose.kind == "consented"


@pytest.mark.parametrize("purpose", ALL)
def test_minors_are_asked_about_where_they_may_not_be_enrolled(purpose):
    """An enrolment without an attestation of age is refused there: the catalogue must say so."""
    if "IndexFaces" in purpose.operations:
        assert ("age" in purpose.requires) == (not purpose.minors_allowed)


@pytest.mark.parametrize("purpose", ALL)
def test_the_charter_that_a_purpose_gives_is_within_the_purpose(purpose, engine, lawful):
    """CreateCollection without a charter must not break the rules about charters."""
    charter = purpose.charter()
    assert charter.purposes == (purpose.name,)
    assert charter.kind == purpose.kind
    verdict = engine.decide(lawful("CreateCollection", purpose.name, charter=charter))
    assert (verdict.decision, verdict.message) == (Decision.ALLOW, "")


def test_the_charter_of_a_purpose_without_a_legal_basis_has_none():
    """It must be recorded before anything is searched: nobody else can say what it is."""
    assert CATALOGUE["investigative-lead"].charter().legal_basis == ""
    assert CATALOGUE["photo-library"].charter().legal_basis


def test_no_limit_is_none_and_not_zero_days():
    """In the file 0 says that the purpose has no limit; as a number it would delete every face at once."""
    assert WRITTEN["development"]["retention_days"] == 0
    assert CATALOGUE["development"].retention_days is None
    assert CATALOGUE["event-photos"].retention_days == 90


def test_requirements_and_attributes_are_those_that_there_are():
    """Each requirement is asked by some rule and needed by some purpose; attributes are Amazon's."""
    assert set().union(*(purpose.requires for purpose in CATALOGUE.values())) == REQUIREMENTS.keys()
    members = load_models().services["rekognition"].operations["DetectFaces"].input_shape.members
    assert {*ATTRIBUTES, "ALL", "DEFAULT"} == set(members["Attributes"].member.enum)
    core = resources.files("countenance.policy").joinpath("core.cedar").read_text("utf-8")
    duties = resources.files("countenance.policy").joinpath("obligations.cedar").read_text("utf-8")
    for requirement in REQUIREMENTS:
        assert f'requires.contains("{requirement}")' in core + duties


def test_emotions_are_read_where_nothing_is_decided_about_anybody_and_nowhere_else():
    """Never at work or in education: the EU's AI Act, Article 5(1)(f)."""
    allowed = {name for name, purpose in CATALOGUE.items() if "EMOTIONS" in purpose.attributes}
    assert allowed == MAY_READ_EMOTIONS
    assert all("Nothing is decided about anybody" in CATALOGUE[name].summary for name in allowed)


def test_age_and_gender_are_off_where_no_purpose_needs_them():
    """They are allowed by name, and by few."""
    for attribute in ("AGE_RANGE", "GENDER"):
        allowed = {name for name, purpose in CATALOGUE.items() if attribute in purpose.attributes}
        assert allowed == {"development", "research", "missing-persons", "disaster-victims"}


def test_a_purpose_cannot_be_changed():
    """One catalogue is shared by all calls."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE["development"].face_cap = 1


DAMAGES = {
    "risk": {"risk": "none"},
    "approvals": {"approvals": 0},
    "profile": {"profiles": ["police"]},
    "attribute": {"attributes": ["MOOD"]},
    "kind": {"kind": "everybody"},
    "emotions where something is decided": {"name": "access-control", "attributes": ["EMOTIONS"]},
    "requirement": {"requires": ["luck"]},
    "member": {"minimum_treshold": 99},
    "requirement that is no list": {"requires": None},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_catalogue_stops_the_start(damage: str):
    """A misspelt bound would be one that nobody keeps."""
    damaged = WRITTEN["research"] | DAMAGES[damage]
    name = damaged.pop("name", "research")
    with pytest.raises(SetupError, match=f"the purpose `{name}` is damaged") as raised:
        _parse(name, damaged)
    assert "reinstall" in str(raised.value)


@pytest.mark.parametrize("member", sorted(WRITTEN["research"]))
def test_a_purpose_says_all_that_there_is_to_say(member: str):
    """There is no default that could be forgotten."""
    told = {name: value for name, value in WRITTEN["research"].items() if name != member}
    with pytest.raises(SetupError, match="the purpose `research` is damaged"):
        _parse("research", told)


def test_every_member_is_explained_at_the_head_of_the_file():
    """It is what people read before they ask for a purpose."""
    head = TEXT.split("[development]")[0]
    plain = {"title", "summary", "risk", "approvals", "profiles", "kind", "legal_basis", "minors_allowed"}
    for member in WRITTEN["development"].keys() - plain:
        assert f"# {member} " in head
