from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
import threading
from datetime import date
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.errors import SetupError
from countenance.facts import PROFILES, AccountFacts, Claims, Upstream
from countenance.policy import AccessRequest, Decision, PolicyEngine, Resource, load_purposes
from countenance.policy import engine as engine_module
from countenance.policy.engine import actions_schema, schema_for
from countenance.policy.groups import GROUPS, kinds_of
from countenance.policy.packs import Activation, Manifest, Pack
from countenance.policy.rules import read_rules
from countenance.types import AccountId

AMAZONS = ("search", "enrol", "associate", "compare", "analyse", "stream", "chartering", "gallery", "look")
OURS, THEIRS, ABOVE, TOP = (AccountId(digit * 12) for digit in "1234")
OURS_WITH_FACES = frozenset(
    {"CoachPhoto", "GetFaceImage", "IdentifyFace", "ImportFace", "ListOutliers", "MergeUsers"}
    | {"DescribeFaces", "ReportCollisions", "VerifyFaces"}
)
"""Of our own service, though they use a face or are of a kind of Amazon's."""
NAMES = {
    "rekognition": [name for kind in AMAZONS for name in GROUPS[kind] if name not in OURS_WITH_FACES],
    "countenance": sorted(
        OURS_WITH_FACES | {name for kind in GROUPS.keys() - set(AMAZONS) for name in GROUPS[kind]}
    ),
}
FOLDER = resources.files("countenance.policy")
CORE = FOLDER.joinpath("core.cedar").read_text("utf-8")
DUTIES = FOLDER.joinpath("obligations.cedar").read_text("utf-8")
SCHEMA = schema_for(NAMES)
PERMIT_ALL = '@id("P-1") @message("anybody") permit (principal, action, resource);'
FORBID = '@id("F-1") @message("m") @remedy("r") forbid (principal, action, resource) '
OVERFLOWS = "when { context.now + 9223372036854775807 > 0 };"
DUTY = '@id("D-1") @message("m") @obligation("sing") permit (principal, action, resource) '
LOADED = PolicyEngine.load(NAMES, packs={}, discharges={"record_attestations", "fpir_budget"})


def a_pack(policies: str = "", obligations: str = "", *, always: bool = False) -> Pack:
    """A pack `toy` of the test's own."""
    manifest = Manifest(
        pack="toy",
        version="1",
        title="Toy",
        issuer="toy.example",
        jurisdiction="none",
        kind="house",
        legal_review="none",
        since=None,
        until=None,
        profiles=(),
        purposes=(),
        always=always,
        sources=(),
        gates=(),
        obliges=(),
        paper=(),
        note="",
    )
    scope = '(principal in Pack::"toy", action, resource)'
    rules = (
        read_rules(policies.replace("(principal, action, resource)", scope), pack="toy") if policies else []
    )
    duties = (
        read_rules(obligations.replace("(principal, action, resource)", scope), pack="toy")
        if obligations
        else []
    )
    return Pack(
        manifest=manifest,
        rules=tuple(rules),
        obligations=tuple(duties),
        tests=(),
        digest="0" * 64,
        signed_by="toy.example",
    )


def with_pack(
    pack: Pack, *, mode: str = "enforce", accounts: frozenset[str] | None = None, **more
) -> PolicyEngine:
    return PolicyEngine.load(
        NAMES, packs={"toy": pack}, activations=[Activation("toy", mode, accounts)], **more
    )


# ---- What is decided


def test_an_account_in_good_standing_may_use_what_it_owns(lawful):
    """The one permit that there is for all that is offered."""
    for operation in ("SearchFaces", "ListFaces"):
        verdict = LOADED.decide(lawful(operation))
        assert (verdict.decision, verdict.rule_ids, verdict.message) == (Decision.ALLOW, ("CORE-001",), "")


@pytest.mark.parametrize(
    "resource",
    [Resource("Collection", "staff", THEIRS), Resource("Account", THEIRS, THEIRS)],
    ids=["collection", "account"],
)
def test_what_another_account_owns_is_refused_by_name(resource: Resource, lawful):
    """The event must say which rule it was."""
    verdict = LOADED.decide(lawful("ListFaces", resource=resource))
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, ("CORE-002",))
    assert "CORE-002: the resource belongs to another account" in verdict.message


def test_every_broken_rule_is_told_with_its_remedy(lawful):
    """A caller who mends one rule after the other asks once, not five times."""
    verdict = LOADED.decide(
        lawful(
            "SearchFaces",
            "photo-library",
            account__standing="suspended",
            account__terms_accepted=False,
            resource__owner=THEIRS,
            threshold=1.0,
        )
    )
    assert verdict.rule_ids == ("AUP-001", "AUP-002", "CORE-002", "PUR-005")
    assert [told.rule_id for told in verdict.broken] == list(verdict.rule_ids)
    for told in verdict.broken:
        assert str(told) in verdict.message
        assert told.remedy
        assert told.pack == "core"


def test_what_the_owner_may_do_depends_on_owner_and_standing_alone(lawful):
    """Exhaustively: kind, owner, standing, for an operation that uses no face."""
    standings = {
        "good": None,
        "restricted": None,
        "pending": "AUP-005",
        "suspended": "AUP-002",
        "terminated": "AUP-003",
    }
    for kind, owner, standing in itertools.product(("Account", "Collection"), (OURS, THEIRS), standings):
        resource = Resource(kind, owner if kind == "Account" else "staff", owner)
        verdict = LOADED.decide(lawful("ListFaces", account__standing=standing, resource=resource))
        expected = {standings[standing], "CORE-002" if owner == THEIRS else None} - {None}
        assert (verdict.decision is Decision.ALLOW) == (not expected)
        assert set(verdict.rule_ids) == (expected or {"CORE-001"})
        assert verdict.errors == ()


def test_without_a_permit_nothing_is_allowed(lawful):
    """Default deny, and the message does not pretend that a rule was broken."""
    verdict = PolicyEngine("", SCHEMA).decide(lawful("ListFaces"))
    assert (verdict.decision, verdict.rule_ids, verdict.errors) == (Decision.DENY, (), ())
    assert "no rule allows `rekognition:ListFaces`" in verdict.message


def test_what_is_owed_comes_with_the_answer(lawful):
    """The service must discharge it before it answers."""
    verdict = LOADED.decide(lawful("SearchFaces", "missing-persons"))
    assert verdict.decision is Decision.ALLOW
    assert verdict.obligations == ("fpir_budget", "record_attestations")
    assert LOADED.decide(lawful("ListFaces", claims__consent="F-1")).obligations == ()


def test_a_duty_that_the_service_cannot_discharge_refuses_the_call(lawful):
    """A promise of review that nobody keeps is worse than none."""
    call = lawful("SearchFaces", "missing-persons")
    refused = PolicyEngine.load(NAMES, packs={}, discharges={"record_attestations"}).decide(call)
    assert (refused.decision, refused.rule_ids, refused.obligations) == (Decision.DENY, ("OBL-FPIR",), ())
    assert refused.message.startswith("OBL-FPIR: the threshold is raised")
    assert "this server cannot discharge it yet" in refused.message
    assert PolicyEngine.load(NAMES, packs={}).decide(call).rule_ids == ("OBL-ATTEST", "OBL-FPIR")


# ---- The first trap: a forbid that fails is skipped


def test_cedar_itself_would_let_pass_what_a_failing_forbid_is_against(lawful):
    """The trap is there: were it gone, the tests beside this one would test nothing."""
    engine = PolicyEngine(PERMIT_ALL + FORBID + OVERFLOWS, SCHEMA)
    question, entities = engine._question(lawful("ListFaces"))
    answer = engine_module.cedarpy.is_authorized(question, engine._policies, entities, engine._schema)
    assert answer.decision is engine_module.cedarpy.Decision.Allow
    assert answer.diagnostics.errors


@pytest.mark.parametrize("where", ["core", "obligations", "pack", "shadow", "duty of a pack"])
def test_a_policy_that_fails_in_evaluation_denies_wherever_it_stands(where: str, lawful):
    """Cedar skips it, and the permit would win: the rule that could not be asked may have been the one."""
    call = lawful("DetectFaces")
    engine = {
        "core": lambda: PolicyEngine(PERMIT_ALL + FORBID + OVERFLOWS, SCHEMA),
        "obligations": lambda: PolicyEngine(PERMIT_ALL, SCHEMA, obligations=DUTY + OVERFLOWS),
        "pack": lambda: with_pack(a_pack(FORBID + OVERFLOWS)),
        "shadow": lambda: with_pack(a_pack(FORBID + OVERFLOWS), mode="shadow"),
        "duty of a pack": lambda: with_pack(a_pack("", DUTY + OVERFLOWS)),
    }[where]()
    verdict = engine.decide(call)
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, ())
    assert any("overflow" in error for error in verdict.errors)
    assert "could not be decided and is refused" in verdict.message
    assert "overflow" not in verdict.message


@pytest.mark.parametrize("what", ["error", "NoDecision", "raises"])
@pytest.mark.parametrize("which", ["_policies", "_duties", "_shadow"])
def test_whatever_goes_wrong_with_any_of_the_policy_sets_is_a_deny(
    which: str, what: str, monkeypatch, lawful
):
    """The third trap: NoDecision is neither Allow nor Deny; and a duty that was not found out is owed."""
    engine = with_pack(a_pack(FORBID + "when { false };"), mode="shadow", discharges=LOADED._discharges)
    call = lawful("SearchFaces")
    assert engine.decide(call).decision is Decision.ALLOW
    policies, really = getattr(engine, which), engine_module.cedarpy.is_authorized

    def is_authorized(question, asked, *others):
        if asked is not policies:
            return really(question, asked, *others)
        if what == "raises":
            raise ValueError("cannot be parsed")
        decision = "NoDecision" if what == "NoDecision" else "Allow"
        diagnostics = {"reason": [], "errors": ["boom"] if what == "error" else []}
        return engine_module.cedarpy.AuthzResult({"decision": decision, "diagnostics": diagnostics})

    monkeypatch.setattr(engine_module.cedarpy, "is_authorized", is_authorized)
    verdict = engine.decide(call)
    assert (verdict.decision, verdict.rule_ids, verdict.obligations) == (Decision.DENY, (), ())
    assert verdict.errors
    assert verdict.policy_digest == engine.digest


@pytest.mark.parametrize("operation", ["SubmitAppeal", "GetTerms", "DeactivatePack"])
def test_what_goes_wrong_with_the_cores_own_rules_is_a_deny_where_they_alone_decide(
    operation: str, monkeypatch, lawful
):
    """To be asked no pack's rules is not to be asked none."""
    engine, really = with_pack(a_pack(FORBID + "when { true };")), engine_module.cedarpy.is_authorized
    assert engine.decide(lawful(operation)).decision is Decision.ALLOW

    def is_authorized(question, asked, *others):
        if asked is engine._core:
            diagnostics = {"reason": [], "errors": ["boom"]}
            return engine_module.cedarpy.AuthzResult({"decision": "Allow", "diagnostics": diagnostics})
        return really(question, asked, *others)

    monkeypatch.setattr(engine_module.cedarpy, "is_authorized", is_authorized)
    verdict = engine.decide(lawful(operation))
    assert (verdict.decision, verdict.rule_ids, verdict.errors) == (Decision.DENY, (), ("boom",))


def test_a_question_that_does_not_fit_its_action_is_denied(monkeypatch, lawful):
    """A context that rules rely on and somebody forgot must not pass."""
    whole = engine_module.context_for

    def context_for(*asked, **more):
        context = whole(*asked, **more)
        del context["callsLastHour"]
        return context

    monkeypatch.setattr(engine_module, "context_for", context_for)
    verdict = LOADED.decide(lawful("ListFaces"))
    assert verdict.decision is Decision.DENY
    assert verdict.errors


UNGUARDED = [
    "when { context.thresholdBp < 9900 };",
    "when { context.candidates > 10 };",
    "when { context.purpose.minorsAllowed };",
    'when { context.purposeName == "research" };',
    'when { context.ownPurpose == "research" };',
    "when { context.model.gatePassed };",
    "when { context.charter.minorsAllowed };",
    "when { context has purpose && context.purpose.retentionDays > 1 };",
    "when { context has model && context.model.worstGroupTprBp < 9800 };",
    "when { resource is Collection && resource.retentionDays > 1 };",
    "unless { context.thresholdBp >= 9900 };",
    "when { resource.minorsAllowed };",
    "when { context has charter || context.charter.minorsAllowed };",
]


@pytest.mark.parametrize("condition", UNGUARDED)
def test_a_rule_that_does_not_guard_what_may_be_absent_is_refused_at_load(condition: str):
    """Where the fact is absent the forbid would fail and be skipped: the validator sees it at load."""
    with pytest.raises(SetupError, match="do not fit"):
        PolicyEngine(PERMIT_ALL + FORBID + condition, SCHEMA)
    with pytest.raises(SetupError, match="do not fit"):
        PolicyEngine(PERMIT_ALL, SCHEMA, obligations=DUTY + condition)
    with pytest.raises(SetupError, match="`toy` do not fit"):
        with_pack(a_pack(FORBID + condition))
    with pytest.raises(SetupError, match="`toy` do not fit"):
        with_pack(a_pack(FORBID + condition), mode="shadow")
    with pytest.raises(SetupError, match="`toy` do not fit"):
        with_pack(a_pack("", DUTY + condition))


def test_a_rule_that_guards_what_may_be_absent_decides_by_it(lawful):
    """Absence refuses where the rule is written so."""
    rule = "unless { context has thresholdBp && context.thresholdBp >= 9900 };"
    engine = PolicyEngine(PERMIT_ALL + FORBID + rule, SCHEMA)
    assert engine.decide(lawful("SearchFaces", threshold=None)).rule_ids == ("F-1",)
    assert engine.decide(lawful("SearchFaces", threshold=98.99)).rule_ids == ("F-1",)
    assert engine.decide(lawful("SearchFaces", threshold=99.0)).decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("policies", "problem"),
    [
        ("permit (principal, action", "cannot be read"),
        (FORBID + 'when { principal.nme == "x" };', "do not fit"),
        ('@id("P-1") @message("m") permit (principal, action == Action::"s3:Get", resource);', "do not fit"),
        ('@id("P-1") @message("m") permit (principal in Standing::"goood", action, resource);', "do not fit"),
        ('@id("P-1") @message("m") permit (principal in Profile::"police", action, resource);', "do not fit"),
        (FORBID + "when { context.n > 1 };", "do not fit"),
        (FORBID + 'when { context.now > "1" };', "do not fit"),
        ('@message("m") permit (principal, action, resource);', "lacks its id"),
        ('@id("P-1") permit (principal, action, resource);', "lacks its id, message"),
        ('@id("F-1") @message("m") forbid (principal, action, resource);', "or remedy"),
        (PERMIT_ALL + PERMIT_ALL, "two policies have the id `P-1`"),
        ('@id("P-1") @message("m") permit (principal == ?principal, action, resource);', "template"),
    ],
    ids=[
        *("syntax", "attribute", "action", "standing", "profile", "context", "type", "no id", "no message"),
        *("no remedy", "twice", "template"),
    ],
)
def test_policies_with_a_mistake_are_refused_at_load(policies: str, problem: str):
    """A typing mistake in a forbid is a hole; strict validation finds it before the first call."""
    with pytest.raises(SetupError, match=problem):
        PolicyEngine(policies, SCHEMA)


def test_a_schema_with_a_mistake_is_refused_at_load():
    """It is generated in part, from names in model files."""
    with pytest.raises(SetupError, match="cannot be read"):
        PolicyEngine(PERMIT_ALL, SCHEMA + "entity {")


# ---- The second trap: what was not loaded does not exist


SUSPENDED_ABOVE = {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, "suspended"),)}
SUSPENDED_TWO_UP = {
    "account__parents": (ABOVE,),
    "account__upstream": (Upstream(ABOVE, "good", (TOP,)), Upstream(TOP, "suspended")),
}


@pytest.mark.parametrize(
    ("changes", "rule_ids"),
    [
        (SUSPENDED_ABOVE, ("AUP-002",)),
        (SUSPENDED_TWO_UP, ("AUP-002",)),
        ({"account__effective_standing": "suspended"}, ("AUP-002",)),
        ({"account__effective_standing": "terminated"}, ("AUP-003",)),
        (
            {
                "account__parents": (ABOVE,),
                "account__upstream": (Upstream(ABOVE, "terminated", (TOP,)), Upstream(TOP, "suspended")),
            },
            ("AUP-002", "AUP-003"),
        ),
        (
            {
                "account__parents": (ABOVE, TOP),
                "account__upstream": (Upstream(ABOVE, "good"), Upstream(TOP, "suspended")),
            },
            ("AUP-002",),
        ),
    ],
    ids=["above", "two up", "register alone", "register: terminated", "both kinds", "one of two"],
)
@pytest.mark.parametrize("operation", ["SearchFaces", "GetHealth"])
def test_a_suspension_upstream_reaches_an_account_that_is_good_itself(operation, changes, rule_ids, lawful):
    """By two ways that do not know of one another: the slice's hierarchy, and what the register computed."""
    verdict = LOADED.decide(lawful(operation, **changes))
    assert (verdict.decision, verdict.rule_ids, verdict.errors) == (Decision.DENY, rule_ids, ())


@pytest.mark.parametrize("standing", ["good", "restricted", "pending"])
def test_an_account_upstream_that_is_not_suspended_carries_nothing(standing: str, lawful):
    """A restriction is of the account that it was put on."""
    above = {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, standing),)}
    assert LOADED.decide(lawful("SearchFaces", **above)).decision is Decision.ALLOW


@pytest.mark.parametrize("own", ["pending", "suspended", "terminated"])
def test_a_good_account_upstream_lifts_nobody(own: str, lawful):
    """Downstream of a good account one is in its standing as well: that must not be taken for one's own."""
    above = {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, "good"),)}
    for operation in ("SearchFaces", "ListFaces", "GetHealth"):
        verdict = LOADED.decide(lawful(operation, account__standing=own, **above))
        assert verdict.decision is Decision.DENY
        assert len(verdict.rule_ids) == 1


@pytest.mark.parametrize(
    ("parents", "upstream", "missing"),
    [
        ((ABOVE,), (), ABOVE),
        ((ABOVE,), (Upstream(ABOVE, "good", (TOP,)),), TOP),
        ((ABOVE, TOP), (Upstream(ABOVE, "good"),), TOP),
    ],
    ids=["above", "two up", "one of two"],
)
def test_an_account_upstream_that_was_not_loaded_denies(parents, upstream, missing, lawful):
    """Cedar takes it for an account that is in no standing at all: a suspended one would not be suspended."""
    verdict = LOADED.decide(lawful("GetHealth", account__parents=parents, account__upstream=upstream))
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, ())
    assert missing in verdict.errors[0]
    assert missing not in verdict.message


@pytest.mark.parametrize(
    "upstream",
    [
        (Upstream(ABOVE, "good", (TOP,)), Upstream(TOP, "good", (ABOVE,))),
        (Upstream(ABOVE, "good", (OURS,)),),
        (Upstream(ABOVE, "good", (ABOVE,)),),
    ],
    ids=["above itself", "its own supplier", "its own parent"],
)
def test_accounts_in_a_circle_are_denied(upstream, lawful):
    """Cedar cannot say who is above whom; such a relation is refused when it is declared."""
    verdict = LOADED.decide(lawful("GetHealth", account__parents=(ABOVE,), account__upstream=upstream))
    assert verdict.decision is Decision.DENY
    assert verdict.errors


@pytest.mark.parametrize("missing", ["Account", "Caller", "Collection", "Purpose", "Model", "Pack"])
def test_anything_that_is_missing_from_the_slice_denies(missing: str, monkeypatch, lawful):
    """What is not in it does not exist for Cedar, and no rule about it would apply."""
    engine = with_pack(a_pack(FORBID + "when { false };"), discharges=LOADED._discharges)
    call = lawful("SearchFaces")
    assert engine.decide(call).decision is Decision.ALLOW
    whole = engine_module.slice_for

    def slice_for(*asked, **more):
        return [entity for entity in whole(*asked, **more) if entity["uid"]["type"] != missing]

    monkeypatch.setattr(engine_module, "slice_for", slice_for)
    verdict = engine.decide(call)
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, ())
    assert f"the entity slice lacks {missing}::" in verdict.errors[0]


def test_no_slice_is_taken_for_another_that_was_parsed_before(lawful):
    """What is kept of a slice is its parsing: an account is as it is now, not as it was at its last call."""
    changes = (
        {"account__standing": "suspended"},
        {"account__serves": frozenset({"immigration_enforcement"})},
        {"account__records": frozenset({"notice"})},
        {"resource__charter__legal_basis": ""},
        {"model__use": "research"},
        {"officer": True},
    )
    calls = [lawful("SearchFaces", "photo-library", **change) for change in ({}, *changes)]
    fresh = [PolicyEngine.load(NAMES, packs={}, discharges=LOADED._discharges).decide(call) for call in calls]
    for _ in range(2):
        assert [LOADED.decide(call) for call in calls] == fresh
    assert {verdict.decision for verdict in fresh} == {Decision.ALLOW, Decision.DENY}


# ---- What cannot be decided


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "DeleteEverything"},
        {"operation": "RecognizeCelebrities"},
        {"operation": "search"},
        {"operation": ""},
        {"service": "s3"},
        {"service": "countenance"},
        {"account__standing": "goood"},
        {"account__standing": ""},
        {"account__effective_standing": "Suspended"},
        {"account__effective_standing": ""},
        {"account__profile": "police"},
        {"account__serves": frozenset({"police"})},
        {"account__serves": frozenset({""})},
        {"account__serves": None},
        {"own_purpose": 5},
        {"account__parents": (ABOVE,), "account__upstream": (Upstream(ABOVE, "gone"),)},
        {"operator": "\ud800"},
        {"operator": None},
        {"access_key_id": 5},
        {"claims__source": "the web"},
        {"claims__source": "Scraped"},
        {"claims__age": "Minor"},
        {"claims__age": None},
        {"claims": None},
        {"resource__charter__kind": "Consented"},
        {"resource__charter__face_cap": None},
        {"resource__charter__face_cap": 1 << 63},
        {"resource__face_count": 1.5},
        {"threshold": float("nan")},
        {"threshold": float("inf")},
        {"threshold": 1e300},
        {"threshold": "80"},
        {"candidates": 1.5},
        {"candidates": "10"},
        {"candidates": 1 << 63},
        {"calls_last_hour": None},
        {"calls_last_hour": "0"},
        {"now_s": None},
        {"model__use": None},
    ],
    ids=str,
)
def test_what_cannot_be_decided_is_denied(changes, lawful):
    """The third trap: what fits no type is a bug of ours or an attack, and never a reason to go on."""
    verdict = LOADED.decide(lawful("SearchFaces", **changes))
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, ())
    assert verdict.errors
    assert "could not be decided and is refused" in verdict.message


@pytest.mark.parametrize(
    ("operation", "purpose", "changes"),
    [
        ("OpenFinding", "development", {"officer": 1}),
        ("OpenFinding", "development", {"officer": "yes"}),
        ("CompareFaces", "fraud-prevention", {"model__evaluated__decides__groups": "many"}),
        ("IndexFaces", "event-photos", {"resource__charter__minors_allowed": "no", "claims__age": "minor"}),
        ("IndexFaces", "event-photos", {"resource__charter__retention_days": "30"}),
        ("IndexFaces", "development", {"resource__charter__legal_basis": 5, "resource__face_count": "0"}),
        ("SearchFaces", "development", {"account__terms_accepted": "yes"}),
    ],
    ids=lambda told: str(told)[:40],
)
def test_what_is_of_another_type_denies_as_soon_as_a_rule_looks_at_it(operation, purpose, changes, lawful):
    """A word where a yes or no belongs is neither."""
    verdict = LOADED.decide(lawful(operation, purpose, **changes))
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, ())
    assert verdict.errors


@pytest.mark.parametrize("message", ["{}", "{0}", "{", "{operation.nothing}", "{operation[x]}"])
def test_a_message_that_cannot_be_filled_in_denies_and_does_not_crash(message: str, lawful):
    """A pack is written elsewhere: a brace too many in it must not take the service down."""
    engine = PolicyEngine(PERMIT_ALL + FORBID.replace('"m"', f'"{message}"') + "when { true };", SCHEMA)
    verdict = engine.decide(lawful("ListFaces"))
    assert verdict.decision is Decision.DENY


def test_what_a_caller_writes_is_never_filled_in_itself(lawful):
    """A purpose named `{operator}` must stay what it is."""
    call = lawful("DetectFaces", purpose="{operator}", account__purposes=frozenset())
    assert "the purpose `{operator}` is not approved" in LOADED.decide(call).message


# ---- Operations


def test_every_operation_that_is_offered_is_an_action(engine, lawful):
    """What is not an action cannot be called: nothing may be forgotten."""
    from countenance.operations.registry import OPERATIONS

    for service, operations in OPERATIONS.items():
        for name in operations:
            verdict = engine.decide(lawful(name, service=service))
            assert verdict.decision is Decision.ALLOW, verdict.message


def test_no_operation_that_is_not_offered_is_allowed_to_anybody(engine, operations, lawful):
    """Amazon's model has fifty operations more than this server: each must be refused by default."""
    from countenance.operations.registry import OPERATIONS

    refused = [name for name in operations["rekognition"] if name not in OPERATIONS["rekognition"]]
    assert len(refused) >= 50
    for name in refused:
        verdict = engine.decide(lawful("ListFaces", operation=name, officer=True))
        assert verdict.decision is Decision.DENY
        assert bool(verdict.errors) == (kinds_of(name) == {"unoffered"})


def test_an_operation_is_an_action_of_its_own_service_only(engine, lawful):
    """Two services may name an operation alike one day."""
    assert engine.decide(lawful("ListFaces", service="countenance")).errors
    assert engine.decide(lawful("GetHealth", service="rekognition")).errors


@pytest.mark.parametrize("name", ['GetHealth"', "Get Health", "GetHealth;", "", "1GetHealth", "GetHealth\n"])
def test_an_operations_name_cannot_smuggle_anything_into_the_schema(name: str, monkeypatch):
    """The names come from model files."""
    monkeypatch.setattr(engine_module, "GROUPS", {"own": (name,)})
    monkeypatch.setattr(engine_module, "kinds_of", lambda _: frozenset({"own"}))
    with pytest.raises(ValueError, match="cannot be an action"):
        actions_schema({"countenance": [name]})
    with pytest.raises(ValueError, match="cannot be an action"):
        actions_schema({'x" in [Action::"y"]; action "z': ["GetHealth"]})


# ---- Packs, as far as the engine goes: the rest is in test_packs.py


def test_a_pack_binds_by_being_active(lawful):
    """And only those accounts that it is active for."""
    pack, call = a_pack(FORBID + "when { true };"), lawful("ListFaces")
    assert PolicyEngine.load(NAMES, packs={"toy": pack}).decide(call).decision is Decision.ALLOW
    refused = with_pack(pack).decide(call)
    assert (refused.decision, refused.rule_ids) == (Decision.DENY, ("F-1",))
    assert refused.message == "F-1 [toy, legal review: none]: m; r"
    assert with_pack(pack, accounts=frozenset({OURS})).decide(call).decision is Decision.DENY
    theirs = with_pack(pack, accounts=frozenset({THEIRS}))
    assert theirs.decide(call).decision is Decision.ALLOW
    for_them = lawful("ListFaces", account__beneficiaries=frozenset({THEIRS}))
    assert theirs.decide(for_them).rule_ids == ("F-1",)
    always = a_pack(FORBID + "when { true };", always=True)
    assert PolicyEngine.load(NAMES, packs={"toy": always}).decide(call).rule_ids == ("F-1",)


CLOSED = a_pack(FORBID + "when { true };", DUTY + "when { true };")
STAYS_OPEN = (*GROUPS["terms"], *GROUPS["dueProcess"], *GROUPS["rights"], "DeactivatePack")


@pytest.mark.parametrize("operation", STAYS_OPEN)
def test_no_pack_closes_terms_due_process_or_the_way_to_end_its_use(operation: str, lawful):
    """Who writes a pack decides what faces are used for, not whether anybody may read why and appeal."""
    call = lawful(operation)
    for engine in (with_pack(CLOSED), with_pack(dataclasses.replace(CLOSED, manifest=_always(CLOSED)))):
        assert engine.packs_for(call) == {"toy"}
        verdict = engine.decide(call)
        assert (verdict.decision, verdict.message, verdict.obligations) == (Decision.ALLOW, "", ())
        assert not set(verdict.rule_ids) - {"CORE-001", "CORE-003"}
    watched = with_pack(CLOSED, mode="shadow").decide(call)
    assert (watched.decision, watched.shadow) == (Decision.ALLOW, ("F-1",))
    broken = a_pack(FORBID + "when { context.now + 9223372036854775807 > 0 };")
    assert with_pack(broken, mode="shadow").decide(call).decision is Decision.ALLOW
    assert with_pack(broken).decide(call).decision is Decision.ALLOW


def test_a_pack_closes_all_else(lawful):
    """Else the exception would be the rule: every other operation of both services, an officers' one too."""
    engine = with_pack(CLOSED, discharges=LOADED._discharges)
    for name in {name for names in NAMES.values() for name in names} - set(STAYS_OPEN):
        assert "F-1" in engine.decide(lawful(name)).rule_ids, name


@pytest.mark.parametrize(
    ("operation", "changes", "rule_ids"),
    [
        ("DeactivatePack", {"officer": False}, ("CORE-004",)),
        ("DeactivatePack", {"account__terms_accepted": False}, ("AUP-001",)),
        ("DeactivatePack", {"account__standing": "suspended"}, ("AUP-002",)),
        ("DeactivatePack", {"account__effective_standing": "terminated"}, ("AUP-003",)),
        ("DeactivatePack", {"account__serves": frozenset({"immigration_enforcement"})}, ("AUP-006",)),
        ("DeactivatePack", {"resource": Resource("Account", THEIRS, THEIRS)}, ("CORE-002",)),
        ("SubmitAppeal", {"resource": Resource("Account", THEIRS, THEIRS)}, ("CORE-002",)),
        ("GetTerms", {"resource": Resource("Account", THEIRS, THEIRS)}, ("CORE-002",)),
    ],
)
def test_what_no_pack_closes_is_held_to_the_core_all_the_same(operation, changes, rule_ids, lawful):
    """Nobody but an officer in good standing ends the use of a pack."""
    verdict = with_pack(CLOSED).decide(lawful(operation, **changes))
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, rule_ids)


def _always(pack: Pack) -> Manifest:
    return dataclasses.replace(pack.manifest, always=True)


@pytest.mark.parametrize(
    "activation",
    [
        Activation("toy", "shadow"),
        Activation("toy", "enforce", frozenset({THEIRS})),
        Activation("toy", "enforce", frozenset()),
        Activation("toy", "shadow", frozenset({OURS})),
    ],
    ids=["in shadow", "for others", "for nobody", "in shadow for us"],
)
def test_no_activation_takes_anything_from_a_pack_that_is_always_in_force(activation, lawful):
    """Else whoever may activate a pack could switch off what no activation is asked for."""
    always = a_pack(FORBID + "when { true };", DUTY + "when { true };", always=True)
    untouched = PolicyEngine.load(NAMES, packs={"toy": always})
    engine = PolicyEngine.load(NAMES, packs={"toy": always}, activations=[activation])
    for operation, rule_ids in (("ListFaces", ("F-1",)), ("DetectFaces", ("F-1", "D-1"))):
        verdict = engine.decide(lawful(operation))
        assert (verdict.decision, verdict.rule_ids, verdict.shadow) == (Decision.DENY, rule_ids, ())
    assert engine.state_of("F-1") == "enforce"
    assert engine.digest == untouched.digest


def test_a_rule_in_shadow_is_told_and_not_enforced(lawful):
    """So that it can be seen what a rule would do before it does it."""
    engine = with_pack(a_pack(FORBID + "when { true };"), mode="shadow")
    verdict = engine.decide(lawful("ListFaces"))
    assert (verdict.decision, verdict.shadow) == (Decision.ALLOW, ("F-1",))
    assert engine.state_of("F-1") == "shadow"
    refused = engine.decide(lawful("ListFaces", account__terms_accepted=False))
    assert (refused.rule_ids, refused.shadow) == (("AUP-001",), ("F-1",))


def test_a_rule_is_in_force_by_its_days(lawful):
    """In shadow before, gone after."""
    days = '@from("2026-01-01") @until("2026-12-31") ' + FORBID + "when { true };"
    for today, rule_ids, shadow in (
        (date(2025, 12, 31), ("CORE-001",), ("F-1",)),
        (date(2026, 1, 1), ("F-1",), ()),
        (date(2026, 12, 31), ("F-1",), ()),
        (date(2027, 1, 1), ("CORE-001",), ()),
    ):
        verdict = with_pack(a_pack(days), today=today).decide(lawful("ListFaces"))
        assert (verdict.rule_ids, verdict.shadow) == (rule_ids, shadow)


def test_a_pack_that_is_active_and_not_here_stops_the_start():
    """A server that forgot its rules must not go on without them."""
    with pytest.raises(SetupError, match="`toy` is active and not here"):
        PolicyEngine.load(NAMES, packs={}, activations=[Activation("toy")])


def test_a_forbid_among_the_duties_of_a_pack_is_refused():
    """It would forbid nothing there."""
    with pytest.raises(SetupError, match="is no obligation"):
        with_pack(a_pack("", FORBID + "when { true };"))


def test_breaks_asks_some_rules_and_no_others(lawful):
    """For tests of packs and simulations: what else is wrong with the call is not their matter."""
    pack = a_pack(FORBID + 'when { context.source == "cctv" };')
    engine = with_pack(pack)
    call = lawful("SearchFaces", account__terms_accepted=False, claims__source="cctv")
    assert engine.breaks(pack.rules, call) == ("F-1",)
    assert engine.breaks(pack.rules, lawful("SearchFaces")) == ()
    assert engine.breaks((), call) == ()
    with pytest.raises(ValueError, match="DeleteEverything"):
        engine.breaks(pack.rules, lawful("SearchFaces", operation="DeleteEverything"))
    with pytest.raises(ValueError, match="overflow"):
        engine.breaks(read_rules(FORBID + OVERFLOWS), call)


# ---- What decided


def test_the_digest_changes_with_any_rule_type_action_purpose_or_pack():
    """An event must say which rules decided it."""
    purposes = load_purposes()
    wider = purposes | {"research": dataclasses.replace(purposes["research"], maximum_candidates=5000)}
    rule = FORBID + "when { false };"
    engines = [
        PolicyEngine(CORE, SCHEMA, obligations=DUTIES, purposes=purposes),
        PolicyEngine(CORE + rule, SCHEMA, obligations=DUTIES, purposes=purposes),
        PolicyEngine(CORE, SCHEMA + "\n", obligations=DUTIES, purposes=purposes),
        PolicyEngine(CORE, schema_for(NAMES | {"x": ["GetHealth"]}), obligations=DUTIES, purposes=purposes),
        PolicyEngine(CORE, SCHEMA, purposes=purposes),
        PolicyEngine(CORE, SCHEMA, obligations=DUTIES, purposes=wider),
        PolicyEngine(CORE, SCHEMA, obligations=DUTIES, purposes=purposes, discharges={"fpir_budget"}),
        PolicyEngine(CORE, SCHEMA, obligations=DUTIES, purposes=purposes, discharges={"human_review"}),
        PolicyEngine(
            CORE, SCHEMA, obligations=DUTIES, purposes=purposes, discharges={"fpir_budget", "human_review"}
        ),
        with_pack(a_pack(rule)),
        with_pack(a_pack(rule), mode="shadow"),
        with_pack(a_pack(rule), accounts=frozenset()),
        with_pack(a_pack(rule), accounts=frozenset({OURS})),
        with_pack(a_pack(rule), accounts=frozenset({THEIRS})),
        with_pack(a_pack(rule), accounts=frozenset({OURS, THEIRS})),
        with_pack(a_pack(FORBID + "when { true };")),
    ]
    digests = {engine.digest for engine in engines}
    assert len(digests) == len(engines)
    assert all(len(digest) == 64 for digest in digests)
    again = PolicyEngine.load(NAMES, packs={})
    assert again.digest == engines[0].digest
    assert (
        PolicyEngine.load({name: NAMES[name][::-1] for name in reversed(NAMES)}, packs={}).digest
        == again.digest
    )


def for_many_accounts() -> PolicyEngine:
    """All that goes into a digest and may be a set: purposes, duties, discharges, accounts."""
    rule, duty = FORBID + "when { false };", DUTY + "when { false };"
    accounts = frozenset(f"{number:012}" for number in range(20))
    discharges = frozenset(f"duty_{number}" for number in range(20))
    return with_pack(a_pack(rule, duty), accounts=accounts, discharges=discharges)


def test_the_digest_is_the_same_in_every_process():
    """Who checks a log runs another process: a set must not come out in the order of that one's hashes."""
    script = f"import runpy; print(runpy.run_path({__file__!r})['for_many_accounts']().digest)"
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert told == [for_many_accounts().digest] * 2


def test_every_verdict_says_which_rules_decided_it(lawful):
    """Allowed, refused or undecided: whoever reads the log can find the bundle."""
    for call in (lawful("ListFaces"), lawful("ListFaces", officer=2), lawful("DetectFaces", None)):
        assert LOADED.decide(call).policy_digest == LOADED.digest


def test_the_core_permits_twice_and_forbids_the_rest():
    """Another permit would widen what every account may do: that is a decision, not an edit."""
    permits = [rule.rule_id for rule in LOADED.rules.values() if not rule.is_forbid]
    assert permits == ["CORE-001", "CORE-003"]
    assert not any(rule.is_forbid for rule in LOADED.duties.values())
    assert all(rule.obligation for rule in LOADED.duties.values())


# ---- Whatever it is asked

TEXTS = st.one_of(st.text(), st.text(st.characters()), st.sampled_from(['"', "\n", "{x}", "\\", "é" * 300]))
STANDINGS = ("pending", "good", "restricted", "suspended", "terminated")
MOVES_FACES = {"search", "stream", "compare", "enrol", "associate"}


@settings(max_examples=300, deadline=None)
@given(
    account_id=TEXTS,
    standing=st.one_of(st.sampled_from(STANDINGS), TEXTS),
    access_key_id=TEXTS,
    operator=TEXTS,
    operation=st.one_of(st.sampled_from(NAMES["rekognition"]), TEXTS),
    purpose=st.one_of(st.none(), st.sampled_from(sorted(LOADED.purposes)), TEXTS),
    own_purpose=st.one_of(st.none(), st.sampled_from(sorted(LOADED.purposes)), TEXTS),
    serves=st.frozensets(st.one_of(st.sampled_from(PROFILES), TEXTS), max_size=2),
    approved=st.booleans(),
    resource=st.one_of(
        st.builds(lambda owner: Resource("Account", owner, owner), TEXTS),
        st.builds(lambda name, owner: Resource("Collection", name, owner), TEXTS, TEXTS),
    ),
    owns=st.booleans(),
    claims=st.builds(
        Claims, case=st.none() | TEXTS, source=TEXTS | st.just("own_camera"), age=TEXTS | st.just("adult")
    )
    | st.builds(Claims),
)
def test_whatever_it_is_asked_it_answers_and_allows_only_owners_in_good_standing(
    account_id,
    standing,
    access_key_id,
    operator,
    operation,
    purpose,
    own_purpose,
    serves,
    approved,
    resource,
    owns,
    claims,
):
    """Ids and names are callers' text: none may confuse, crash or open the engine."""
    account_id = resource.owner if owns else account_id
    account = AccountFacts(
        account_id=AccountId(account_id),
        standing=standing,
        effective_standing=standing,
        terms_accepted=True,
        purposes=frozenset({purpose} if approved and purpose else ()),
        serves=serves,
    )
    request = AccessRequest(
        account=account,
        access_key_id=access_key_id,
        operator=operator,
        service="rekognition",
        operation=operation,
        resource=resource,
        purpose=purpose,
        own_purpose=own_purpose,
        claims=claims,
        threshold=99.0,
        candidates=1,
    )
    verdict = LOADED.decide(request)
    if verdict.decision is Decision.ALLOW:
        kinds = kinds_of(operation)
        assert standing == "good" or (standing == "restricted" and not kinds & MOVES_FACES)
        assert operation in NAMES["rekognition"]
        assert resource.owner == account_id
        assert kinds <= {"gallery", "offered"} or purpose in LOADED.purposes
        assert approved or "face" not in kinds
        assert serves <= set(PROFILES) - {"immigration_enforcement"}
        assert "face" not in kinds or serves <= set(LOADED.purposes[purpose].profiles)
    else:
        assert verdict.message


def test_many_threads_ask_one_engine(lawful):
    """It is shared by all of a process's calls."""
    wrong: list[AccessRequest] = []
    calls = {owner: lawful("SearchFaces", resource__owner=owner) for owner in (OURS, THEIRS)}

    def decide(number: int) -> None:
        for turn in range(20):
            owner = OURS if (number + turn) % 2 else THEIRS
            if (LOADED.decide(calls[owner]).decision is Decision.ALLOW) != (owner == OURS):
                wrong.append(calls[owner])

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
