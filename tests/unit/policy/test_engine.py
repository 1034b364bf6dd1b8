from __future__ import annotations

import dataclasses
import itertools
import threading
from importlib import resources

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.errors import SetupError
from countenance.policy import AccessRequest, Decision, PolicyEngine, Resource
from countenance.policy import engine as engine_module
from countenance.policy.engine import actions_schema

OURS, THEIRS = "1" * 12, "2" * 12
STANDINGS = {"good": (), "pending": ("AUP-001",), "suspended": ("AUP-002",), "terminated": ("AUP-003",)} | {
    "restricted": ("AUP-004",)
}
OPERATIONS = {"rekognition": ["SearchFaces", "CreateCollection"], "countenance": ["GetHealth"]}
TYPES = resources.files("countenance.policy").joinpath("schema.cedarschema").read_text("utf-8")
CORE = resources.files("countenance.policy").joinpath("core.cedar").read_text("utf-8")
ACTIONS = actions_schema(OPERATIONS)
LOADED = PolicyEngine.load(OPERATIONS)
PERMIT_ALL = '@id("P") @message("anybody") permit (principal, action, resource);'


@pytest.fixture(scope="module")
def engine() -> PolicyEngine:
    return LOADED


def ask(**changes) -> AccessRequest:
    request = AccessRequest(
        account_id=OURS,
        standing="good",
        access_key_id="AKIA" + "A" * 16,
        operator="guy",
        service="rekognition",
        operation="SearchFaces",
        resource=Resource("Collection", "staff", OURS),
    )
    return dataclasses.replace(request, **changes)


def test_an_account_in_good_standing_may_use_what_it_owns(engine: PolicyEngine):
    """The one permit there is."""
    for resource in (Resource("Collection", "staff", OURS), Resource("Account", OURS, OURS)):
        verdict = engine.decide(ask(resource=resource))
        assert (verdict.decision, verdict.rule_ids, verdict.message) == (Decision.ALLOW, ("CORE-001",), "")


@pytest.mark.parametrize(
    "resource",
    [Resource("Collection", "staff", THEIRS), Resource("Account", THEIRS, THEIRS)],
    ids=["collection", "account"],
)
def test_what_another_account_owns_is_refused_by_name(engine: PolicyEngine, resource: Resource):
    """The event must say which rule it was."""
    verdict = engine.decide(ask(resource=resource))
    assert (verdict.decision, verdict.rule_ids) == (Decision.DENY, ("CORE-002",))
    assert "CORE-002: the resource belongs to another account" in verdict.message


def test_every_broken_rule_is_told_with_its_remedy(engine: PolicyEngine):
    """A caller who mends one rule after the other asks once, not five times."""
    verdict = engine.decide(ask(standing="suspended", resource=Resource("Collection", "staff", THEIRS)))
    assert verdict.rule_ids == ("AUP-002", "CORE-002")
    for rule_id in verdict.rule_ids:
        assert engine.rules[rule_id].message in verdict.message
        assert engine.rules[rule_id].remedy in verdict.message


def test_only_owner_and_good_standing_together_are_allowed(engine: PolicyEngine):
    """Exhaustively: kind, owner, standing."""
    for kind, owner, standing in itertools.product(("Account", "Collection"), (OURS, THEIRS), STANDINGS):
        resource = Resource(kind, owner if kind == "Account" else "staff", owner)
        verdict = engine.decide(ask(standing=standing, resource=resource))
        allowed = owner == OURS and standing == "good"
        assert (verdict.decision is Decision.ALLOW) == allowed
        if not allowed:
            assert set(STANDINGS[standing]) <= set(verdict.rule_ids)
            assert verdict.errors == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"operation": "DeleteEverything"},
        {"service": "s3"},
        {"standing": "goood"},
        {"standing": ""},
        {"operator": "\ud800"},
    ],
    ids=["operation", "service", "standing", "no standing", "surrogate"],
)
def test_what_cannot_be_decided_is_denied(engine: PolicyEngine, changes):
    """The third fail-open trap: Cedar's NoDecision is neither Allow nor Deny."""
    verdict = engine.decide(ask(**changes))
    assert verdict.decision is Decision.DENY
    assert verdict.errors
    assert "could not be decided and is refused" in verdict.message


def test_a_forbid_that_fails_in_evaluation_denies_instead_of_being_skipped():
    """The first fail-open trap: Cedar skips it, and the permit would win."""
    overflowing = """
    @id("F") @message("m") @remedy("r")
    forbid (principal, action, resource) when { context.n + 9223372036854775807 > 0 };
    """
    actions = ACTIONS.replace("context: {}", "context: { n: Long }")
    engine = PolicyEngine(PERMIT_ALL + overflowing, TYPES + actions)
    answer = engine_module.cedarpy.is_authorized(
        {
            "principal": 'Caller::"a"',
            "action": 'Action::"rekognition:SearchFaces"',
            "resource": f'Account::"{OURS}"',
            "context": {"n": 1},
        },
        engine._policies,
        [],
        engine._schema,
    )
    assert answer.decision is engine_module.cedarpy.Decision.Allow  # the trap is there
    assert answer.diagnostics.errors
    assert engine._to_verdict(ask(), answer).decision is Decision.DENY


def test_a_request_that_does_not_fit_its_action_is_denied():
    """A context that rules rely on and the gateway forgot must not pass."""
    engine = PolicyEngine(PERMIT_ALL, TYPES + ACTIONS.replace("context: {}", "context: { n: Long }"))
    verdict = engine.decide(ask())
    assert verdict.decision is Decision.DENY
    assert verdict.errors


def test_without_a_permit_nothing_is_allowed():
    """Default deny, and the message does not pretend that a rule was broken."""
    engine = PolicyEngine("", TYPES + ACTIONS)
    verdict = engine.decide(ask())
    assert (verdict.decision, verdict.rule_ids, verdict.errors) == (Decision.DENY, (), ())
    assert "no rule allows `rekognition:SearchFaces`" in verdict.message


@pytest.mark.parametrize(
    ("policies", "problem"),
    [
        ("permit (principal, action", "cannot be read"),
        (
            '@id("P") @message("m") permit (principal, action, resource) when { principal.nme == "x" };',
            "do not fit",
        ),
        ('@id("P") @message("m") permit (principal, action == Action::"s3:Get", resource);', "do not fit"),
        ('@id("P") @message("m") permit (principal in Standing::"goood", action, resource);', "do not fit"),
        ('@id("P") @message("m") permit (principal, action, resource) when { context.n > 1 };', "do not fit"),
        ('@message("m") permit (principal, action, resource);', "lacks its id"),
        ('@id("P") permit (principal, action, resource);', "lacks its id, message"),
        ('@id("F") @message("m") forbid (principal, action, resource);', "or remedy"),
        (PERMIT_ALL + PERMIT_ALL, "two policies have the id `P`"),
        ('@id("P") @message("m") permit (principal == ?principal, action, resource);', "template"),
    ],
    ids=[
        "syntax",
        "attribute",
        "action",
        "standing",
        "context",
        "no id",
        "no message",
        "no remedy",
        "twice",
        "template",
    ],
)
def test_policies_with_a_mistake_are_refused_at_load(policies: str, problem: str):
    """A typing mistake in a forbid is a hole; strict validation finds it before the first call."""
    with pytest.raises(SetupError, match=problem):
        PolicyEngine(policies, TYPES + ACTIONS)


def test_a_rule_that_does_not_guard_an_optional_fact_is_refused_at_load():
    """The first fail-open trap again: where the fact is absent the forbid would fail and be skipped."""
    schema = TYPES + ACTIONS.replace("context: {}", "context: { n?: Long }")
    rule = '@id("F") @message("m") @remedy("r") forbid (principal, action, resource) unless { %s };'
    with pytest.raises(SetupError, match="do not fit"):
        PolicyEngine(PERMIT_ALL + rule % "context.n > 1", schema)
    guarded = PolicyEngine(PERMIT_ALL + rule % "context has n && context.n > 1", schema)
    assert guarded.decide(ask()).rule_ids == ("F",)


def test_every_operation_of_both_services_is_an_action():
    """What is not an action cannot be called: nothing may be forgotten."""
    client = boto3.client(
        "rekognition", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s"
    )
    names = client.meta.service_model.operation_names
    client.close()
    engine = PolicyEngine.load({"rekognition": names, "countenance": ["GetHealth"]})
    assert len(names) >= 75
    for name in names:
        assert engine.decide(ask(operation=name)).decision is Decision.ALLOW
    assert engine.decide(ask(service="countenance", operation="GetHealth")).decision is Decision.ALLOW
    assert engine.decide(ask(service="countenance", operation=names[0])).decision is Decision.DENY


def test_an_operations_name_cannot_smuggle_anything_into_the_schema():
    """The names come from model files."""
    with pytest.raises(ValueError, match="cannot be an action"):
        actions_schema({"rekognition": ['X" in [Action::"Y"]; action "Z']})


def test_the_digest_changes_with_any_rule_type_or_action():
    """An event must say which rules decided it."""
    digests = {
        PolicyEngine(CORE, TYPES + ACTIONS).digest,
        PolicyEngine(CORE + "\n", TYPES + ACTIONS).digest,
        PolicyEngine(CORE, TYPES + "\n" + ACTIONS).digest,
        PolicyEngine(CORE, TYPES + actions_schema(OPERATIONS | {"x": ["Y"]})).digest,
    }
    assert len(digests) == 4
    assert all(len(digest) == 64 for digest in digests)
    assert PolicyEngine.load(OPERATIONS).digest == PolicyEngine(CORE, TYPES + ACTIONS).digest


def test_the_core_permits_once_and_forbids_the_rest(engine: PolicyEngine):
    """A second permit would widen what every account may do: that is a decision, not an edit."""
    assert [rule.rule_id for rule in engine.rules.values() if not rule.is_forbid] == ["CORE-001"]


@settings(max_examples=300, deadline=None)
@given(
    account_id=st.text(),
    standing=st.one_of(st.sampled_from(sorted(STANDINGS)), st.text()),
    access_key_id=st.text(),
    operator=st.text(st.characters()),
    operation=st.one_of(st.sampled_from(OPERATIONS["rekognition"]), st.text()),
    resource=st.one_of(
        st.builds(lambda owner: Resource("Account", owner, owner), st.text()),
        st.builds(lambda name, owner: Resource("Collection", name, owner), st.text(), st.text()),
    ),
    owns=st.booleans(),
)
def test_whatever_it_is_asked_it_answers_and_allows_only_owners_in_good_standing(
    account_id, standing, access_key_id, operator, operation, resource, owns
):
    """Ids and names are callers' text: none may confuse, crash or open the engine."""
    account_id = resource.owner if owns else account_id
    request = ask(
        account_id=account_id,
        standing=standing,
        access_key_id=access_key_id,
        operator=operator,
        operation=operation,
        resource=resource,
    )
    if LOADED.decide(request).decision is Decision.ALLOW:
        assert standing == "good"
        assert operation in OPERATIONS["rekognition"]
        assert resource.owner == account_id


def test_many_threads_ask_one_engine(engine: PolicyEngine):
    """It is shared by all of a process's calls."""
    wrong: list[AccessRequest] = []

    def decide(number: int) -> None:
        for turn in range(20):
            owner = OURS if (number + turn) % 2 else THEIRS
            request = ask(resource=Resource("Collection", f"c{turn}", owner))
            if (engine.decide(request).decision is Decision.ALLOW) != (owner == OURS):
                wrong.append(request)

    threads = [threading.Thread(target=decide, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
