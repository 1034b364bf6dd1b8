"""The rule packs that come with Countenance, held to their own tests, and these to catching weaker rules."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import cedarpy
import pytest

from countenance.facts import RECORD_KINDS
from countenance.policy import PolicyEngine
from countenance.policy.call_file import parse_call
from countenance.policy.groups import GROUPS
from countenance.policy.pack_tests import failed_tests, unspeakable
from countenance.policy.packs import Pack, load_packs, shipped_issuers, shipped_packs
from countenance.policy.rules import Rule

PACKS = load_packs(shipped_packs(), shipped_issuers())
RULES = [(pack, rule) for pack in PACKS.values() for rule in (*pack.rules, *pack.obligations)]
each_pack = pytest.mark.parametrize("pack", PACKS.values(), ids=list(PACKS))
each_rule = pytest.mark.parametrize(("pack", "rule"), RULES, ids=[rule.rule_id for _, rule in RULES])


@pytest.fixture(scope="module")
def asked(operations) -> PolicyEngine:
    """An engine without packs, to ask them one by one."""
    return PolicyEngine.load(operations, packs={})


@each_pack
def test_a_packs_own_tests_pass(asked: PolicyEngine, pack: Pack):
    """Or no server would use it."""
    assert failed_tests(asked, pack) == []
    assert unspeakable(pack) == []


@each_rule
def test_every_rule_is_broken_by_one_call_and_kept_by_another_of_the_same_kind(pack: Pack, rule: Rule):
    """One that no call can keep is a mistake, and so is one that none breaks; a duty may be every call's."""
    member, named = ("breaks", rule.rule_id) if rule.is_forbid else ("owes", rule.obligation)
    broken, kept = set(), set()
    for test in pack.tests:
        name = parse_call(test["call"]).operation
        kinds = {kind for kind, operations in GROUPS.items() if name in operations}
        (broken if named in test[member] else kept).update(kinds)
    assert broken & _scope(rule)
    assert broken & kept or (kept and not rule.is_forbid), "no call of the same kind keeps it"


@each_rule
def test_without_any_one_rule_a_test_of_its_pack_fails(asked: PolicyEngine, pack: Pack, rule: Rule):
    """Tests that pass whatever the pack says would be no tests."""
    assert failed_tests(asked, _with(pack, rule, None))


@each_rule
def test_however_a_rule_is_weakened_a_test_of_its_pack_fails(asked: PolicyEngine, pack: Pack, rule: Rule):
    """A kind of action left out, a condition dropped, a number moved by one, a word of a list forgotten."""
    survived = [what for what, text in _mutants(rule) if not failed_tests(asked, _with(pack, rule, text))]
    assert survived == []


def test_a_test_that_cannot_be_read_fails(asked: PolicyEngine):
    """None is passed over, whatever stands there."""
    pack = PACKS["us-nyc-22-1201"]
    for damaged in (
        "text",
        7,
        None,
        [],
        {},
        {"call": {}},
        {"call": {"operatoin": "x"}},
        {"name": "n", "call": []},
    ):
        (failure,) = failed_tests(asked, dataclasses.replace(pack, tests=(damaged,)))
        assert failure.startswith(("test 1: ", "n: "))
    call = pack.tests[0]["call"]
    for said in (
        {"breaks": None},
        {"breaks": 3},
        {"breaks": "NYC-001"},
        {"breaks": ["NYC-001", "NYC-002"]},
        {},
    ):
        assert failed_tests(asked, dataclasses.replace(pack, tests=({"call": call} | said,)))
    assert (
        failed_tests(asked, dataclasses.replace(pack, tests=({"call": call, "breaks": ["NYC-001"]},))) == []
    )


@pytest.mark.parametrize(
    "words",
    ["{", "}", "{}", "{0}", "{purpose.__class__}", "{purpose[0]}", "{purpose!r}", "{purpose:>9999999}"],
)
def test_words_that_could_not_be_filled_in_are_found(words):
    """`decide` never raises; and a width could ask for gigabytes."""
    pack = PACKS["us-nyc-22-1201"]
    for member in ("message", "remedy"):
        rule = dataclasses.replace(pack.rules[0], **{member: words})
        assert unspeakable(dataclasses.replace(pack, rules=(rule,))) == ["NYC-001"]


@each_pack
def test_a_manifest_names_every_rule_and_only_facts_that_there_are(pack: Pack, catalogue):
    """`gates` and `obliges` are what people read; a misspelt purpose or kind of record would bind nobody."""
    manifest = pack.manifest
    told = re.findall(r"\b[A-Z][A-Z0-9]+-[A-Z0-9-]*[A-Z0-9]\b", " ".join(manifest.gates))
    assert [rule.rule_id for rule in pack.rules if rule.rule_id not in told] == []
    assert all(duty.rule_id in " ".join(manifest.obliges) for duty in pack.obligations)
    assert set(manifest.purposes) <= catalogue.keys()
    text = "".join(rule.text for rule in (*pack.rules, *pack.obligations))
    assert set(re.findall(r'records.*?contains\("(\w+)"\)', text)) <= RECORD_KINDS.keys()
    assert manifest.legal_review == "none"
    assert {source["mark"] for source in manifest.sources} <= {"S", "K", "S/K"}
    assert manifest.paper


def test_rules_of_all_packs_and_of_core_have_different_ids(operations):
    """They may all be active at once."""
    core = PolicyEngine.load(operations, packs={})
    ids = [rule.rule_id for _, rule in RULES] + [*core.rules, *core.duties]
    assert len(ids) == len(set(ids))


def _with(pack: Pack, rule: Rule, text: str | None) -> Pack:
    """The pack with one rule left out, or in another text."""

    def others(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        changed = () if text is None else (dataclasses.replace(rule, text=text),)
        return tuple(new for each in rules for new in (changed if each is rule else (each,)))

    return dataclasses.replace(pack, rules=others(pack.rules), obligations=others(pack.obligations))


def _scope(rule: Rule) -> set[str]:
    action = _parsed(rule)["action"]
    return {entity["id"] for entity in action.get("entities", [action.get("entity")])}


def _parsed(rule: Rule) -> dict[str, Any]:
    return json.loads(cedarpy.policies_to_json_str(rule.text))["staticPolicies"]["policy0"]


def _mutants(rule: Rule) -> Iterator[tuple[str, str]]:
    """What was changed, and the rule so changed."""
    policy = _parsed(rule)
    entities = policy["action"].get("entities", [])
    for entity in entities:
        rest = [other for other in entities if other is not entity]
        yield f"without {entity['id']}", _text(policy | {"action": {"op": "in", "entities": rest}})
    for index, condition in enumerate(policy["conditions"]):
        rest = [other for other in policy["conditions"] if other is not condition]
        yield f"without its {condition['kind']}", _text(policy | {"conditions": rest})
        for what, body in _changed(condition["body"]):
            changed = list(policy["conditions"])
            changed[index] = condition | {"body": body}
            yield what, _text(policy | {"conditions": changed})


def _changed(body: Any) -> Iterator[tuple[str, Any]]:
    """An expression with one operand dropped, one number moved, or one element of a list left out."""
    if isinstance(body, list):
        for index, part in enumerate(body):
            for what, new in _changed(part):
                yield what, [*body[:index], new, *body[index + 1 :]]
    if not isinstance(body, dict):
        return
    for operator, operands in body.items():
        if operator in {"&&", "||"}:
            yield f"only the left of {operator}", operands["left"]
            yield f"only the right of {operator}", operands["right"]
        if operator == "Value" and isinstance(operands, int) and not isinstance(operands, bool):
            yield f"{operands} and one more", {"Value": operands + 1}
            yield f"{operands} and one less", {"Value": operands - 1}
        if operator == "Set" and len(operands) > 1:
            for part in operands:
                yield f"a list without {part}", {"Set": [other for other in operands if other is not part]}
        if isinstance(operands, dict):
            for side, operand in operands.items():
                for what, new in _changed(operand):
                    yield what, {operator: operands | {side: new}}


def _text(policy: dict[str, Any]) -> str:
    whole = {"staticPolicies": {"policy0": policy}, "templates": {}, "templateLinks": []}
    return cedarpy.policies_from_json_str(json.dumps(whole))
