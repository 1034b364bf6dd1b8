from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Actor
from countenance.errors import (
    AccessDeniedException,
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.facts import ModelDigests, ModelFacts
from countenance.gateway.obligations import DISCHARGES
from countenance.policy.packs import load_packs, shipped_issuers, shipped_packs
from countenance.policy.register import PackRegister, PoliciesInForce
from countenance.wire.model import load_models
from fakes.vision import FakeModels
from governed import OFFICERS, accept_all, grant
from rule_packs import ISSUER, VKEY, rule, write_pack
from signed_evaluations import put_on_record
from small_server import small_server

OLGA = OFFICERS[0]
SEARCH = {
    "operation": "SearchFacesByImage",
    "purpose": "development",
    "threshold": 80,
    "collection": {"purposes": ["development"], "minors_allowed": True},
}


@pytest.fixture
def folder(tmp_path, database):
    """Packs of this server's own, by an issuer that it trusts; nothing of it is left afterwards."""
    folder = tmp_path / "packs"
    write_pack(folder, "ours")
    PackRegister(database).trust(VKEY, by=OLGA)
    yield folder
    with database.transaction() as connection:
        connection.execute("delete from pack_activation")
        connection.execute("delete from pack_issuer")


@pytest.fixture
def with_packs(folder):
    """Give a client's server the packs of the folder, and engines that follow what is in use."""

    def give(client):
        packs = PackRegister(client.database, folder)
        operations = {name: service.operations for name, service in load_models().services.items()}
        policies = PoliciesInForce(packs, operations, discharges=DISCHARGES)
        return replace(client, packs=packs, policies=policies)

    return give


@pytest.fixture
def officer(client_of, with_packs):
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, OLGA, "officer", actor=Actor("test"))
    return with_packs(client_of(office, officer=OLGA, purpose=None))


@pytest.fixture
def caller(call, with_packs):
    """A client on that server, whose account may call."""
    accept_all(call.governance, call.caller.account_id)
    grant(call.governance, call.caller.account_id, "development")
    return with_packs(call)


def listed(client):
    return {pack["Pack"]: pack for pack in client("ListPacks")["Packs"]}


def explain(client, **told):
    return client("ExplainCall", Call=json.dumps(SEARCH | told))


def broken(answer):
    return {each["RuleId"] for each in answer["BrokenRules"]}


# ListRules


def test_every_rule_in_force_is_listed_by_its_id(call, engine):
    answer = call("ListRules")
    assert answer["PolicyDigest"] == engine.digest
    rules = {rule["RuleId"]: rule for rule in answer["Rules"]}
    assert set(rules) == engine.rules.keys() | engine.duties.keys()
    assert {"AUP-001", "AUP-006", "PUR-005", "CORE-001", "GATE-001"} <= set(rules)
    for rule_id, told in rules.items():
        ours = engine.rules.get(rule_id) or engine.duties[rule_id]
        assert (told["Message"], told["Remedy"], told["Citation"]) == (ours.message, ours.remedy, ours.cite)
        assert told["Forbids"] is ours.is_forbid
        assert (told["Pack"], told["State"]) == (ours.pack, engine.state_of(rule_id))
        assert told.get("Obligation", "") == ours.obligation
        assert not told["Forbids"] or told["Remedy"]


def test_rules_of_a_pack_are_listed_while_it_is_in_use(officer):
    def ours():
        return [each for each in officer("ListRules")["Rules"] if each["Pack"] == "ours"]

    before = officer("ListRules")["PolicyDigest"]
    assert ours() == []
    officer("ActivatePack", Pack="ours")
    [told] = ours()
    assert (told["RuleId"], told["State"], told["LegalReview"]) == ("OURS-1", "enforce", "none")
    assert all("LegalReview" not in each for each in officer("ListRules")["Rules"] if each["Pack"] == "core")
    assert officer("ListRules")["PolicyDigest"] != before
    officer("ActivatePack", Pack="ours", Mode="shadow")
    [told] = ours()
    assert told["State"] == "shadow"
    officer("DeactivatePack", Pack="ours")
    assert ours() == []
    assert officer("ListRules")["PolicyDigest"] == before


# ListPacks


def test_every_pack_that_is_here_is_listed_with_its_state(caller):
    """Shipped or of this server's own; that no lawyer has read it is always said."""
    shipped = load_packs(shipped_packs(), shipped_issuers())
    packs = listed(caller)
    assert list(packs) == sorted([*shipped, "ours"])
    for name, pack in shipped.items():
        assert packs[name]["State"] == ("always" if pack.manifest.always else "available")
        assert (packs[name]["Digest"], packs[name]["SignedBy"]) == (pack.digest, pack.signed_by)
    assert all(pack["LegalReview"] == "none" for pack in packs.values())
    ours = packs["ours"]
    assert ours | {"Digest": ""} == {
        "Pack": "ours",
        "Version": "1.0",
        "Title": "The rules of ours",
        "Issuer": "nobody",
        "Jurisdiction": "Nowhere",
        "Kind": "house",
        "LegalReview": "none",
        "State": "available",
        "InForceFrom": "2026-01-01",
        "Digest": "",
        "SignedBy": ISSUER.verifier.name,
        "Profiles": [],
        "Purposes": [],
        "Note": "",
        "Gates": ["low thresholds"],
        "Obliges": [],
        "Paper": ["the rest"],
    }


def test_a_pack_tells_how_and_for_whom_it_is_in_use(officer, caller):
    """To officers; to an account only whether it is for this one."""
    mine, accounts = caller.caller.account_id, sorted([caller.caller.account_id, officer.caller.account_id])
    officer("ActivatePack", Pack="ours", AccountIds=accounts)
    assert (listed(officer)["ours"]["State"], listed(officer)["ours"]["Accounts"]) == ("enforce", accounts)
    assert (listed(caller)["ours"]["State"], listed(caller)["ours"]["Accounts"]) == ("enforce", [mine])
    officer("ActivatePack", Pack="ours", AccountIds=[officer.caller.account_id])
    assert listed(caller)["ours"]["Accounts"] == []
    officer("ActivatePack", Pack="ours", Mode="shadow")
    assert listed(caller)["ours"]["State"] == "shadow"
    assert "Accounts" not in listed(officer)["ours"]


# ActivatePack, DeactivatePack


def test_only_officers_put_packs_in_use(caller):
    for operation in ("ActivatePack", "DeactivatePack"):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            caller(operation, Pack="ours")
    assert listed(caller)["ours"]["State"] == "available"


def test_a_pack_is_in_force_from_the_next_decision_on(officer, caller):
    assert explain(caller)["Decision"] == "allow"
    answer = officer("ActivatePack", Pack="ours")
    assert answer == {
        "Pack": "ours",
        "Version": "1.0",
        "Digest": listed(caller)["ours"]["Digest"],
        "State": "enforce",
        "LegalReview": "none",
    }
    refused = explain(caller)
    assert (refused["Decision"], broken(refused)) == ("deny", {"OURS-1"})
    assert explain(caller, threshold=95)["Decision"] == "allow"
    assert officer("DeactivatePack", Pack="ours") == {}
    assert explain(caller)["Decision"] == "allow"


def test_a_pack_in_shadow_tells_what_it_would_refuse_and_refuses_nothing(officer, caller):
    assert officer("ActivatePack", Pack="ours", Mode="shadow")["State"] == "shadow"
    answer = explain(caller)
    assert (answer["Decision"], answer["Shadow"], answer["BrokenRules"]) == ("allow", ["OURS-1"], [])
    assert explain(caller, threshold=95)["Shadow"] == []


def test_a_pack_may_be_for_some_accounts_alone(officer, caller):
    officer("ActivatePack", Pack="ours", AccountIds=[officer.caller.account_id])
    assert explain(caller)["Decision"] == "allow"
    officer("ActivatePack", Pack="ours", AccountIds=[caller.caller.account_id])
    assert broken(explain(caller)) == {"OURS-1"}


def test_a_pack_of_ours_can_be_put_in_use(officer, caller):
    name = next(
        name for name, pack in sorted(officer.packs.packs().items())
        if not pack.manifest.always and pack.state(datetime.now(UTC).date()) == "enforce" and name != "ours"
    )  # fmt: skip
    assert officer("ActivatePack", Pack=name)["State"] == "enforce"
    assert listed(caller)[name]["State"] == "enforce"


def test_a_pack_that_is_not_here_not_in_use_or_always_in_force(officer):
    with pytest.raises(ResourceNotFoundException, match="there is no pack `theirs` here; there are "):
        officer("ActivatePack", Pack="theirs")
    with pytest.raises(ResourceNotFoundException, match="`ours` is not in use"):
        officer("DeactivatePack", Pack="ours")
    always = next(name for name, pack in officer.packs.packs().items() if pack.manifest.always)
    with pytest.raises(ConflictException, match="always in force"):
        officer("ActivatePack", Pack=always)
    with pytest.raises(ResourceNotFoundException):
        officer("DeactivatePack", Pack=always)


def test_a_pack_whose_own_tests_fail_is_not_put_in_use(officer, folder):
    """It does not mean what it says; nobody knows what it would refuse."""
    allowed = {"operation": "rekognition:SearchFacesByImage", "threshold": 80}
    write_pack(folder, "broken", tests=[{"name": "none", "call": allowed, "breaks": []}])
    with pytest.raises(InvalidParameterException, match="the pack `broken` cannot be used"):
        officer("ActivatePack", Pack="broken")
    assert listed(officer)["broken"]["State"] == "available"


def test_a_pack_that_has_ended_is_only_watched(officer, folder):
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    write_pack(folder, "old", in_force={"from": "2020-01-01", "until": yesterday})
    with pytest.raises(ConflictException, match="have ended"):
        officer("ActivatePack", Pack="old")
    officer("ActivatePack", Pack="old", Mode="shadow")
    assert (listed(officer)["old"]["State"], listed(officer)["old"]["InForceUntil"]) == ("ended", yesterday)


def test_a_pack_of_next_year_is_in_shadow_until_then(officer, caller, folder):
    tomorrow = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
    write_pack(folder, "coming", in_force={"from": tomorrow})
    assert officer("ActivatePack", Pack="coming")["State"] == "shadow"
    assert explain(caller)["Shadow"] == ["COMING-1"]


# ExplainCall


def test_a_call_of_ones_own_is_explained_rule_by_rule(caller):
    answer = explain(caller, purpose="photo-library", threshold=40)
    assert answer["Decision"] == "deny"
    assert broken(answer) == {"PUR-001", "PUR-002", "PUR-005"}
    [told] = [each for each in answer["BrokenRules"] if each["RuleId"] == "PUR-005"]
    assert told == {
        "RuleId": "PUR-005",
        "Pack": "core",
        "Message": "the similarity threshold is 40, and the purpose `photo-library` needs at least 50",
        "Remedy": "send FaceMatchThreshold >= 50",
        "Citation": "acceptable use policy, 2.1",
    }
    assert answer["PolicyDigest"] == caller("ListRules")["PolicyDigest"]


def test_a_call_is_explained_for_the_purpose_of_the_key_unless_it_says_another(caller):
    told = {key: value for key, value in SEARCH.items() if key != "purpose"}
    assert caller("ExplainCall", Call=json.dumps(told))["Decision"] == "allow"
    unbound = replace(caller, caller=replace(caller.caller, purpose=None))
    assert "PUR-003" in broken(unbound("ExplainCall", Call=json.dumps(told)))


def test_a_purpose_that_is_asked_for_is_explained_for_the_purpose_of_the_key(caller):
    """As the gateway has it: what a key may make depends on what it is for itself."""
    told = json.dumps({"operation": "countenance:AssumePurpose", "purpose": "research"})
    assert "PUR-017" in broken(caller("ExplainCall", Call=told))
    unbound = replace(caller, caller=replace(caller.caller, purpose=None))
    assert "PUR-017" not in broken(unbound("ExplainCall", Call=told))


def test_a_call_is_explained_with_the_model_that_is_here_as_it_is_evaluated(caller, database):
    """Whoever waits for an evaluation sees when it counts; a call that says its model is judged by that."""
    digests = ModelDigests(*(uuid.uuid4().hex * 2 for _ in range(3)))
    version = f"1.{uuid.uuid4().int}"  # what others put on record in this database is of no concern

    class Models(FakeModels):
        def facts(self, face_model_version):
            return ModelFacts(version, "any", digests)

    asking = replace(caller, models=Models())
    call = {"operation": "IndexFaces", "purpose": "fraud-prevention"}
    assert "GATE-001" in broken(asking("ExplainCall", Call=json.dumps(call)))
    put_on_record(database, digests, version=version)
    assert not {rule for rule in broken(asking("ExplainCall", Call=json.dumps(call))) if "GATE" in rule}
    expired = call | {"model": {"evaluation": {"standing": "expired"}}}
    assert "GATE-003" in broken(asking("ExplainCall", Call=json.dumps(expired)))


def test_a_permitted_call_tells_the_duties_that_come_with_it(caller):
    told = json.dumps(SEARCH | {"purpose": "missing-persons", "threshold": 95, "candidates": 5})
    assert caller("ExplainCall", Call=told)["Obligations"] == []  # of what is refused nothing is owed
    assert set(explain(caller)["Obligations"]) <= set(DISCHARGES)


def test_the_account_is_always_the_callers(caller, other_call):
    """Whoever may ask about others would learn what they may do: what is said of the account is not heard."""
    for account in (
        {"id": other_call.caller.account_id, "terms_accepted": False, "standing": "terminated"},
        {"id": "999999999999", "purposes": []},
        "nobody",
        None,
    ):
        assert explain(caller, account=account)["Decision"] == "allow"
    boast = {"standing": "good", "terms_accepted": True, "purposes": ["photo-library"]}
    refused = explain(caller, account=boast, purpose="photo-library")
    assert "PUR-001" in broken(refused)


def test_whom_the_account_acts_for_counts_in_what_is_explained(caller, client_of):
    """As it does in a call: a purpose must be for the profiles of all for whom it may be used."""
    police = client_of(client_of.accounts.create_account("Police", profile="law_enforcement"))
    relation = caller("DeclareRelation", Kind="acts_for", AccountId=police.caller.account_id)
    police("ConfirmRelation", RelationId=relation["RelationId"])
    assert "PUR-009" in broken(explain(caller))


def test_what_the_account_may_do_now_is_what_explains(call, with_packs):
    fresh = with_packs(call)
    assert {"AUP-001", "PUR-001"} <= broken(explain(fresh))
    accept_all(call.governance, call.caller.account_id)
    assert broken(explain(fresh)) == {"PUR-001"}


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '"SearchFaces"',
        "null",
        "12",
        "{}",
        '{"operation": 7}',
        '{"operation": ""}',
        '{"operation": "SearchFaces", "treshold": 80}',
        '{"operation": "SearchFaces", "threshold": "80"}',
        '{"operation": "SearchFaces", "threshold": 101}',
        '{"operation": "SearchFaces", "threshold": NaN}',
        '{"operation": "SearchFaces", "candidates": 1.5}',
        '{"operation": "SearchFaces", "claims": {"case": "a", "casus": "b"}}',
        '{"operation": "SearchFaces", "claims": {"source": "heaven"}}',
        '{"operation": "SearchFaces", "collection": {"kind": "menagerie"}}',
        '{"operation": "SearchFaces", "attributes": ["SOUL"]}',
        '{"operation": "SearchFaces", "at": "yesterday"}',
        '{"operation": "SearchFaces", "at": null, "purpose": 1}',
        "[" * 60_000,
        '{"operation": "SearchFaces", "calls_last_hour": ' + "9" * 5000 + "}",
        '{"operation": "SearchFaces", "calls_last_hour": ' + str(2**70) + "}",
        '{"operation": "SearchFaces", "operator": "\\ud800"}',
        '{"\\ud800": 1}',
    ],
)
def test_what_is_no_call_is_refused_with_what_is_wrong(caller, text):
    """A misspelt member would explain another call than was meant."""
    with pytest.raises(InvalidParameterException, match=r"`Call` cannot be read: ."):
        caller("ExplainCall", Call=text)


@pytest.mark.parametrize("text", ['{"\\ud800": 1}', '{"operation": "\\ud800"}', "[" * 60_000])
def test_what_is_no_call_is_answered_as_such_over_the_wire(empty_database_url, tmp_path, engine, text):
    """What the caller wrote comes back in the message: it must not be a reason to fail."""
    models = load_models()
    with small_server(empty_database_url, tmp_path / "data", models=models, policy=engine) as server:
        answer, told = server.bench.call("ExplainCall", {"Call": text}, service="countenance")
    assert (answer.status, told["__type"]) == (400, "InvalidParameterException")


def test_an_unknown_member_is_named(caller):
    with pytest.raises(InvalidParameterException, match=r"no member `treshold`; it may have .*threshold"):
        explain(caller, treshold=80)


@pytest.mark.parametrize(
    "odd",
    [
        {"operation": "NoSuchOperation"},
        {"operation": "elsewhere:SearchFaces"},
        {"operation": "StartFaceSearch"},
        {"calls_last_hour": 2**63 - 1},
        {"purpose": "no-such-purpose"},
        {"collection": {"id": 'x"y', "face_count": -1, "face_cap": 2**63 - 1}},
    ],
)
def test_what_cannot_be_decided_is_explained_as_refused(caller, odd):
    assert explain(caller, **odd)["Decision"] == "deny"


def test_a_pack_with_an_obligation_that_nobody_can_discharge_refuses(officer, caller, folder):
    """As the gateway does: a duty that is owed and cannot be met is a reason to refuse."""
    duty = """@id("DUTY-1")
@message("the defendant is told")
@obligation("notice_to_the_defendant")
permit (principal in Pack::"dutiful", action in Action::"search", resource);
"""
    call = {"operation": "rekognition:SearchFacesByImage", "threshold": 80}
    write_pack(
        folder,
        "dutiful",
        policies=rule("dutiful", "DUTIFUL-1", "context.thresholdBp < 100"),
        obligations=duty,
        tests=[{"name": "owed", "call": call, "breaks": [], "owes": ["notice_to_the_defendant"]}],
    )
    officer("ActivatePack", Pack="dutiful")
    refused = explain(caller)
    assert (refused["Decision"], broken(refused)) == ("deny", {"DUTY-1"})
