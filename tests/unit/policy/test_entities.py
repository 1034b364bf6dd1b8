from __future__ import annotations

import dataclasses
import json

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.facts import PROFILES, Evaluated, EvaluationFacts, ModelFacts, Upstream
from countenance.policy import Resource, load_purposes
from countenance.policy.entities import (
    OpenSlice,
    context_for,
    require_closed,
    resource_uid,
    slice_for,
    to_bp,
    uid,
)
from countenance.types import AccountId

OURS, THEIRS, ABOVE, TOP = (AccountId(digit * 12) for digit in "1234")
PURPOSES = load_purposes()
EVALUATED = ModelFacts(
    "2.0",
    "any",
    evaluated=Evaluated(
        standing="in_force",
        decides=EvaluationFacts(
            independent=True,
            groups=3,
            smallest_group=31,
            worst_group_tpr_bp=9812,
            worst_group_fmr_ppm=90,
            worst_group_fpir_ppm=700,
            gallery=5000,
            age_days=12,
        ),
        own_groups=2,
    ),
)


def parts(request, *, packs=()):
    """What one decision sees: entities, and what the question itself names."""
    purpose = PURPOSES.get(request.purpose or "")
    context = context_for(request, purpose=purpose)
    named = (uid("Caller", request.access_key_id), resource_uid(request), context)
    return slice_for(request, packs=packs, purpose=purpose), named


def entity(request, kind: str, **more):
    found = [each for each in parts(request, **more)[0] if each["uid"]["type"] == kind]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    "resource",
    [
        Resource("Account", OURS, OURS),
        Resource("Collection", "staff", OURS),
        Resource("Account", THEIRS, THEIRS),
        Resource("Collection", "staff", THEIRS),
        Resource("Collection", "staff", ABOVE),
    ],
    ids=["our account", "our collection", "their account", "their collection", "collection upstream"],
)
def test_a_slice_is_complete_for_every_kind_of_resource(resource: Resource, lawful):
    """An ancestor that is missing would be taken for one that does not exist."""
    request = lawful(
        "SearchFaces",
        resource=resource,
        account__parents=(ABOVE,),
        account__upstream=(Upstream(ABOVE, "good", (TOP,)), Upstream(TOP, "suspended")),
    )
    entities, named = parts(request, packs=["us-wa-43.386"])
    require_closed(entities, *named)
    names = [(each["uid"]["type"], each["uid"]["id"]) for each in entities]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("missing", ["Caller", "Account", "Collection", "Purpose", "Model", "Pack"])
def test_a_slice_with_anything_missing_is_refused(missing: str, lawful):
    """The second fail-open trap: a suspended account whose row was not loaded would not be suspended."""
    entities, named = parts(lawful("SearchFaces"), packs=["eu-ai-act"])
    with pytest.raises(OpenSlice, match=missing):
        require_closed([each for each in entities if each["uid"]["type"] != missing], *named)


def test_an_account_upstream_that_is_named_and_not_there_is_refused(lawful):
    """However far up: each row of the slice names those above it."""
    request = lawful(
        "SearchFaces", account__parents=(ABOVE,), account__upstream=(Upstream(ABOVE, "good", (TOP,)),)
    )
    entities, named = parts(request)
    with pytest.raises(OpenSlice, match=TOP):
        require_closed(entities, *named)


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


def test_what_the_question_names_counts_as_well():
    """A caller, a resource, and each entity of the context."""
    with pytest.raises(OpenSlice, match="Caller"):
        require_closed([], uid("Caller", "AKIA"))
    with pytest.raises(OpenSlice, match="Purpose"):
        require_closed([], {"purpose": {"__entity": uid("Purpose", "x")}})


def test_standings_and_profiles_are_the_schemas_own():
    """It lists them: they need no row, and one that it does not list does not parse."""
    parents = [uid("Standing", "good"), uid("Profile", "general")]
    require_closed([{"uid": uid("Account", "1"), "parents": parents, "attrs": {}}])


def test_collections_of_one_name_in_two_accounts_are_two_resources(lawful):
    """Otherwise the owner of one could be taken for the owner of the other."""
    ours, theirs = lawful("SearchFaces"), lawful("SearchFaces", resource__owner=THEIRS)
    assert resource_uid(ours) != resource_uid(theirs)
    assert entity(theirs, "Collection")["attrs"]["owner"] == {"__entity": uid("Account", THEIRS)}


def test_the_owner_of_anothers_resource_lends_the_caller_nothing(lawful):
    """It stands in the slice by its identity: no standing, terms, purposes or records of it are known."""
    entities, _ = parts(lawful("SearchFaces", resource__owner=THEIRS))
    owner = next(each for each in entities if each["uid"] == uid("Account", THEIRS))
    assert owner["parents"] == []
    assert owner["attrs"] == {
        "standing": "none",
        "effectiveStanding": "none",
        "profile": "general",
        "termsAccepted": False,
        "purposes": [],
        "records": [],
        "serves": [],
        "tester": False,
    }


def test_an_account_upstream_lends_its_standing_and_nothing_else(lawful):
    """Terms that a supplier accepted are not accepted by whom it supplies."""
    request = lawful(
        "SearchFaces", account__parents=(ABOVE,), account__upstream=(Upstream(ABOVE, "good", ()),)
    )
    entities, _ = parts(request)
    above = next(each for each in entities if each["uid"] == uid("Account", ABOVE))
    assert above["parents"] == [uid("Standing", "good")]
    assert above["attrs"]["termsAccepted"] is False
    assert above["attrs"]["purposes"] == above["attrs"]["records"] == above["attrs"]["serves"] == []


def test_an_account_is_below_its_standing_profile_packs_and_those_upstream(lawful):
    """That is how one suspension, and one pack, reaches all that are downstream."""
    request = lawful("GetHealth", account__parents=(ABOVE,), account__upstream=(Upstream(ABOVE, "good"),))
    entities, _ = parts(request, packs=["b", "a"])
    account = next(each for each in entities if each["uid"] == uid("Account", OURS))
    assert account["parents"] == [
        *(uid("Standing", "good"), uid("Profile", "general")),
        *(uid("Pack", "a"), uid("Pack", "b"), uid("Account", ABOVE)),
    ]
    assert entity(request, "Caller")["parents"] == [uid("Account", OURS)]


def test_an_account_is_of_the_profiles_of_those_whom_it_serves_as_well(lawful):
    """What is forbidden to police is forbidden to whoever works for police; its own profile stays its own."""
    request = lawful("GetHealth", account__serves=frozenset({"law_enforcement", "general", "business"}))
    account = entity(request, "Account", packs=["a"])
    assert account["parents"] == [
        uid("Standing", "good"),
        *(uid("Profile", profile) for profile in ("business", "general", "law_enforcement")),
        uid("Pack", "a"),
    ]
    assert account["attrs"]["profile"] == "general"
    assert account["attrs"]["serves"] == ["business", "general", "law_enforcement"]
    plain = entity(lawful("GetHealth"), "Account")
    assert (plain["parents"][1:], plain["attrs"]["serves"]) == ([uid("Profile", "general")], [])


def test_a_keys_own_purpose_stands_beside_the_one_that_is_asked_for(lawful):
    """Which a key may take on depends on which it has."""
    request = lawful("AssumePurpose", "research", own_purpose="development")
    context = context_for(request, purpose=PURPOSES["research"])
    assert (context["ownPurpose"], context["purposeName"]) == ("development", "research")


def test_its_own_row_is_what_counts_of_an_account_that_stands_among_those_upstream(lawful):
    """A second row of the same account could otherwise be the one that is in good standing."""
    request = lawful("GetHealth", account__standing="suspended", account__upstream=(Upstream(OURS, "good"),))
    assert entity(request, "Account")["attrs"]["standing"] == "suspended"


def test_of_a_collection_without_a_charter_nothing_is_assumed(lawful):
    """It may hold no face, for no purpose, on no legal basis, of no minor."""
    attributes = entity(lawful("SearchFaces", resource__charter=None), "Collection")["attrs"]
    del attributes["owner"], attributes["faceCount"]
    assert attributes == {
        "purposes": [],
        "kind": "none",
        "faceCap": 0,
        "hasLegalBasis": False,
        "minorsAllowed": False,
    }


def test_what_is_not_said_is_absent_and_not_a_default(lawful):
    """The rules ask whether it is there: a default here would answer for the caller."""
    whole = context_for(lawful("SearchFaces", charter=None), purpose=PURPOSES["development"])
    assert {"purposeName", "ownPurpose", "purpose", "thresholdBp", "candidates", "model"} <= whole.keys()
    bare = context_for(lawful("SearchFaces", None, threshold=None, candidates=None, model=None), purpose=None)
    optional = {"purposeName", "ownPurpose", "purpose", "thresholdBp", "candidates", "model", "charter"}
    assert not optional & bare.keys()
    assert bare.keys() == whole.keys() - optional
    charter = lawful("CreateCollection", "event-photos", charter__retention_days=None)
    assert "retentionDays" not in context_for(charter, purpose=PURPOSES["event-photos"])["charter"]
    assert "retentionDays" not in entity(lawful("SearchFaces"), "Purpose")["attrs"]
    assert "worstGroupTprBp" not in entity(lawful("SearchFaces"), "Model")["attrs"]


def test_a_model_is_judged_by_the_gate_of_the_purpose(lawful):
    """The figures are the model's, whether they are enough is the purpose's."""
    of_it = {
        "use": "any",
        "independent": True,
        "ageDays": 12,
        "groups": 3,
        "smallestGroup": 31,
        "worstGroupTprBp": 9812,
        "worstGroupFmrPpm": 90,
        "worstGroupFpirPpm": 700,
        "ownGroups": 2,
    }
    model = entity(lawful("IndexFaces", "fraud-prevention", model=EVALUATED, gallery=5556), "Model")
    short = {"gatePassed": False, "gateMissing": ["gallery"], "galleryCoveredBp": 8999}
    assert model["attrs"] == of_it | short
    compared = entity(lawful("CompareFaces", "identity-proofing", model=EVALUATED), "Model")
    assert compared["attrs"] == of_it | {"gatePassed": False, "gateMissing": ["tpr"]}
    ungated = entity(lawful("CompareFaces", "development", model=EVALUATED), "Model")
    assert ungated["attrs"] == of_it | {"gatePassed": True, "gateMissing": []}


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_every_slice_fits_the_schema(purpose: str, engine, lawful):
    """It is not validated for each call: here it is, with the members that no rule reads yet."""
    below = {
        "account__parents": (ABOVE,),
        "account__upstream": (Upstream(ABOVE, "good", (TOP,)), Upstream(TOP, "suspended")),
    }
    for operation in (
        *PURPOSES[purpose].operations,
        "CreateCollection",
        "ListFaces",
        "OpenFinding",
        "SubmitAppeal",
    ):
        for changes in (
            {},
            below,
            {"resource": Resource("Collection", "theirs", THEIRS)},
            {"model": EVALUATED},
            {"account__serves": frozenset(PROFILES)},
        ):
            entities, _ = parts(lawful(operation, purpose, **changes), packs=["eu-ai-act"])
            cedarpy.Entities.from_json_str(json.dumps(entities), engine._schema)


def test_nobodys_word_counts_for_liveness(lawful):
    """Until there is presentation-attack detection, whatever the caller says of itself."""
    request = lawful("CompareFaces", "identity-proofing", claims__live=True)
    assert context_for(request, purpose=PURPOSES["identity-proofing"])["liveness"] is False


def test_references_of_claims_are_known_to_be_there_and_not_what_they_are(lawful):
    """A case's number is nothing that a rule may depend on, nor that an error message may show."""
    request = lawful("SearchFaces", claims__case="C-77", claims__consent="F-77", claims__authorization="W-77")
    context = context_for(request, purpose=PURPOSES["development"])
    assert context["hasCase"] is context["consent"] is context["authorized"] is True
    assert "-77" not in str(context)


@pytest.mark.parametrize(
    "changes",
    [
        {"account__standing": "goood"},
        {"account__standing": "none"},
        {"account__profile": "police"},
        {"account__serves": frozenset({"police"})},
        {"account__serves": frozenset({"Law_enforcement"})},
        {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, "Suspended"),)},
        {"account__effective_standing": "none"},
        {"account__effective_standing": "SUSPENDED"},
        {"claims__source": "scraped "},
        {"claims__source": ""},
        {"claims__age": "child"},
        {"resource__charter__kind": "none"},
        {"resource__charter__kind": "watch list"},
    ],
    ids=str,
)
def test_a_word_of_a_closed_list_that_is_not_in_it_is_refused(changes, lawful):
    """A forbid that names `suspended` or `scraped` would pass over one that is spelt otherwise."""
    with pytest.raises(ValueError, match="is no"):
        parts(lawful("SearchFaces", **changes))


@pytest.mark.parametrize(
    ("percent", "bp"),
    [
        (0.0, 0),
        (80.0, 8000),
        (98.999, 9899),
        (98.99, 9899),
        (99.0, 9900),
        (99.001, 9900),
        (57.57, 5757),
        (100.0, 10000),
    ],
)
def test_thresholds_are_rounded_down(percent: float, bp: int):
    """98.999 is less than 99; and 57.57 is 5757, whatever binary fractions make of it."""
    assert to_bp(percent) == bp


@given(st.integers(0, 10_000))
def test_every_hundredth_keeps_its_value(bp: int):
    """Whoever asks for exactly the least that is allowed must get it."""
    assert to_bp(bp / 100) == bp


@given(st.floats(0, 100), st.integers(0, 10_000))
def test_no_threshold_gets_past_one_that_it_is_clearly_below(percent: float, least: int):
    """The tolerance is a hundred-millionth of a point."""
    if percent < least / 100 - 1e-7:
        assert to_bp(percent) < least


def test_a_purpose_is_seen_as_the_catalogue_has_it(lawful):
    """Each bound that a rule compares with."""
    purpose = PURPOSES["missing-persons"]
    assert entity(lawful("SearchFaces", "missing-persons"), "Purpose")["attrs"] == {
        "profiles": sorted(purpose.profiles),
        "operations": sorted(purpose.operations),
        "attributes": sorted(purpose.attributes),
        "minimumThresholdBp": 9000,
        "maximumCandidates": 20,
        "faceCap": 100_000,
        "callsPerHour": 1200,
        "retentionDays": 365,
        "minorsAllowed": True,
        "requires": ["case", "source"],
        "hasFpirBudget": True,
        "risk": "elevated",
    }


def test_a_slice_is_made_of_what_was_asked_and_nothing_that_was_kept(lawful):
    """Two decisions share nothing that one could change for the other."""
    request = lawful("SearchFaces")
    first, _ = parts(request)
    first[0]["parents"].append(uid("Account", THEIRS))
    entity(dataclasses.replace(request, resource=Resource("Collection", "x", OURS)), "Collection")[
        "attrs"
    ].clear()
    assert parts(request)[0] != first
    assert entity(lawful("SearchFaces", resource__charter=None), "Collection")["attrs"]["kind"] == "none"
