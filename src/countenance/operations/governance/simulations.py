"""SimulatePolicy: what a change of rule packs would have meant for the account's own calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from countenance.audit.own_calls import list_newest
from countenance.errors import InvalidParameterException, ResourceNotFoundException, ThrottlingException
from countenance.operations.deps import Deps
from countenance.policy.packs import Pack
from countenance.policy.rules import Rule
from countenance.policy.simulation import UNSAID, Outcome, Simulation
from countenance.policy.what_if import WhatIf, what_if
from countenance.wire.shapes import (
    SimulatedCalls,
    SimulatedRule,
    SimulatePolicyRequest,
    SimulatePolicyResponse,
)

_ENTRIES: Final = 1_000
"""Milliseconds for each that is a call to be judged: seconds of a core for all of them."""


def simulate_policy(request: SimulatePolicyRequest, deps: Deps) -> SimulatePolicyResponse:
    """Judge recorded calls anew; nothing is changed, and no transaction is open meanwhile."""
    coming, going = _chosen(request, deps)
    if not deps.house.simulating.acquire(blocking=False):
        raise ThrottlingException("another simulation runs; try again in a few seconds")
    try:
        return _simulate(request, coming, going, deps)
    finally:
        deps.house.simulating.release()


def _simulate(
    request: SimulatePolicyRequest, coming: Mapping[str, Pack], going: Mapping[str, Pack], deps: Deps
) -> SimulatePolicyResponse:
    limit, since = request.get("MaxEntries", _ENTRIES), request.get("Since")
    with deps.house.database.read() as connection:
        entries = list_newest(connection, deps.audit.pseudonym(deps.caller.account_id), limit=limit)
    simulation = Simulation(deps.policies.simulating(coming), since=since)
    leaving = [rule.rule_id for rule in _rules(going)]
    found = what_if(entries[::-1], simulation, going=leaving, since=since)
    outcome = simulation.outcome
    response: SimulatePolicyResponse = {
        "EntriesRead": found.read,
        "IsWhole": len(entries) < limit or found.read < len(entries),
        "Calls": outcome.calls,
        "Allowed": outcome.allowed,
        "WouldBeRefused": outcome.refused,
        "WouldBeAllowed": found.freed,
        "Undecided": outcome.undecided,
        "RebuiltOtherwise": outcome.rebuilt_otherwise,
        "Rules": _told(outcome, found, deps),
        "AllowedEventIds": found.freed_examples[::-1],
        "Unsaid": _unsaid(outcome),
    }
    if found.oldest_at is not None:
        response["OldestAt"] = found.oldest_at
    return response


def _chosen(request: SimulatePolicyRequest, deps: Deps) -> tuple[dict[str, Pack], dict[str, Pack]]:
    """The packs that are to come, and those that are to go.

    Raises:
        ResourceNotFoundException: there is no such pack.
        InvalidParameterException: nothing is to change, a pack is to do both, or cannot go.
    """
    packs = deps.packs.packs()
    names = request.get("Activate", []), request.get("Deactivate", [])
    for name in (*names[0], *names[1]):
        if name not in packs:
            raise ResourceNotFoundException(f"there is no pack `{name}` here: see ListPacks")
    if both := sorted(set(names[0]) & set(names[1])):
        raise InvalidParameterException(f"`{both[0]}` is in both `Activate` and `Deactivate`")
    if lasting := sorted(name for name in names[1] if packs[name].manifest.always):
        raise InvalidParameterException(f"`{lasting[0]}` is always in force for whom it binds: it cannot go")
    if not names[0] and not names[1]:
        raise InvalidParameterException("nothing changes: name packs in `Activate` or `Deactivate`")
    coming, going = ({name: packs[name] for name in sorted(set(each))} for each in names)
    return coming, going


def _rules(packs: Mapping[str, Pack]) -> list[Rule]:
    return [rule for pack in packs.values() for rule in (*pack.rules, *pack.obligations)]


def _told(outcome: Outcome, found: WhatIf, deps: Deps) -> list[SimulatedRule]:
    """Rules that refused something, or would have; those that would have refused most come first."""
    known = {rule.rule_id: rule for rule in _rules(deps.packs.packs())} | _in_force(deps)
    told = []
    for rule_id in {*outcome.rules, *found.refused_then}:
        judged, rule = outcome.rules.get(rule_id), known.get(rule_id)
        told_rule: SimulatedRule = {
            "RuleId": rule_id,
            "CallsBound": judged.bound if judged else 0,
            "RefusedThen": found.refused_then[rule_id],
            "WouldRefuse": judged.refused if judged else 0,
            "RefusedAnyway": judged.refused_already if judged else 0,
            "EventIds": judged.examples if judged and judged.examples else _newest(found, rule_id),
        }
        if judged is not None:
            told_rule |= {"By": _by(judged.by), "RestsOnUnsaid": list(judged.unsaid)}
        if rule is not None:
            told_rule |= {"Pack": rule.pack, "Message": rule.message}
            if rule.obligation:
                told_rule["Obligation"] = rule.obligation
        if told_rule["RefusedThen"] or told_rule["WouldRefuse"] or told_rule["RefusedAnyway"]:
            told.append(told_rule)
    return sorted(told, key=lambda each: (-each["WouldRefuse"], -each["RefusedThen"], each["RuleId"]))


def _in_force(deps: Deps) -> dict[str, Rule]:
    engine = deps.policies.engine(deps.packs.epoch(), datetime.now(UTC).date())
    return {**engine.rules, **engine.duties}


def _newest(found: WhatIf, rule_id: str) -> list[str]:
    return found.refused_by.get(rule_id, [])[::-1]


def _by(counted: Counter[tuple[str, str]]) -> list[SimulatedCalls]:
    told = []
    for (operation, purpose), calls in counted.most_common():
        each: SimulatedCalls = {"Operation": operation, "Calls": calls}
        if purpose:
            each["Purpose"] = purpose
        told.append(each)
    return told


def _unsaid(outcome: Outcome) -> list[str]:
    """What matters to a rule that bound a call, and is not in an entry: how it is taken."""
    names = {name for rule in outcome.rules.values() if rule.bound for name in rule.unsaid}
    return [f"{name}: {UNSAID[name][1]}" for name in sorted(names)]
